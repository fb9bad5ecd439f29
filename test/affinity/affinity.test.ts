import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { affinity, currentCpu, currentNode, topology } from 'moirai';

const initial = affinity.get();
const [first = 0, second = 0] = initial;
const few = initial.length < 2;
if (few) console.log('pins are not tested: this process has one CPU');

afterEach(() => affinity.set(initial));

/** What the kernel says, by another way than the one under test. */
function kernelMask(task = 'self'): string {
  const status = readFileSync(
    `/proc/self/task/${task === 'self' ? process.pid : task}/status`,
    'utf8',
  );
  return /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '';
}

describe('affinity.set', () => {
  test.skipIf(few)("changes the calling thread's mask and says what was granted", () => {
    expect(affinity.set([second])).toEqual([second]);
    expect(kernelMask()).toBe(`${second}`);
    expect(currentCpu()).toBe(second);
  });

  test('leaves out what the cpuset does not allow, and says so', () => {
    expect(affinity.set([first, 8000])).toEqual([first]);
  });

  test('a refusing kernel gives errno and the system call', () => {
    expect(() => affinity.set([8191])).toThrow(
      expect.objectContaining({
        name: 'MoiraiError',
        code: 'ERR_MOIRAI_SYSTEM',
        errno: 22,
        syscall: 'sched_setaffinity',
      }),
    );
    expect(affinity.get()).toEqual(initial);
  });

  const wrong: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [undefined, TypeError, 'cpus'],
    ['0-3', TypeError, 'cpus'],
    [new Set([0]), TypeError, 'cpus'],
    [[], RangeError, 'cpus'],
    [[0, '1'], TypeError, 'cpus[1]'],
    [[-1], RangeError, 'cpus[0]'],
    [[0.5], RangeError, 'cpus[0]'],
    [[Number.NaN], RangeError, 'cpus[0]'],
    [[8192], RangeError, 'cpus[0]'],
    [Array.from<number>({ length: 2 }), TypeError, 'cpus[0]'],
  ];
  test.each(wrong)('of %j is refused and changes nothing', (cpus, type, argument) => {
    for (const call of [affinity.set, affinity.pin]) {
      const attempt = (): unknown => call(cpus as number[]);
      expect(attempt).toThrow(type);
      expect(attempt).toThrow(
        expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument }),
      );
    }
    expect(affinity.get()).toEqual(initial);
  });
});

describe.skipIf(few)('affinity.pin', () => {
  test('pins until it is released, and restores the mask from before', () => {
    const pin = affinity.pin([second]);
    expect(pin.cpus).toEqual([second]);
    expect(kernelMask()).toBe(`${second}`);
    pin.release();
    expect(affinity.get()).toEqual(initial);
    affinity.set([second]);
    pin.release();
    expect(affinity.get()).toEqual([second]);
  });

  test('is disposable', () => {
    {
      using pin = affinity.pin([first]);
      expect(affinity.get()).toEqual(pin.cpus);
    }
    expect(affinity.get()).toEqual(initial);
  });

  test('pins nest, and may be released in any order', () => {
    const outer = affinity.pin([first]);
    const inner = affinity.pin([second]);
    outer.release();
    expect(affinity.get()).toEqual([second]);
    inner.release();
    expect(affinity.get()).toEqual(initial);
  });

  test('stays within the CPUs that the process was given', () => {
    affinity.set([first]);
    expect(() => affinity.pin([second])).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'cpus' }),
    );
    expect(affinity.get()).toEqual([first]);
  });

  test('restores a mask that was narrower than the cpuset', () => {
    affinity.set([first]);
    const pin = affinity.pin([first]);
    pin.release();
    expect(kernelMask()).toBe(`${first}`);
  });

  test('a worker created under a pin is born on it and does not share it', async () => {
    const pin = affinity.pin([second]);
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       const { affinity } = require('moirai');
       const born = affinity.get();
       const widened = affinity.set(${JSON.stringify(initial)});
       parentPort.postMessage({ born, widened });`,
      { eval: true },
    );
    pin.release();
    const message = await new Promise((resolve) => worker.once('message', resolve));
    expect(message).toEqual({ born: [second], widened: initial });
    expect(affinity.get()).toEqual(initial);
  });

  test("leaves libuv's thread pool where it was", () => {
    const output = execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { readdirSync, readFileSync } from 'node:fs';
         import { readFile } from 'node:fs/promises';
         import { affinity } from 'moirai';
         const pin = affinity.pin([${first}]);
         await readFile('/proc/self/status');
         const masks = readdirSync('/proc/self/task')
           .filter((task) => Number(task) !== process.pid)
           .map((task) => readFileSync('/proc/self/task/' + task + '/status', 'utf8'))
           .map((status) => /^Cpus_allowed_list:\\s*(.*)$/m.exec(status)[1]);
         console.log(JSON.stringify([...new Set(masks)]));`,
      ],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('../..', import.meta.url)) },
    );
    expect(JSON.parse(output)).toEqual([kernelMask()]);
    expect(readdirSync('/proc/self/task').length).toBeGreaterThan(1);
  });
});

describe('position', () => {
  test.skipIf(few)("currentCpu follows a pin, currentNode is that CPU's node", () => {
    for (const cpu of initial) {
      using _ = affinity.pin([cpu]);
      expect(currentCpu()).toBe(cpu);
      expect(currentNode()).toBe(topology().cpus.find(({ id }) => id === cpu)?.node);
    }
  });
});
