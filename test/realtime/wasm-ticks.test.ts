// Exports of WebAssembly as ticks of `periodic`: they work on shared memory, and leave nothing to collect.
// Counts, never times.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { RealtimeContext, RtConstraints, type RealtimeOptions } from 'moirai';
import type * as collecting from './fixtures/collecting.mjs';
import { createMemory, type Memory } from './fixtures/wasm-controller.mjs';
import type * as wasm from './fixtures/wasm-loop.mjs';
import type * as measured from './fixtures/wasm-measured.mjs';
import { ticks, until } from './threads.js';

const fixture = (name: string): URL => new URL(`./fixtures/${name}.mjs`, import.meta.url);
let collectHere: () => void;
beforeAll(() => {
  setFlagsFromString('--expose-gc'); // in isolates to come, and contexts
  collectHere = runInNewContext('gc') as () => void;
});

async function start<M extends object = typeof wasm>(
  memory: Memory,
  name = 'wasm-loop',
  options: Partial<RealtimeOptions> = {},
): Promise<RealtimeContext<M>> {
  return RealtimeContext.start<M>({
    tasks: fixture(name),
    policy: RtConstraints.fifo(3),
    required: false,
    workerData: memory,
    ...options,
  });
}

describe('an export of WebAssembly as a tick', () => {
  test.each(['exclusive', 'cooperative'] as const)('%s: follows set points', async (mode) => {
    const memory = createMemory();
    const numbers = new Float64Array(memory.buffer);
    const counts = new BigInt64Array(memory.buffer);
    await using rt = await start(memory, 'wasm-loop', { mode });
    const task = rt.periodic('tick', { periodUs: 500 });
    for (const wanted of [1, -8, 0.5]) {
      numbers[3] = wanted;
      await until(() => Math.abs((numbers[4] ?? 0) - wanted) < 1e-9);
    }
    await task.stop();
    const { state, ticks: count, execution } = task.stats();
    expect([state, execution.count]).toEqual(['stopped', count]);
    expect(Atomics.load(counts, 2)).toBe(BigInt(count));
  });

  test('that wants a BigInt ends with its error', async () => {
    const memory = createMemory();
    await using rt = await start(memory);
    const error = await new Promise<unknown>((resolve) => {
      rt.periodic('tickWith', { periodUs: 500, onError: resolve });
    });
    expect(error).toBeInstanceOf(TypeError);
    expect(new BigInt64Array(memory.buffer)[2]).toBe(0n);
  });

  test('goes on while other isolates collect everything, and its owner is blocked', async () => {
    const memory = createMemory();
    const counts = new BigInt64Array(memory.buffer);
    await using rt = await start(memory);
    // [0] its collections, [1] ticks meanwhile
    await using other = await start<typeof collecting>(memory, 'collecting', {
      policy: RtConstraints.fifo(2),
      youngGenerationMb: 16,
      workerData: memory.buffer,
    });
    // Less than a collection of the others takes, more than V8 takes to make a small heap smaller.
    const task = rt.periodic('tick', { periodUs: 500, deadlineUs: 10_000 });
    const collects = other.periodic('collect', { periodUs: 50_000 });
    const heap = Array.from({ length: 300_000 }, (_, i) => ({ i, next: { i } }));
    let here = 0n;
    let times = 0;
    // This thread does nothing else: no timer, no message, no promise goes on.
    for (; times < 10 || here < 50n; times++) {
      const before = Atomics.load(counts, 2);
      collectHere();
      here += Atomics.load(counts, 2) - before;
    }
    const words = new Int32Array(memory.buffer);
    for (let seen = 0; seen < 10; seen = Atomics.load(words, 0)) Atomics.wait(words, 0, seen, 1000);
    await Promise.all([task.stop(), collects.stop()]);
    // A tick of the collecting isolate's own would have seen none.
    expect(Number(Atomics.load(counts, 1))).toBeGreaterThan(10);
    expect(heap).toHaveLength(300_000);
    const { causes, ticks: count } = task.stats();
    expect(count).toBeGreaterThan(50);
    // V8 makes the heap of each isolate smaller some seconds after its start, twice, and turns of the event loop
    // leave a little: these are not those of the others.
    expect(causes.gc ?? 0).toBeLessThan(times / 2);
  });

  test('200,000 ticks leave nothing on the heap; a number as the result does', async () => {
    const left = await leftBehind('tick');
    const numbers = await leftBehind('tickOfNumber');
    // Turns of the event loop leave some, and messages; the smallest object of each tick is more than this.
    expect(left.collections).toBe(0);
    expect(left.bytes).toBeLessThan(8 * 200_000);
    expect(numbers.collections > 0 || numbers.bytes > 16 * 200_000).toBe(true);
  });
});

/** What 200,000 ticks leave on the heap of new objects. */
async function leftBehind(
  name: 'tick' | 'tickOfNumber',
): Promise<{ readonly bytes: number; readonly collections: number }> {
  const memory = createMemory();
  const numbers = new Float64Array(memory.buffer);
  await using rt = await start<typeof measured>(memory, 'wasm-measured', { youngGenerationMb: 16 });
  const measure = async (): Promise<number> => {
    const task = rt.periodic('measure', { periodUs: 10_000 });
    await ticks(task, 1);
    await task.stop();
    return numbers[5] ?? 0;
  };
  const before = await measure();
  const reports = rt.periodic('report', { periodUs: 10_000 });
  await until(() => (numbers[6] ?? 0) > 0); // its own
  const collected = numbers[6] ?? 0;
  // As many as make up the number soon.
  const tasks = Array.from({ length: 6 }, () => rt.periodic(name, { periodUs: 50 }));
  const count = (): number => tasks.reduce((sum, task) => sum + task.stats().ticks, 0);
  await until(() => count() >= 200_000);
  await Promise.all(tasks.map(async (task) => task.stop()));
  const bytes = (await measure()) - before;
  // Collections are reported some turns of the event loop later, of which there are 20 a second or more.
  await ticks(reports, reports.stats().ticks + 20);
  return { bytes, collections: (numbers[6] ?? 0) - collected };
}
