// What a task can know of itself, and how it hears that it should end.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Priority } from './task-order.js';
import { MoiraiError } from '../base/index.js';

/** What the worker's runner answers for its tasks. */
export interface TaskHost {
  /** The task of this slot is the one with this generation, and should end. */
  isCancelled(slot: number, generation: number): boolean;
  /** Takes in what the owner has sent, without the event loop. */
  takeMessages(): void;
  /** Milliseconds until the task's deadline, Infinity without one. */
  remaining(slot: number, generation: number): number;
}

/** The task that is running: what it is, how much time it has, and whether it should end. */
export class CurrentTask {
  /** As the handle's. */
  readonly id: number;
  /** The task's name in its module; `'call'` for a function given to `executor.call`. */
  readonly name: string;
  readonly priority: Priority;
  /** The number of the worker that runs it. */
  readonly worker: number;
  /** Linux's number of the NUMA node of that worker. */
  readonly node: number;
  readonly #host: TaskHost;
  readonly #slot: number;
  readonly #generation: number;
  #controller: AbortController | undefined;
  #cancelled: { readonly reason: unknown } | undefined;
  #deadline: number | undefined;

  /** @internal */
  constructor(
    host: TaskHost,
    slot: number,
    generation: number,
    about: Pick<CurrentTask, 'id' | 'name' | 'priority' | 'worker' | 'node'>,
  ) {
    this.#host = host;
    this.#slot = slot;
    this.#generation = generation;
    this.id = about.id;
    this.name = about.name;
    this.priority = about.priority;
    this.worker = about.worker;
    this.node = about.node;
  }

  /** When it should be done, on this thread's `performance.now()` clock; undefined: no deadline. */
  get deadline(): number | undefined {
    const due = (this.#deadline ??=
      performance.now() + this.#host.remaining(this.#slot, this.#generation));
    return Number.isFinite(due) ? due : undefined;
  }

  /** Milliseconds until the deadline, negative after it; Infinity without one. */
  get remaining(): number {
    return (this.deadline ?? Number.POSITIVE_INFINITY) - performance.now();
  }

  /**
   * Aborts when the task was cancelled, or has run for longer than its timeout. The event loop brings
   * it: code that does not give way to the event loop asks `checkpoint()` instead.
   */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled.reason);
    return this.#controller.signal;
  }

  /**
   * Throws the reason if the task was cancelled; costs some ten nanoseconds if not. Call it now and
   * then in a long computation.
   */
  checkpoint(): void {
    if (this.#cancelled === undefined && this.#host.isCancelled(this.#slot, this.#generation)) {
      this.#host.takeMessages();
    }
    if (this.#cancelled !== undefined) throw this.#cancelled.reason;
  }

  /** @internal */
  cancel(reason: unknown): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = { reason };
    this.#controller?.abort(reason);
  }
}

/** Set once `moirai/worker` is loaded in this thread; following every task costs a little. */
let tasks: AsyncLocalStorage<CurrentTask> | undefined;

export function followTasks(): void {
  tasks ??= new AsyncLocalStorage();
}

export function followedTasks(): AsyncLocalStorage<CurrentTask> | undefined {
  return tasks;
}

export function currentOne(): CurrentTask {
  const task = tasks?.getStore();
  if (task === undefined) {
    throw new MoiraiError(
      'ERR_MOIRAI_NOT_SUPPORTED',
      'currentTask() is for code that a task runs, directly or by what it awaits',
    );
  }
  return task;
}
