// What `allocate` grants beside a place: huge pages, prefaulting, locks; and what it says where not.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { capabilities, numa, type AllocateOptions, type NumaBuffer } from 'moirai';

const here = capabilities();
const project = fileURLToPath(new URL('../..', import.meta.url));
const mebibyte = 2 ** 20;

/** A field of /proc/self/smaps, in kilobytes, summed over all mappings. */
function smaps(field: string): number {
  const text = readFileSync('/proc/self/smaps', 'utf8');
  const lines = text.matchAll(new RegExp(`^${field}:\\s*(\\d+)`, 'gmu'));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Mappings that were advised to use huge pages. */
function advised(): number {
  return readFileSync('/proc/self/smaps', 'utf8').match(/^VmFlags:.* hg\b/gmu)?.length ?? 0;
}

function locked(): number {
  return Number(/^VmLck:\s*(\d+)/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

/** What a program in a Node started through `command` prints as JSON. */
function through(command: readonly string[], body: string): unknown {
  const code = `import { numa } from 'moirai'; ${body}`;
  const [program, ...rest] = [...command, process.execPath, '--input-type=module', '-e', code];
  return JSON.parse(execFileSync(program, rest, { cwd: project, encoding: 'utf8' }));
}

const works = (program: string, ...options: string[]): boolean =>
  spawnSync(program, options).status === 0;

describe('prefault', () => {
  test('gets every page before allocate returns', () => {
    const bytes = 8 * mebibyte;
    const memory = numa.allocate(bytes, { prefault: true });
    expect(memory.degraded).toEqual([]);
    expect([...memory.pageNodes()].every((node) => node >= 0)).toBe(true);
    expect(memory.view(Uint8Array).every((byte) => byte === 0)).toBe(true);
    memory.free();
    expect([...memory.pageNodes()].every((node) => node === -1)).toBe(true);
  });

  test('of more than there is is an error before anything is touched', () => {
    const before = smaps('Rss');
    expect(() => numa.allocate(2 ** 40, { prefault: true })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_OUT_OF_MEMORY' }),
    );
    expect(smaps('Rss') - before).toBeLessThan(100 * 1024);
  });
});

describe('huge pages', () => {
  const canAdvise = here.transparentHugePages.state === 'available';
  if (!canAdvise) console.log('advice of huge pages is not tested: they are turned off here');
  test.runIf(canAdvise)('are advised where they are transparent, as the kernel shows', () => {
    const before = advised();
    const memory = numa.allocate(8 * mebibyte, { hugePages: 'transparent', required: true });
    expect(advised()).toBe(before + 1);
    memory.free();
  });

  test.runIf(canAdvise)('that do not fit into the memory are said to be missing', () => {
    const memory = numa.allocate(mebibyte, { hugePages: 'transparent' });
    expect(memory.degraded).toMatchObject([
      { what: 'hugePages', capability: 'transparentHugePages', code: 'ERR_MOIRAI_NOT_SUPPORTED' },
    ]);
  });

  // Asked for once here, so that what cannot be tested is known before.
  const hugePages = 'explicit';
  const first = numa.allocate(mebibyte, { hugePages });
  const [missing] = first.degraded;
  first.free();
  if (missing !== undefined) console.log(`explicit huge pages are not tested: ${missing.why}`);

  test.runIf(missing === undefined)('of the pool are had, and given back', () => {
    const memory = numa.allocate(mebibyte, { hugePages, required: true });
    memory.view(Uint8Array).fill(7);
    expect(memory.bytes).toBe(mebibyte);
    expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(2 * mebibyte);
    expect(smaps('Private_Hugetlb')).toBeGreaterThanOrEqual(2048);
    memory.free();
    expect(new Uint8Array(memory.buffer, 0, mebibyte).every((byte) => byte === 0)).toBe(true);
  });

  test.runIf(missing !== undefined)('of the pool that cannot be had are said to be missing', () => {
    const memory = numa.allocate(mebibyte, { hugePages });
    expect(memory.degraded).toMatchObject([{ what: 'hugePages', capability: 'hugePages' }]);
    expect(memory.view(Uint8Array).fill(7).length).toBe(mebibyte);
    expect(() => numa.allocate(mebibyte, { hugePages, required: true })).toThrow(
      expect.objectContaining({ code: missing?.code }),
    );
  });
});

describe('a lock', () => {
  const canLock = here.mlock.state === 'available' || here.mlock.state === 'degraded';
  if (!canLock) console.log('locks are not tested: they are refused here');
  test.runIf(canLock)('holds the range, and is gone with it', () => {
    const before = [locked(), smaps('Locked')];
    const memory: NumaBuffer = numa.allocate(mebibyte, { lock: true, required: true });
    expect(locked() - (before[0] ?? 0)).toBe(1024);
    expect(smaps('Locked') - (before[1] ?? 0)).toBe(1024);
    expect([...memory.pageNodes()].every((node) => node >= 0)).toBe(true);
    memory.free();
    expect([locked(), smaps('Locked')]).toEqual(before);
  });

  const drop = ['setpriv', '--bounding-set', '-ipc_lock', '--inh-caps', '-ipc_lock'];
  const limited = ['prlimit', '--memlock=65536:65536', ...drop];
  const canDrop = works(limited[0] ?? '', ...limited.slice(1), 'true');
  if (!canDrop) console.log('limits of locked memory are not tested: they cannot be lowered here');
  test.runIf(canDrop)(
    'beyond RLIMIT_MEMLOCK is degraded and explained, or an error if required',
    () => {
      const seen = through(
        limited,
        `const memory = numa.allocate(2 ** 20, { lock: true });
       memory.view(Uint8Array).fill(1);
       let code;
       try { numa.allocate(2 ** 20, { lock: true, required: true }); } catch (error) { code = error.code; }
       const small = numa.allocate(8192, { lock: true });
       console.log(JSON.stringify({ degraded: memory.degraded, code, small: small.degraded }));`,
      );
      expect(seen).toMatchObject({
        degraded: [{ what: 'lock', capability: 'mlock', syscall: 'mlock' }],
        code: 'ERR_MOIRAI_PERMISSION',
        small: [],
      });
      expect(JSON.stringify(seen)).toContain('RLIMIT_MEMLOCK is 65536');
    },
  );
});

describe('wrong options', () => {
  const wrong: [unknown, unknown, typeof TypeError | typeof RangeError, string][] = [
    ['1', {}, TypeError, 'bytes'],
    [0, {}, RangeError, 'bytes'],
    [-1, {}, RangeError, 'bytes'],
    [1.5, {}, RangeError, 'bytes'],
    [Number.NaN, {}, RangeError, 'bytes'],
    [4096, null, TypeError, 'options'],
    [4096, { nodes: [0] }, TypeError, 'options.nodes'],
    [4096, { node: '0' }, TypeError, 'options.node'],
    [4096, { node: -1 }, RangeError, 'options.node'],
    [4096, { node: 1024 }, RangeError, 'options.node'],
    [4096, { node: 0, policy: { mode: 'local' } }, TypeError, 'options.policy'],
    [4096, { policy: { mode: 'near' } }, RangeError, 'options.policy.mode'],
    [4096, { policy: { mode: 'bind', nodes: [] } }, RangeError, 'options.policy.nodes'],
    [4096, { hugePages: true }, TypeError, 'options.hugePages'],
    [4096, { hugePages: 'always' }, RangeError, 'options.hugePages'],
    [4096, { prefault: 1 }, TypeError, 'options.prefault'],
    [4096, { lock: 'yes' }, TypeError, 'options.lock'],
    [4096, { required: 1 }, TypeError, 'options.required'],
  ];
  test.each(wrong)('%j with %j is refused by name', (bytes, options, type, argument) => {
    const attempt = (): unknown => numa.allocate(bytes as number, options as AllocateOptions);
    expect(attempt).toThrow(type);
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument }),
    );
  });
});
