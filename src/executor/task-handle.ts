import { checkBoolean, checkMilliseconds, checkOptions, MoiraiError } from '../base/index.js';
import { ChosenFailure, LocalFailure, rejectWith, type Failure } from './failure.js';
import type { CancelRequest } from './overseer.js';
import { defaultGrace } from './task-order.js';
import type { TaskMetrics } from './task-view.js';

/** Where a task stands. `'running'` from the moment a worker has taken it. */
export type TaskStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** What a handle needs of its executor. */
export interface HandleOwner {
  statusOf(slot: number): 'queued' | 'running';
  /** Takes the task out of the queue, or has its worker end it; false: it has finished. */
  cancel(handle: TaskHandle<unknown>, request: CancelRequest): boolean;
  metricsOf(handle: TaskHandle<unknown>): TaskMetrics | undefined;
  /** Blocks the thread until `settled()` or the time is over. */
  waitFor(settled: () => boolean, milliseconds: number): void;
}

/**
 * Whoever is told of a task's end: a handle, or, of the promise that `run` gave out, its resolve
 * function alone, the least there is to keep for a task.
 */
export type Waiter = TaskHandle<unknown> | ((value: unknown) => void);

export function succeed(waiter: Waiter | undefined, value: unknown): void {
  if (typeof waiter === 'function') waiter(value);
  else waiter?.succeed(value);
}

export function fail(waiter: Waiter | undefined, failure: Failure): void {
  if (typeof waiter === 'function') rejectWith(waiter, failure);
  else waiter?.fail(failure);
}

const forever = 2 ** 31 - 1;

/** How a task went. */
export interface Took {
  /** In ns. */
  readonly waited: number;
  readonly ran: number;
  /** The seat that began it, or -1. */
  readonly worker: number;
  /** Of a measured one. */
  readonly use: { readonly cpuTime: number; readonly preemptions: number } | undefined;
}

/** Checks the options; the request names the task if no reason was given. */
export function cancelRequest(
  reason: unknown,
  options: CancelOptions | undefined,
): (name: string) => CancelRequest {
  const { force = false, grace = defaultGrace } = checkOptions('options', options, [
    'force',
    'grace',
  ]);
  checkBoolean('options.force', force);
  checkMilliseconds('options.grace', grace);
  return (name) => ({
    failure:
      reason === undefined
        ? new LocalFailure(new MoiraiError('ERR_MOIRAI_CANCELLED', `task '${name}' was cancelled`))
        : new ChosenFailure(reason, true),
    grace,
    force: force ? 'always' : 'never',
  });
}

/** How a task that is running is ended. */
export interface CancelOptions {
  /**
   * When the grace is over and the task still runs: ends its worker's thread, and another takes its
   * place. Tasks that the worker had not begun go to others; those that it had begun fail with
   * WORKER_LOST, or run again if they are idempotent. Default false.
   */
  readonly force?: boolean | undefined;
  /** Milliseconds that the task has to end by itself. Default 100. */
  readonly grace?: number | undefined;
}

/**
 * A task that was given to an executor. Awaitable like a promise, and without ever creating one when
 * nobody awaits it.
 *
 * A failure that nobody ever looks at is an unhandled rejection, as with any promise; a task that was
 * cancelled, or ended by closing its executor, is not.
 *
 * Threads: belongs to the thread that created the executor.
 *
 * @example
 * const handle = executor.spawn('digest', ['/etc/hostname']);
 * handle.status; // 'queued'
 * const text = await handle;
 */
export class TaskHandle<T> implements Promise<T> {
  /** Unique among the tasks of its executor; after 2^40 of them numbers come again. */
  readonly id: number;
  /** The task's name in its module. */
  readonly name: string;

  /** @internal */
  slot = -1;
  /** @internal Of the finished task; one field, since handles of queued tasks are many. */
  took: Took | undefined = undefined;

  readonly #owner: HandleOwner;
  #state: 'pending' | 'done' | 'failed' | 'cancelled' = 'pending';
  #outcome: unknown = undefined;
  #promise: Promise<T> | undefined = undefined;
  #resolve: ((value: unknown) => void) | undefined = undefined;
  #onFinished: (() => void) | undefined = undefined;
  #polled = false;

  /** @internal Handles come from `executor.spawn`. */
  constructor(owner: HandleOwner, id: number, name: string) {
    this.#owner = owner;
    this.id = id;
    this.name = name;
  }

  get status(): TaskStatus {
    return this.#state === 'pending' ? this.#owner.statusOf(this.slot) : this.#state;
  }

  /** The task is done, has failed or was cancelled. */
  get isFinished(): boolean {
    return this.#state !== 'pending';
  }

  /** The result, when it is there. The same as awaiting the handle. */
  join(): Promise<T> {
    this.#promise ??= this.#createPromise();
    return this.#promise;
  }

  /**
   * The result, or ERR_MOIRAI_TIMEOUT with `scope: 'wait'` if it takes longer than `ms` milliseconds;
   * the task goes on then, and may be waited for again.
   */
  async joinTimeout(ms: number): Promise<T> {
    checkMilliseconds('ms', ms);
    const expired = Symbol('expired');
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<typeof expired>((resolve) => {
      timer = setTimeout(resolve, Math.min(ms, forever), expired);
    });
    try {
      const result = await Promise.race([this.join(), limit]);
      if (result === expired) throw this.#waitExpired(ms);
      return result;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * `{ value }` when the task is done, undefined while it is not; throws the task's error. A handle
   * that was asked this way counts as looked at: a later failure is not an unhandled rejection.
   */
  tryJoin(): { value: T } | undefined {
    this.#polled = true;
    if (this.#state === 'pending') return undefined;
    if (this.#state === 'done') return { value: this.#outcome as T };
    throw this.#observeFailure();
  }

  /**
   * Blocks this thread until the task is finished, and gives its result or throws its error.
   * Allowed on the main thread: results of other tasks are taken in meanwhile and lost workers are
   * replaced, but no timer, I/O or promise reaction of this thread runs.
   *
   * @param ms give up after so many milliseconds with ERR_MOIRAI_TIMEOUT, `scope: 'wait'`
   */
  joinSync(ms?: number): T {
    const limit = ms === undefined ? Number.POSITIVE_INFINITY : checkMilliseconds('ms', ms);
    if (this.#state === 'pending') this.#owner.waitFor(() => this.isFinished, limit);
    const result = this.tryJoin();
    if (result === undefined) throw this.#waitExpired(limit);
    return result.value;
  }

  /**
   * Ends the task; it rejects with `reason` (default: an error with code ERR_MOIRAI_CANCELLED).
   *
   * One that is still queued leaves its queue at once and never runs. One that is running is told: its
   * `currentTask().signal` aborts with the reason and `checkpoint()` throws it. The handle is settled
   * when the task has ended, however it did, or when its grace is over. Without `force` a task that
   * goes on after that keeps its worker busy, and its result is dropped.
   *
   * @returns false when the task has already finished; nothing happens then.
   *
   * @example
   * handle.cancel(new Error('no longer needed'), { force: true, grace: 20 });
   */
  cancel(reason?: unknown, options?: CancelOptions): boolean {
    const requestFor = cancelRequest(reason, options);
    return this.#state === 'pending' && this.#owner.cancel(this, requestFor(this.name));
  }

  /**
   * How long the task waited and ran, and where; with `measure: true` also what it used of the CPU.
   * Undefined while it is not finished, and with `statistics: false`.
   */
  metrics(): TaskMetrics | undefined {
    return this.#owner.metricsOf(this);
  }

  /** @internal Called once when the task is finished, in whatever way. */
  onFinished(callback: () => void): void {
    this.#onFinished = callback;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a handle is a promise of its result
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    // oxlint-disable-next-line typescript/no-explicit-any -- as every promise has it
    onRejected?: ((reason: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.join().then(onFulfilled, onRejected);
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- as every promise has it
  catch<B = never>(onRejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.join().catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.join().finally(onFinally);
  }

  get [Symbol.toStringTag](): string {
    return 'TaskHandle';
  }

  /** @internal */
  succeed(value: unknown): void {
    this.#state = 'done';
    this.#outcome = value;
    this.#resolve?.(value);
    this.#resolve = undefined;
    this.#onFinished?.();
  }

  /** @internal */
  fail(failure: Failure): void {
    this.#state = failure.quiet ? 'cancelled' : 'failed';
    this.#outcome = failure;
    if (this.#resolve !== undefined) {
      rejectWith(this.#resolve, failure);
      this.#resolve = undefined;
    } else if (!failure.quiet && !this.#polled) {
      // Nobody has asked yet. If nobody does before the microtasks have run, Node reports it.
      this.#promise = this.#createPromise();
    }
    this.#onFinished?.();
  }

  #createPromise(): Promise<T> {
    if (this.#state === 'pending') {
      return new Promise((resolve) => {
        this.#resolve = resolve as (value: unknown) => void;
      });
    }
    if (this.#state === 'done') return Promise.resolve(this.#outcome as T);
    const failure = this.#outcome as Failure;
    return new Promise((resolve) => {
      rejectWith(resolve, failure);
    });
  }

  #observeFailure(): unknown {
    this.#promise?.catch(() => undefined);
    return (this.#outcome as Failure).toError();
  }

  #waitExpired(ms: number): MoiraiError {
    return new MoiraiError(
      'ERR_MOIRAI_TIMEOUT',
      `task '${this.name}' was not finished within ${ms} ms; it goes on`,
      { scope: 'wait' },
    );
  }
}
