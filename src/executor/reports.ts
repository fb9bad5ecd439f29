// What an executor tells of itself.

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
  /** A worker was lost while it ran no task, or none can be had any more. */
  error: [error: unknown];
}

/** One worker's share so far. */
export interface WorkerStats {
  readonly worker: number;
  /** The CPU where it last looked for work, or -1. */
  readonly cpu: number;
  /** The NUMA node it was placed on. */
  readonly node: number;
  /** Tasks it has begun, those of its lost predecessors included. */
  readonly tasks: number;
  /** Tasks it took from other workers' queues. */
  readonly steals: number;
  /** CPU time of its thread and its lost predecessors', in milliseconds. */
  readonly cpuTime: number;
}

export interface ExecutorStats {
  /** Tasks that are queued or running. */
  readonly outstanding: number;
  /** Of those, tasks that no worker has begun. */
  readonly queued: number;
  /** Tasks that were run again since their worker was lost. */
  readonly rerun: number;
  readonly workers: readonly WorkerStats[];
}
