import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { MoiraiError, SharedRegion } from 'moirai';

const peer = fileURLToPath(new URL('fixtures/region-peer.mjs', import.meta.url));
const name = `test-${process.pid}`;
const path = `/dev/shm/moirai-${process.geteuid?.()}-${name}`;
const mebibyte = 2 ** 20;

afterEach(() => rmSync(path, { force: true }));

/** Mappings of regions in this process. A file that got its name after its birth is mapped as #INODE. */
function mapped(): number {
  const maps = readFileSync('/proc/self/maps', 'utf8');
  return maps.match(/^.*(?:\/memfd:moirai|\/dev\/shm\/(?:moirai-|#)).*$/gmu)?.length ?? 0;
}

/** The memory of a closed region goes when Node has heard that its buffer is gone. */
async function unmapped(count: number): Promise<number> {
  for (let i = 0; i < 1000 && mapped() > count; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return mapped();
}

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error instanceof MoiraiError ? error.code : String(error);
  }
}

/** A second process that has opened the region and waits to be told. */
async function startPeer(region: SharedRegion): Promise<ChildProcess> {
  const named = region.name !== undefined;
  const child = fork(peer, named ? [name] : ['4'], {
    stdio: named ? undefined : ['inherit', 'inherit', 'inherit', 'ipc', region.fd],
  });
  expect((await once(child, 'message'))[0]).toBe('open');
  return child;
}

async function exitOf(child: ChildProcess): Promise<unknown[]> {
  return child.exitCode === null && child.signalCode === null
    ? once(child, 'exit')
    : [child.exitCode, child.signalCode];
}

describe.each(['named', 'anonymous'])('a region that is %s', (kind) => {
  const make = (bytes = mebibyte): SharedRegion =>
    SharedRegion.create(kind === 'named' ? { name, bytes } : { bytes });

  test('is the same memory in two processes, and Atomics on it are atomic across them', async () => {
    using region = make();
    const cells = region.view(Int32Array);
    cells[1] = 42;
    const child = await startPeer(region);
    const rounds = 200_000;
    child.send({ type: 'add', rounds });
    for (let i = 0; i < rounds; i++) Atomics.add(cells, 0, 1);
    expect((await once(child, 'message'))[0]).toEqual({ seen: 42 });
    expect(Atomics.load(cells, 0)).toBe(2 * rounds);
    child.send({ type: 'exit' });
    expect(await exitOf(child)).toEqual([0, null]);
  });

  test('outlives a process that is killed in the middle', async () => {
    using region = make();
    const cells = region.view(Int32Array);
    const child = await startPeer(region);
    child.send({ type: 'spin' });
    while (Atomics.load(cells, 2) < 1000) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    expect(await exitOf(child)).toEqual([null, 'SIGKILL']);
    const last = Atomics.load(cells, 2);
    expect(last).toBeGreaterThanOrEqual(1000);
    expect(Atomics.add(cells, 2, 1)).toBe(last);
    const second = await startPeer(region);
    second.send({ type: 'exit' });
    expect(await exitOf(second)).toEqual([0, null]);
  });

  test('has all its space from the beginning', () => {
    using region = make();
    const blocks =
      kind === 'named' ? statSync(path).blocks : statSync(`/proc/self/fd/${region.fd}`).blocks;
    expect(blocks * 512).toBe(mebibyte);
    expect(region.bytes).toBe(mebibyte);
    expect(region.buffer.byteLength).toBe(mebibyte);
  });

  test('is for its owner alone', () => {
    using region = make();
    expect(statSync(`/proc/self/fd/${region.fd}`).mode & 0o777).toBe(0o600);
  });

  test('that is closed has an empty buffer, no file, and soon no mapping', async () => {
    const before = await unmapped(0);
    const files = readdirSync('/proc/self/fd').length;
    const region = make();
    const view = region.view(Uint8Array);
    expect(mapped()).toBe(before + 1);
    region.close();
    region.close();
    expect(region.fd).toBe(-1);
    expect(region.buffer.byteLength).toBe(0);
    expect(view.length).toBe(0);
    expect(codeOf(() => region.view(Uint8Array))).toBe('ERR_MOIRAI_CLOSED');
    expect(await unmapped(before)).toBe(before);
    expect(readdirSync('/proc/self/fd').length).toBe(files);
  });

  test('that a worker has left open goes with the worker', async () => {
    const before = await unmapped(0);
    const files = readdirSync('/proc/self/fd').length;
    {
      using region = make();
      region.view(Int32Array)[0] = 7;
      const worker = new Worker(
        `const { parentPort, workerData } = require('node:worker_threads');
         const { SharedRegion } = require('moirai');
         globalThis.kept = SharedRegion.open(workerData);
         parentPort.postMessage(kept.view(Int32Array)[0]);`,
        { eval: true, workerData: kind === 'named' ? name : { fd: region.fd } },
      );
      const ended = once(worker, 'exit');
      expect(await once(worker, 'message')).toEqual([7]);
      await ended;
      expect(mapped()).toBe(before + 1);
    }
    expect(await unmapped(before)).toBe(before);
    expect(readdirSync('/proc/self/fd').length).toBe(files);
  });
});

describe('a name', () => {
  test('is taken once, found by open, and gone after unlink', () => {
    using region = SharedRegion.create({ name, bytes: 4096 });
    expect(() => SharedRegion.create({ name, bytes: 4096 })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_SYSTEM', errno: 17 }),
    );
    using second = SharedRegion.open(name);
    second.view(Uint8Array)[0] = 1;
    expect(region.view(Uint8Array)[0]).toBe(1);
    expect(region.unlink()).toBe(true);
    expect(second.unlink()).toBe(false);
    expect(existsSync(path)).toBe(false);
    expect(() => SharedRegion.open(name)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_SYSTEM', errno: 2 }),
    );
    second.view(Uint8Array)[1] = 2;
    expect(region.view(Uint8Array)[1]).toBe(2);
  });

  test.each(['', '.hidden', '../x', 'a/b', 'a b', 'x'.repeat(201), 'ä', 'a\0b', 5, null])(
    '%j is refused',
    (wrong) => {
      for (const call of [
        () => SharedRegion.create({ name: wrong as string, bytes: 1 }),
        () => SharedRegion.open(wrong as string),
        () => SharedRegion.unlink(wrong as string),
      ]) {
        expect(call).toThrow(expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' }));
      }
    },
  );
});

describe('what may not be opened', () => {
  test('others may write to', () => {
    using region = SharedRegion.create({ name, bytes: 4096 });
    for (const mode of [0o620, 0o602, 0o666]) {
      chmodSync(path, mode);
      expect(codeOf(() => SharedRegion.open(name))).toBe('ERR_MOIRAI_PERMISSION');
      expect(codeOf(() => SharedRegion.open({ fd: region.fd }))).toBe('ERR_MOIRAI_PERMISSION');
    }
    chmodSync(path, 0o600);
    SharedRegion.open(name).close();
  });

  const isRoot = process.geteuid?.() === 0;
  if (!isRoot) console.log("another user's region is not tested: only root can make one");
  test.runIf(isRoot)("is another user's", () => {
    SharedRegion.create({ name, bytes: 4096 }).close();
    expect(spawnSync('chown', ['65534', path]).status).toBe(0);
    expect(codeOf(() => SharedRegion.open(name))).toBe('ERR_MOIRAI_PERMISSION');
  });

  test('is no region', () => {
    writeFileSync(path, '', { mode: 0o600 });
    expect(codeOf(() => SharedRegion.open(name))).toBe('ERR_MOIRAI_CORRUPT');
    rmSync(path);
    spawnSync('ln', ['-s', '/etc/passwd', path]);
    expect(codeOf(() => SharedRegion.open(name))).toBe('ERR_MOIRAI_SYSTEM');
    rmSync(path);
    spawnSync('mkfifo', ['-m', '600', path]);
    expect(codeOf(() => SharedRegion.open(name))).toBe('ERR_MOIRAI_CORRUPT');
    expect(codeOf(() => SharedRegion.open({ fd: 1_000_000 }))).toBe('ERR_MOIRAI_SYSTEM');
    for (const wrong of [undefined, null, 5, {}, { fd: '3' }]) {
      expect(() => SharedRegion.open(wrong as never)).toThrow(
        expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' }),
      );
    }
  });
});

describe('space', () => {
  test('that there is not is an error, and nothing is left behind', async () => {
    const before = [await unmapped(0), readdirSync('/proc/self/fd').length];
    const codes = ['ERR_MOIRAI_OUT_OF_MEMORY', 'ERR_MOIRAI_TOO_LARGE'];
    expect(codes).toContain(codeOf(() => SharedRegion.create({ name, bytes: 2 ** 45 })));
    expect(existsSync(path)).toBe(false);
    const after = [await unmapped(before[0] ?? 0), readdirSync('/proc/self/fd').length];
    expect(after).toEqual(before);
  });

  // A /dev/shm of one's own, as small as a container's.
  const small = ['unshare', '--mount', 'sh', '-c'];
  const mount = 'mount -t tmpfs -o size=1m tmpfs /dev/shm';
  const canMount = spawnSync('unshare', [...small.slice(1), mount]).status === 0;
  if (!canMount) console.log('a full /dev/shm is not tested: it cannot be mounted here');
  test.runIf(canMount)('in a full /dev/shm is an error and no signal', () => {
    const code = `import { SharedRegion } from 'moirai';
      const half = SharedRegion.create({ name: 'half', bytes: 2 ** 19 });
      try { SharedRegion.create({ name: 'more', bytes: 2 ** 20 }); } catch (error) { console.log(error.code, error.errno); }
      half.view(Uint8Array).fill(1);
      console.log(SharedRegion.unlink('more'), SharedRegion.unlink('half'));`;
    const { stdout, status, signal } = spawnSync(
      'unshare',
      [
        ...small.slice(1),
        `${mount} && exec "$0" --input-type=module -e "$1"`,
        process.execPath,
        code,
      ],
      { cwd: fileURLToPath(new URL('../..', import.meta.url)), encoding: 'utf8' },
    );
    expect([stdout, status, signal]).toEqual([
      'ERR_MOIRAI_OUT_OF_MEMORY 28\nfalse true\n',
      0,
      null,
    ]);
  });
});
