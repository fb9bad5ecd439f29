// What an executor tells of itself.
import type { Histogram } from '../base/index.js';
import type { Priority } from './task-order.js';

/** What an executor tells its listeners. */
export interface ExecutorEvents {
  /** A worker is ready, in place of one that was lost or in addition; its index. */
  workerCreate: [worker: number];
  /** A worker is gone: lost, or sent home because the pool is to be smaller; its index. */
  workerDestroy: [worker: number];
  /** `maxQueue` tasks are outstanding: who goes on spawning should wait for `drain`. */
  needsDrain: [];
  /** After `needsDrain`: no more than half as many are. */
  drain: [];
  /**
   * A worker was lost while it ran no task, or none can be had any more; or a metrics sink threw, for
   * the first time.
   */
  error: [error: unknown];
}

/**
 * Tasks taken from other workers' queues, by how far away those were placed: on the same core (as SMT
 * siblings, or sharing a CPU), behind a shared L2 or L3 cache, elsewhere on the same NUMA node, or on
 * another node. Where workers are not pinned, it is where they were meant to be: the kernel may have
 * moved them.
 */
export interface StealCounts {
  readonly core: number;
  readonly cache: number;
  readonly node: number;
  readonly remote: number;
}

/**
 * Tasks spawned with a hint (`node`) that have begun, by where: on the node that was named, or on another.
 * A hint is missed where all workers of its node were busy, or one that was called for the task did not
 * come in time. Hints that name a node where the executor has no workers are not
 * counted.
 */
export interface HintCounts {
  readonly honoured: number;
  readonly missed: number;
}

/** What one NUMA node's workers have done. */
export interface NodeStats {
  /** Linux's number of the node. */
  readonly node: number;
  /** Tasks its workers have begun. */
  readonly tasks: number;
  /** Tasks that wait in its queue. */
  readonly queued: number;
}

/** How many tasks have ended, since the executor was started, by how. */
export interface TaskCounts {
  /** Gave a result. */
  readonly done: number;
  /** Threw, or gave what cannot be sent. */
  readonly failed: number;
  /** Cancelled, before or while they ran, or given up by closing the executor. */
  readonly cancelled: number;
  /** Their worker was lost. */
  readonly lost: number;
}

/**
 * What a worker has said of its heap: it looks itself, every 250 ms at most, after it has run tasks. A
 * worker that runs no tasks, or one for a long time, tells nothing new.
 */
export interface HeapSample {
  /** Bytes in use on its V8 heap (`used_heap_size`). */
  readonly bytes: number;
  /** How long ago that was, in milliseconds. */
  readonly age: number;
}

/** One worker's share so far. What it has done includes what its lost predecessors have. */
export interface WorkerStats {
  readonly worker: number;
  /** The CPU where it last looked for work, or -1. */
  readonly cpu: number;
  /** The NUMA node it was placed on. */
  readonly node: number;
  /** Tasks it has begun. */
  readonly tasks: number;
  /** Tasks it took from other workers' queues. */
  readonly steals: number;
  readonly stealsByDistance: StealCounts;
  readonly hints: HintCounts;
  /** CPU time of its thread, in milliseconds; read from the kernel now. */
  readonly cpuTime: number;
  /** How often the kernel took the CPU from its thread (involuntary switches); read now. */
  readonly preemptions: number;
  /** Undefined until it has told of it. */
  readonly heapSample: HeapSample | undefined;
  /** How long the tasks that it has finished waited before it began them, in µs. */
  readonly waiting: Histogram;
  /** How long the tasks that it has finished ran, in µs. */
  readonly running: Histogram;
}

/** Tasks with a deadline that are done or have failed: how many were in time, how many were late. */
export interface DeadlineCounts {
  readonly met: number;
  readonly missed: number;
}

/**
 * An executor's state and what it has done since it was started.
 *
 * Histograms are of tasks that are done or have failed, in µs: `waiting` from when a task was queued
 * until a worker began it, `running` from then until it was finished (asynchronous tasks run while
 * others take turns with them). With `statistics: false` they are empty.
 */
export interface ExecutorStats {
  /** Tasks that are queued or running. */
  readonly outstanding: number;
  /** Of those, tasks that no worker has begun. */
  readonly queued: number;
  readonly tasks: TaskCounts;
  readonly waiting: Readonly<Record<Priority, Histogram>>;
  readonly running: Histogram;
  readonly stealsByDistance: StealCounts;
  readonly hints: HintCounts;
  /** The nodes that have a queue: those whose CPUs the executor may use. */
  readonly nodes: readonly NodeStats[];
  /** CPU time of all workers' threads, in milliseconds; read from the kernel now. */
  readonly cpuTime: number;
  /** How often the kernel took the CPU from a worker's thread; read now. */
  readonly preemptions: number;
  /** Tasks that were run again since their worker was lost. */
  readonly rerun: number;
  readonly deadlines: DeadlineCounts;
  readonly workers: readonly WorkerStats[];
}
