// What an executor holds for each task that may be outstanding, whether it is or not; started by
// main.mjs. From executors of very different `maxQueue`: the difference of what the process holds, by
// the difference of slots; and what a queued task touches of it. Prints bytes a slot as JSON.
import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
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

/** Resident, and not V8's heap. */
function resident() {
  gc();
  gc();
  const { total_physical_size: heap, malloced_memory: allocated } = getHeapStatistics();
  return process.memoryUsage().rss - heap - allocated;
}

/** At most: some of V8's bookkeeping of its own objects is in it. */
async function touched(count) {
  const executor = await Executor.start({ tasks, threads: 1, maxQueue: large });
  await Promise.all(Array.from({ length: 1000 }, () => executor.run.meet()));
  const meeting = createMeeting(2);
  void executor.run.meet(meeting.buffer);
  await meeting.filled(1);
  const before = resident();
  for (let i = 0; i < count; i++) void executor.run.meet();
  return (resident() - before) / count;
}

await costOf(small, 2); // what is loaded once
const [one, two] = [await slope(1), await slope(2)];
const heap = one('heap');
const typedArrays = one('arrayBuffers'); // the slots' shared memory is not counted there
const perWorker = two('data') - one('data');
const result = {
  slot: slotBytes,
  touched: await touched(large / 2),
  /** Where tasks wait: the rest, which does not depend on the number of workers. */
  queues: one('data') - slotBytes - heap - typedArrays - perWorker,
  perWorker,
  typedArrays,
  heap,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
