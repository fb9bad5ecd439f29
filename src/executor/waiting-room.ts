// Tasks that were spawned and not yet admitted: because all slots are in use, or because the user's own
// queue decides what is next.
import type { KeptArguments } from './kept-arguments.js';
import type { Failure } from './failure.js';
import { priorityOf, type Priority, type TaskOrder } from './task-order.js';
import type { Waiter } from './task-handle.js';
import { invalidType } from '../base/index.js';

/** What a queue of the user's own may know of a task. */
export interface QueuedTask {
  readonly id: number;
  readonly name: string;
  readonly priority: Priority;
  /** When it is due, on the clock of `performance.now()`; undefined: whenever. */
  readonly deadline: number | undefined;
  /** The arguments as they were given. */
  readonly args: readonly unknown[];
}

/**
 * The order in which tasks are given to the workers, in place of the executor's own. Everything that
 * `push` gets must come out of `shift` once, in whatever order; tasks that were cancelled meanwhile
 * come out as well, and are dropped then.
 *
 * Both run on the thread that owns the executor and must not block. A `shift` that gives undefined
 * although tasks are in the queue is asked again when the next task is spawned or finished.
 *
 * @example
 * // The last one first:
 * const stack: QueuedTask[] = [];
 * const queue: QueuePolicy = { push: (task) => void stack.push(task), shift: () => stack.pop() };
 */
export interface QueuePolicy {
  push(task: QueuedTask): void;
  shift(): QueuedTask | undefined;
}

/** A task without a slot. */
export class WaitingTask implements QueuedTask {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly deadline: number | undefined;
  readonly index: number;
  readonly order: TaskOrder;
  readonly kept: KeptArguments;
  /** Undefined: admitted, or nobody waits any more. */
  waiter: Waiter | undefined;

  constructor(options: {
    id: number;
    name: string;
    index: number;
    args: readonly unknown[];
    order: TaskOrder;
    kept: KeptArguments;
    waiter: Waiter;
  }) {
    this.id = options.id;
    this.name = options.name;
    this.index = options.index;
    this.args = options.args;
    this.order = options.order;
    this.kept = options.kept;
    this.waiter = options.waiter;
    const { deadline } = options.order;
    this.deadline = deadline === 0 ? undefined : performance.now() + deadline;
  }

  get priority(): Priority {
    return priorityOf(this.order.bits);
  }
}

/** First in, first out; an array whose head moves. */
class Fifo implements QueuePolicy {
  #tasks: QueuedTask[] = [];
  #head = 0;

  push(task: QueuedTask): void {
    this.#tasks.push(task);
  }

  shift(): QueuedTask | undefined {
    const task = this.#tasks[this.#head++];
    if (task === undefined || (this.#head > 1024 && 2 * this.#head > this.#tasks.length)) {
      this.#tasks = this.#tasks.slice(this.#head);
      this.#head = 0;
    }
    return task;
  }
}

export class WaitingRoom {
  readonly #policy: QueuePolicy;
  /** All that wait, to find one by whoever waits for it. */
  readonly #waiting = new Map<Waiter, WaitingTask>();

  constructor(policy: QueuePolicy | undefined) {
    this.#policy = policy ?? new Fifo();
  }

  /** Tasks that are neither admitted nor cancelled. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Those who wait, oldest first. */
  tasks(): IterableIterator<WaitingTask> {
    return this.#waiting.values();
  }

  push(task: WaitingTask): void {
    if (task.waiter !== undefined) this.#waiting.set(task.waiter, task);
    this.#policy.push(task);
  }

  /** The next one to admit. Throws when the user's queue gives what it did not get. */
  shift(): WaitingTask | undefined {
    for (;;) {
      const task = this.#policy.shift();
      if (task === undefined) return undefined;
      if (!(task instanceof WaitingTask)) {
        throw invalidType('options.queue', 'a queue that gives the tasks it was given', task);
      }
      if (task.waiter === undefined) continue;
      this.#waiting.delete(task.waiter);
      return task;
    }
  }

  /** Looks at each. */
  find(id: number): WaitingTask | undefined {
    return [...this.#waiting.values()].find((task) => task.id === id);
  }

  /** Takes the task of this waiter out; undefined: it is not here. */
  remove(waiter: Waiter): WaitingTask | undefined {
    const task = this.#waiting.get(waiter);
    if (task === undefined) return undefined;
    this.#waiting.delete(waiter);
    task.waiter = undefined;
    return task;
  }

  /** Everybody leaves; `tell` is called for each. */
  clear(tell: (waiter: Waiter, failure: Failure) => void, failure: Failure): void {
    for (const waiter of this.#waiting.keys()) {
      this.remove(waiter);
      tell(waiter, failure);
    }
  }
}
