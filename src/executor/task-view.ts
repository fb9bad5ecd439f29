// A task as the views show it: what is known of it now.
import type { TaskFault } from './fault.js';
import type { TaskStatus } from './task-handle.js';
import type { Priority } from './task-order.js';

/**
 * One task as it stood when it was looked at. Points in time are in milliseconds on the owner's
 * `performance.now()` timeline (add `performance.timeOrigin` for the time of day), durations in
 * milliseconds. With `statistics: false` there are neither, nor
 * are there of a task that waits to be admitted (`onFull`, `queue`).
 */
export interface TaskView {
  /** The same as its handle's. */
  readonly id: number;
  /** Its name in the task module; `'call'` of a function given to `executor.call`. */
  readonly name: string;
  readonly status: TaskStatus;
  readonly priority: Priority;
  /** The worker that began it; undefined while it is queued, and when it was never begun. */
  readonly worker: number | undefined;
  /** That worker's NUMA node. */
  readonly node: number | undefined;
  readonly queuedTime: number | undefined;
  /** When a worker began it. */
  readonly startedTime: number | undefined;
  readonly finishedTime: number | undefined;
  /** How long it waited for a worker, so far. */
  readonly waiting: number | undefined;
  /** How long it ran, so far; of an asynchronous task, until it was settled. */
  readonly running: number | undefined;
  /** Of one that failed, or was cancelled or lost: its error, in short. */
  readonly error: TaskFault | undefined;
}

/** Which tasks: queued or running; done; or failed, cancelled and lost. */
export type TaskViewKind = 'active' | 'completed' | 'failed';

/** How a finished task fared; durations in milliseconds. */
export interface TaskMetrics {
  /** From when it was queued until a worker began it. */
  readonly waiting: number;
  /** From then until it was finished. */
  readonly running: number;
  /** Undefined when it was never begun. */
  readonly worker: number | undefined;
  /** That worker's NUMA node. */
  readonly node: number | undefined;
  /**
   * With `measure: true`: CPU time of its synchronous part, in milliseconds: from its beginning until
   * it returned or first awaited.
   */
  readonly cpuTime: number | undefined;
  /** With `measure: true`: how often the kernel took the CPU from it during that part. */
  readonly preemptions: number | undefined;
}
