// What an executor holds for each task that may be outstanding, whether it is or not; started by
// main.mjs. From executors of very different `maxQueue`: the difference of what the process holds, by
// the difference of slots; and what a queued task touches of it. Prints bytes a slot as JSON.
import { readFileSync } from 'node:fs';
import { Executor } from 'moirai';
import { slotBytes } from '../../dist/executor/layout.js';
import { createMeeting } from './meeting.mjs';

const [small, large] = [2 ** 12, 2 ** 20];
const tasks = new URL('./tasks.mjs', import.meta.url);

function held() {
  gc();
  gc();
  const { heapUsed: heap, arrayBuffers } = process.memoryUsage();
  // Private memory of the process that can be written to, touched or not.
  const kib = Number(/^VmData:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  return { heap, arrayBuffers, data: kib * 1024 };
}

async function costOf(maxQueue, threads) {
  const before = held();
  const executor = await Executor.start({ tasks, threads, maxQueue });
  const after = held();
  void executor;
  return Object.fromEntries(
    Object.entries(after).map(([key, value]) => [key, value - before[key]]),
  );
}

async function slope(threads) {
  const [less, more] = [await costOf(small, threads), await costOf(large, threads)];
  return (key) => (more[key] - less[key]) / (large - small);
}

/**
 * Bytes resident of each mapping without a name that may hold something for each of `large` slots, by where
 * it begins and ends. (V8 takes its heap in pages of 256 KiB.)
 */
function mappings() {
  gc();
  gc();
  const resident = new Map();
  for (const part of readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-)/m)) {
    const [, range] = /^(\S+) \S+ \S+ \S+ 0\s*$/m.exec(part) ?? [];
    if (range === undefined) continue;
    const [begin = 0, end = 0] = range.split('-').map((address) => Number.parseInt(address, 16));
    if (end - begin >= large * 4)
      resident.set(range, Number(/^Rss:\s+(\d+)/m.exec(part)?.[1]) * 1024);
  }
  return resident;
}

/** What a queued task made resident of that which the executor had reserved at its start. */
async function touched(count, statistics) {
  const executor = await Executor.start({ tasks, threads: 1, maxQueue: large, statistics });
  await Promise.all(Array.from({ length: 1000 }, () => executor.run.meet()));
  const meeting = createMeeting(2);
  void executor.run.meet(meeting.buffer);
  await meeting.filled(1);
  const before = mappings();
  for (let i = 0; i < count; i++) void executor.run.meet();
  let grown = 0;
  for (const [range, bytes] of mappings()) grown += bytes - (before.get(range) ?? bytes);
  return grown / count;
}

await costOf(small, 2); // what is loaded once
const [one, two] = [await slope(1), await slope(2)];
const heap = one('heap');
const typedArrays = one('arrayBuffers'); // the slots' shared memory is not counted there
const perWorker = two('data') - one('data');
const result = {
  slot: slotBytes,
  touched: await touched(large / 2, false),
  timed: await touched(large / 2, true),
  /** Where tasks wait: the rest, which does not depend on the number of workers. */
  queues: one('data') - slotBytes - heap - typedArrays - perWorker,
  perWorker,
  typedArrays,
  heap,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
