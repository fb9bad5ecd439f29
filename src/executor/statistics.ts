// Gathers an executor's statistics: counters and histograms from the native side, one worker after the
// other.
import { Histogram } from '../base/index.js';
import type { Dispatcher } from './dispatcher.js';
import { priorities } from './layout.js';
import type { Placement } from './placement.js';
import type { ExecutorStats, StealCounts, WorkerStats } from './reports.js';
import { priorityNames, type Priority } from './task-order.js';

const allSeats = -1;
const anyPriority = -1;
const running = priorities;
/** More numbers than any histogram of the native side has. */
const histogramNumbers = 4096;

/** `has`: somebody sits there. Seats that were never used are left out. */
export function readStatistics(
  dispatcher: Dispatcher,
  placement: Placement,
  has: (seat: number) => boolean,
): ExecutorStats {
  const numbers = new Float64Array(histogramNumbers);
  const histogram = (seat: number, which: number): Histogram => {
    const length = dispatcher.native.histogram(seat, which, numbers);
    return new Histogram('µs', numbers.subarray(0, length), 1e-3);
  };
  const workers = placement.seats.flatMap(({ node }, worker): WorkerStats[] => {
    const read = readWorker(dispatcher, worker);
    if (read.tasks === 0 && !has(worker)) return [];
    const stats = {
      ...read,
      node,
      waiting: histogram(worker, anyPriority),
      running: histogram(worker, running),
    };
    return [stats];
  });
  const waiting = priorityNames.map((name, priority) => [name, histogram(allSeats, priority)]);
  const sum = (of: (worker: WorkerStats) => number): number =>
    workers.reduce((total, worker) => total + of(worker), 0);
  return {
    outstanding: dispatcher.outstanding,
    queued: dispatcher.queued,
    rerun: dispatcher.rerun,
    deadlines: dispatcher.history.deadlines(),
    tasks: dispatcher.history.counts(),
    waiting: Object.fromEntries(waiting) as Record<Priority, Histogram>,
    running: histogram(allSeats, running),
    stealsByDistance: {
      core: sum((worker) => worker.stealsByDistance.core),
      cache: sum((worker) => worker.stealsByDistance.cache),
      node: sum((worker) => worker.stealsByDistance.node),
      remote: sum((worker) => worker.stealsByDistance.remote),
    },
    hints: {
      honoured: sum(({ hints }) => hints.honoured),
      missed: sum(({ hints }) => hints.missed),
    },
    nodes: placement.nodes.map((node, queue) => ({
      node,
      tasks: sum((worker) => (worker.node === node ? worker.tasks : 0)),
      queued: dispatcher.native.backlogOf(queue),
    })),
    cpuTime: sum((worker) => worker.cpuTime),
    preemptions: sum((worker) => worker.preemptions),
    workers,
  };
}

function readWorker(
  { native, scratch }: Dispatcher,
  worker: number,
): Omit<WorkerStats, 'node' | 'waiting' | 'running'> {
  native.seatStats(worker);
  const [tasks = 0, steals = 0, , cpu = -1, honoured = 0, missed = 0] = scratch;
  native.samples(worker);
  const [cpuNs = 0, preemptions = 0, bytes = 0, ageNs = -1] = scratch;
  const [core = 0, cache = 0, node = 0, remote = 0] = scratch.subarray(4);
  const stealsByDistance: StealCounts = { core, cache, node, remote };
  return {
    worker,
    cpu,
    tasks,
    steals,
    stealsByDistance,
    hints: { honoured, missed },
    cpuTime: cpuNs / 1e6,
    preemptions,
    heapSample: ageNs < 0 ? undefined : { bytes, age: ageNs / 1e6 },
  };
}
