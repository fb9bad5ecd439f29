// The few figures that a change must not make worse, each as nanoseconds a task in one short slice.
import { workloads } from '../executor/workloads.mjs';

const now = performance.now.bind(performance);

/** Serial: one task after the other. Otherwise so many in flight. */
export const figures = {
  'empty, serial p50': { workload: 'empty', window: 1 },
  'empty, 64 in flight': { workload: 'empty', window: 64 },
  'empty, 10,000 in flight': { workload: 'empty', window: 10_000 },
  'object, 64 in flight': { workload: 'object', window: 64 },
  '64 KiB, 64 in flight': { workload: 'bytes', window: 64 },
  'spawn, 64 in flight': { workload: 'empty', window: 64, spawn: true },
};

/** A function of the slice's length in milliseconds for each figure. */
export function slices(executor) {
  return Object.fromEntries(
    Object.entries(figures).map(([name, { workload, window, spawn = false }]) => {
      const { task, input } = workloads[workload];
      const run = executor.run[task];
      const withoutValue = spawn ? () => executor.spawn(task, []) : () => run();
      const call = task === 'empty' ? withoutValue : (value) => run(value);
      const measure = window === 1 ? serial : inFlight;
      return [name, (ms) => measure(call, input, ms, window)];
    }),
  );
}

const samples = new Float64Array(100_000);

async function serial(call, input, ms) {
  const end = now() + ms;
  let count = 0;
  for (let stop = 0; stop < end && count < samples.length; ) {
    const value = input(count);
    const start = now();
    await call(value);
    stop = now();
    samples[count++] = stop - start;
  }
  return samples.subarray(0, count).toSorted()[count >> 1] * 1e6;
}

/** Until the last of them has ended: every task that was begun is counted. */
async function inFlight(call, input, ms, window) {
  let begun = 0;
  const start = now();
  const end = start + ms;
  let going = true;
  const lane = async () => {
    while (going) {
      await call(input(begun++));
      if ((begun & 31) === 0 && now() >= end) going = false;
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
  return ((now() - start) * 1e6) / begun;
}
