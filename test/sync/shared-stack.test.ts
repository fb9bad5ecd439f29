import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { attach, share, SharedStack } from 'moirai';
import { codeOf, fileOf, inThread, kill, newSeed, sleep, startProcess } from './kit.js';
import { runs } from '../properties.js';

const name = `stack-${process.pid}`;
const path = fileOf(name);
/** Where the object begins in its file; before it is what names it. */
const objectAt = 16_384;
afterEach(() => rmSync(path, { force: true }));

test('does what a bounded stack does, with numbers and with bytes', () => {
  const value = fc.uint8Array({ maxLength: 20 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.array(fc.oneof(fc.constant('pop' as const), value, fc.double()), {
        maxLength: 60,
        size: 'max',
      }),
      (capacity, steps) => {
        using numbers = new SharedStack({ capacity });
        using bytes = new SharedStack({ capacity, value: 20 });
        const models = { numbers: [] as unknown[], bytes: [] as unknown[] };
        const push = (model: unknown[], one: unknown): boolean =>
          model.length < capacity && model.push(one) > 0;
        for (const step of steps) {
          let results: unknown[];
          if (step === 'pop') {
            results = [numbers.pop(), models.numbers.pop(), bytes.pop(), models.bytes.pop()];
          } else if (typeof step === 'number') {
            results = [numbers.push(step), push(models.numbers, step)];
          } else {
            results = [bytes.push(step), push(models.bytes, step)];
          }
          for (let i = 0; i < results.length; i += 2) expect(results[i]).toEqual(results[i + 1]);
          expect([numbers.size, bytes.size]).toEqual([models.numbers.length, models.bytes.length]);
        }
      },
    ),
    { numRuns: runs(200) },
  );
});

test('refuses what is not a value, and changes nothing', () => {
  using numbers = new SharedStack({ capacity: 4 });
  using bytes = new SharedStack({ capacity: 4, value: 8 });
  for (const value of ['1', undefined, new Uint8Array(8)]) {
    expect(codeOf(() => numbers.push(value as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  }
  for (const value of [1, undefined, new Uint8Array(9), new Float64Array(1)]) {
    expect(codeOf(() => bytes.push(value as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  }
  expect([numbers.size, bytes.size]).toEqual([0, 0]);
});

test('refuses wrong options', () => {
  for (const options of [
    undefined,
    {},
    { capacity: 0 },
    { capacity: 2 ** 24 },
    { capacity: 1.5 },
    { capacity: 4, value: 'u8' },
    { capacity: 4, value: 0 },
    { capacity: 4, shared: '../x' },
    { capacity: 4, share: 'x' },
  ]) {
    expect(codeOf(() => new SharedStack(options as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  }
});

test('is closed for a thread that has closed it', () => {
  const stack = new SharedStack({ capacity: 4 });
  const handle = share(stack);
  stack.push(1);
  stack.close();
  stack.close();
  expect(stack.isClosed).toBe(true);
  for (const call of [
    () => stack.push(1),
    () => stack.pop(),
    () => stack.size,
    () => share(stack),
  ]) {
    expect(codeOf(call)).toBe('ERR_MOIRAI_CLOSED');
  }
  expect(attach(handle).pop()).toBe(1);
});

test('loses and doubles nothing between threads', async () => {
  const stack = new SharedStack({ capacity: 32 });
  const each = 20_000;
  const popped = await Promise.all(
    [0, 1, 2].map((t) =>
      inThread<number[]>('exchange', { handle: share(stack), from: t * each, count: each }),
    ),
  );
  const all = popped.flat();
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) all.push(value);
  expect(Float64Array.from(all).sort()).toEqual(
    Float64Array.from({ length: 3 * each }, (_, i) => i),
  );
});

test('survives processes that are killed, at the cost of a place each', async () => {
  const sizes = { capacity: 64, value: 256 };
  const kills = 10;
  using stack = new SharedStack({ ...sizes, shared: name });
  for (let i = 0; i < kills; i++) {
    const child = await startProcess('churn', { name, sizes });
    await sleep(i);
    await kill(child);
  }
  let there = 0;
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    expect(value).toEqual(new Uint8Array(sizes.value).fill(value[0] as number));
    there++;
  }
  expect(there).toBeLessThanOrEqual(sizes.capacity);
  let room = 0;
  while (stack.push(new Uint8Array(1))) room++;
  expect(room).toBeGreaterThanOrEqual(sizes.capacity - kills);
});

test('a name is one stack for all who say the same sizes, until it is taken away', () => {
  using stack = new SharedStack({ capacity: 4, shared: name });
  using same = new SharedStack({ capacity: 4, shared: name });
  expect([stack.name, new SharedStack({ capacity: 1 }).name]).toEqual([name, undefined]);
  stack.push(1);
  expect(same.pop()).toBe(1);
  for (const other of [{ capacity: 5 }, { capacity: 4, value: 8 }]) {
    expect(codeOf(() => new SharedStack({ ...other, shared: name }))).toMatch(
      /^ERR_MOIRAI_(?:INVALID_ARGUMENT|CORRUPT)$/,
    );
  }
  expect([SharedStack.unlink(name), SharedStack.unlink(name)]).toEqual([true, false]);
  stack.push(2);
  using other = new SharedStack({ capacity: 4, shared: name });
  expect([other.pop(), same.pop()]).toEqual([undefined, 2]);
});

test('whatever is written over its memory, calls give values or errors', () => {
  const seed = newSeed();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2 ** 16), fc.nat(255)), { minLength: 10 }), (bytes) => {
      using stack = new SharedStack({ capacity: 16, value: 24, shared: name });
      for (let i = 0; i < 10; i++) stack.push(new Uint8Array(24));
      const { length } = readFileSync(path);
      const file = openSync(path, 'r+');
      for (const [at, byte] of bytes)
        writeSync(file, Buffer.of(byte), 0, 1, objectAt + (at % (length - objectAt)));
      closeSync(file);
      for (let i = 0; i < 40; i++) {
        const code = codeOf(() => (i % 3 === 0 ? stack.push(new Uint8Array(24)) : stack.pop()));
        expect([undefined, 'ERR_MOIRAI_CORRUPT']).toContain(code);
      }
      SharedStack.unlink(name);
    }),
    { seed, numRuns: runs(100) },
  );
});
