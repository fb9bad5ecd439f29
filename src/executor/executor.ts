import { EventEmitter } from 'node:events';
import {
  checkBoolean,
  checkInteger,
  checkMilliseconds,
  checkOneOf,
  checkOptions,
  invalidRange,
  invalidType,
  MoiraiError,
} from '../base/index.js';
import { snapshot } from './caller-context.js';
import type { CodecTable } from '../codec/index.js';
import { addonPath } from '../native.js';
import { loadCodecs } from './codec-module.js';
import { Crew } from './crew.js';
import { Dispatcher } from './dispatcher.js';
import { ChosenFailure, LocalFailure, rejectWith, type Failure } from './failure.js';
import { inlineSource } from './inline-function.js';
import { hasContextBit } from './layout.js';
import { mapTasks } from './map.js';
import { SinkFeeder } from './metrics-sink.js';
import {
  checkExecutorOptions,
  maxThreads,
  checkMapOptions,
  checkSpawnOptions,
  type CheckedOptions,
  type CloseOptions,
  type ExecutorOptions,
  type MapOptions,
  type SpawnOptions,
} from './options.js';
import { placeWorkers, poolSize, type Placement } from './placement.js';
import type { ExecutorEvents, ExecutorStats } from './reports.js';
import { createRunner, notFound } from './runner.js';
import { Staff, type StaffHost } from './staff.js';
import { readStatistics } from './statistics.js';
import type { ExecutorControl, TaskManager, TaskSpawner } from './roles.js';
import { cancelRequest, TaskHandle, type CancelOptions, type TaskStatus } from './task-handle.js';
import type {
  TaskArguments,
  TaskItem,
  TaskModule,
  TaskName,
  TaskResult,
  TaskRunner,
} from './task-types.js';
import type { TaskView, TaskViewKind } from './task-view.js';
import { defaultGrace, orderBits, plainOrder, type TaskOrder } from './task-order.js';
import { inlineTask } from './wire.js';

const construct = Symbol('construct');
let lastTaskId = 0;

/**
 * Worker threads that run tasks: functions of a module, or functions given as they are.
 *
 * Tasks go to the workers and back through shared memory. A task may be synchronous or async; while
 * an async one waits, its worker takes others. An executor keeps the process alive while tasks are
 * outstanding, and not otherwise.
 *
 * Values are cloned as structuredClone does. A SharedArrayBuffer stays where it is, at a cost that does
 * not depend on its size; given to one worker again, or back in a result, it may be the same object.
 *
 * Threads: belongs to the thread that created it. Nothing here blocks but `TaskHandle.joinSync`.
 *
 * @example
 * import { Executor } from 'moirai';
 * import type * as tasks from './tasks.js';
 *
 * const executor = await Executor.start<typeof tasks>({
 *   tasks: new URL('./tasks.js', import.meta.url),
 * });
 * console.log(await executor.run.digest('/etc/hostname'));
 * await executor.close();
 */
export class Executor<M extends TaskModule = Record<string, (...args: unknown[]) => unknown>>
  extends EventEmitter<ExecutorEvents>
  implements TaskSpawner<M>, TaskManager, ExecutorControl
{
  /**
   * The module's functions, each giving a promise of its result. A name that the module does not
   * export throws ERR_MOIRAI_TASK_NOT_FOUND. Rejects with the task's own error, or with
   * NOT_SERIALIZABLE, TOO_LARGE, QUEUE_FULL, CLOSED, WORKER_LOST.
   */
  readonly run: TaskRunner<M>;
  readonly #options: CheckedOptions;
  readonly #contextNames: readonly string[];
  readonly #staff: Staff;
  readonly #blockingStaff: Staff;
  #placement: Placement;
  readonly #dispatcher: Dispatcher;
  readonly #crew: Crew;
  readonly #feeder: SinkFeeder | undefined;
  #indices: ReadonlyMap<string, number> = new Map();
  readonly #abortable = new Map<AbortSignal, AbortGroup>();
  #closing: Promise<void> | undefined;
  #abandoned = false;

  /**
   * Starts the workers and resolves when all of them have loaded the task module.
   *
   * Rejects with TASKS_NOT_LOADED when the module is missing, throws, or exports no function (the
   * reason is the `cause`), with INVALID_ARGUMENT for a wrong option or codec, with OUT_OF_MEMORY.
   */
  static async start<M extends TaskModule = Record<string, (...args: unknown[]) => unknown>>(
    options?: ExecutorOptions,
  ): Promise<Executor<M>> {
    const checked = checkExecutorOptions(options);
    const codecs = checked.codecs === undefined ? undefined : await loadCodecs(checked.codecs);
    const executor = new Executor<M>(construct, checked, codecs);
    try {
      const { main } = executor.#placement;
      const seats = main.slice(0, poolSize(checked).start);
      for (const seat of seats) executor.#prepareSeat(seat);
      await executor.#crew.start(seats);
    } catch (error) {
      await executor.close({ force: true });
      throw error;
    }
    executor.#bindNames();
    return executor;
  }

  /** @internal Use `Executor.start`. */
  constructor(key: symbol, options: CheckedOptions, codecs: CodecTable | undefined) {
    if (key !== construct) throw invalidType('Executor', 'created by Executor.start', key);
    super();
    const size = poolSize(options);
    const placement = placeWorkers(options, size.max);
    this.#options = options;
    this.#contextNames = Object.keys(options.context).sort();
    this.#placement = placement;
    const dispatcher = new Dispatcher({
      slots: options.maxQueue,
      placement,
      spinNs: options.spinNs,
      steal: options.steal,
      onFull: options.onFull,
      queue: options.queue,
      codecs,
      statistics: options.statistics,
      retain: options.retain,
      onAdmitted: (queue) =>
        (queue === placement.nodes.length ? this.#blockingStaff : this.#staff).taskCame(),
      onPressure: (full) => this.#onPressure(full),
      onBroken: (error) => this.#onCrewFailed(error),
    });
    this.#dispatcher = dispatcher;
    if (options.metrics !== undefined) {
      const read = (): ExecutorStats => this.stats();
      this.#feeder = new SinkFeeder(options.metrics, read, (error) => this.#report(error));
      dispatcher.onActivity = this.#feeder.touch;
    }
    this.#crew = new Crew(
      (seat) => this.#placement.seats[seat],
      options,
      {
        addonPath,
        executor: dispatcher.native.id,
        memory: dispatcher.memory.buffer,
        tasks: options.tasks,
        codecs: options.codecs,
        codecNames: codecs?.exports ?? [],
        spinNs: options.spinNs,
        concurrency: options.concurrency,
        workerData: options.worker.workerData,
        context: this.#contextNames,
      },
      {
        lost: (seat, error) => this.#onLost(seat, error),
        retired: (seat) => this.#onRetired(seat),
        begun: (seat) => {
          dispatcher.native.seatStats(seat);
          return dispatcher.scratch[0] ?? 0;
        },
        failed: (error) => this.#onCrewFailed(error),
        workerCreated: (seat) => this.emit('workerCreate', seat),
        workerDestroyed: (seat) => this.emit('workerDestroy', seat),
      },
    );
    dispatcher.messenger = this.#crew.messenger((seat) => {
      dispatcher.native.seatStats(seat);
      return dispatcher.scratch[2] !== 0;
    });
    const { idleTimeout, blockingThreads } = options;
    const host = (queues: readonly number[]): StaffHost => ({
      backlog: () => sum(queues, (queue) => dispatcher.native.backlogOf(queue)),
      idle: () => sum(queues, (queue) => dispatcher.native.idleSeats(queue)),
      idleFor: (seat) => dispatcher.native.idleFor(seat),
      has: (seat) => this.#crew.has(seat),
      isEmpty: (seat) => this.#crew.isEmpty(seat),
      hire: (seat) => {
        this.#prepareSeat(seat);
        return this.#crew.hire(seat);
      },
      retire: (seat) => this.#crew.retire(seat),
    });
    const { alarm } = dispatcher;
    const blockingQueue = placement.nodes.length;
    this.#staff = new Staff(alarm, host([...placement.nodes.keys()]), {
      seats: placement.main,
      min: size.min,
      max: size.max,
      idleTimeout,
      patience: hirePatienceMs,
    });
    this.#blockingStaff = new Staff(alarm, host([blockingQueue]), {
      seats: placement.blocking,
      min: 0,
      max: blockingThreads,
      idleTimeout,
      patience: 0,
    });
    this.run = {} as TaskRunner<M>;
  }

  #bindNames(): void {
    const names = this.#crew.names ?? [];
    this.#dispatcher.names = names;
    this.#indices = new Map(names.map((name, index) => [name, index + 1]));
    const run = createRunner(names, (index, args) => this.#run(index, args));
    Object.defineProperty(this, 'run', { value: run, enumerable: true });
  }

  /** The scheduler knows the seat before anybody sits down on it. */
  #prepareSeat(number: number): void {
    const seat = this.#placement.seats[number];
    if (seat !== undefined) this.#dispatcher.setSeat(number, seat);
  }

  #run(index: number, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve) => {
      try {
        if (this.#closing !== undefined) throw this.#closedError();
        if (this.#contextNames.length === 0) {
          this.#dispatcher.submit(index, args, resolve, ++lastTaskId);
        } else {
          const { order, values } = this.#withContext(args, plainOrder);
          this.#dispatcher.submit(index, values, resolve, ++lastTaskId, order);
        }
        this.#staff.taskCame();
      } catch (error) {
        rejectWith(resolve, new ChosenFailure(error, false));
      }
    });
  }

  /**
   * Gives a task to the workers and returns its handle at once.
   *
   * Throws TASK_NOT_FOUND, CLOSED, QUEUE_FULL (`maxQueue` tasks are outstanding), NOT_SERIALIZABLE or
   * TOO_LARGE (of the arguments); nothing has happened then.
   *
   * @example
   * const handle = executor.spawn('digest', ['/etc/hostname']);
   * handle.status;
   * await handle;
   */
  spawn<K extends TaskName<M>>(
    name: K,
    args: TaskArguments<M, K>,
    options?: SpawnOptions,
  ): TaskHandle<TaskResult<M, K>> {
    const index = this.#indices.get(name);
    if (index === undefined) {
      if (typeof name !== 'string') throw invalidType('name', 'the name of a task', name);
      throw notFound(name, this.#crew.names ?? []);
    }
    if (!Array.isArray(args)) throw invalidType('args', "an array of the task's arguments", args);
    return this.#spawn(
      index,
      name,
      args,
      options === undefined ? noOptions : checkSpawnOptions(options),
    ) as TaskHandle<TaskResult<M, K>>;
  }

  #spawn(
    index: number,
    name: string,
    args: readonly unknown[],
    options: SpawnOptions,
  ): TaskHandle<unknown> {
    if (this.#closing !== undefined) throw this.#closedError();
    const dispatcher = this.#dispatcher;
    const { signal, blocking = false } = options;
    const handle = new TaskHandle<unknown>(dispatcher, ++lastTaskId, name);
    if (signal?.aborted === true) {
      handle.fail(new ChosenFailure(signal.reason, true));
      return handle;
    }
    let order = options === noOptions ? plainOrder : this.#orderOf(options);
    let values = args;
    if (this.#contextNames.length > 0) ({ order, values } = this.#withContext(args, order));
    dispatcher.submit(index, values, handle, handle.id, order);
    (blocking ? this.#blockingStaff : this.#staff).taskCame();
    if (signal !== undefined) this.#cancelOnAbort(handle, signal, order.grace);
    return handle;
  }

  #orderOf(options: SpawnOptions): TaskOrder {
    const { priority = 'normal', deadline = 0, timeout, grace = defaultGrace } = options;
    const { idempotent = false, blocking = false, transfer = [] } = options;
    if (blocking && this.#options.blockingThreads === 0) {
      throw invalidRange('options.blocking', 'false where blockingThreads is 0', blocking);
    }
    const node = blocking ? -1 : this.#placement.nodes.indexOf(options.node ?? -1);
    return {
      bits: orderBits({
        priority,
        context: false,
        measured: options.measure === true,
        timed: timeout !== undefined,
        hinted: node >= 0,
      }),
      // Where this executor has no workers, any node with some is as good.
      queue: blocking ? this.#placement.nodes.length : Math.max(0, node),
      // 0 means none to the scheduler; a deadline of now is one that is missed.
      deadline: options.deadline === undefined ? 0 : Math.max(deadline, 1e-6),
      timeout,
      grace,
      idempotent,
      transfer,
    };
  }

  /** The caller's context goes before the arguments. */
  #withContext(
    args: readonly unknown[],
    order: TaskOrder,
  ): { readonly order: TaskOrder; readonly values: readonly unknown[] } {
    const values = [snapshot(this.#options.context, this.#contextNames), ...args];
    return { order: { ...order, bits: order.bits | (1 << hasContextBit) }, values };
  }

  /**
   * Runs a self-contained function on a worker: it sees its arguments and globals, nothing else of
   * where it was written. Its source is sent and compiled once per worker.
   *
   * @example
   * await executor.call((a: number, b: number) => a + b, 1, 2); // 3
   */
  call<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const source = inlineSource(fn);
    return this.#run(inlineTask, [source, ...args]) as Promise<Awaited<R>>;
  }

  /**
   * Runs a task once for every item of an iterable or async iterable, a bounded number at a time, and
   * yields the results, in the order of the items or as they come. Takes an item from the source only
   * when there is room for its result. The first failure ends the iteration; ending it takes back the
   * calls that no worker has begun.
   *
   * @example
   * for await (const digest of executor.map('digest', paths, { concurrency: 64 })) console.log(digest);
   */
  map<K extends TaskName<M>>(
    name: K,
    source: Iterable<TaskItem<M, K>> | AsyncIterable<TaskItem<M, K>>,
    options?: MapOptions,
  ): AsyncGenerator<TaskResult<M, K>, void, undefined> {
    const index = this.#indices.get(name);
    if (index === undefined) throw notFound(name, this.#crew.names ?? []);
    if (!isIterable(source)) throw invalidType('source', 'an iterable or async iterable', source);
    const start = (item: unknown) => this.#spawn(index, name, [item], noOptions);
    const checked = checkMapOptions(options, this.threads);
    // More than the queue holds could only be refused.
    const concurrency = Math.min(checked.concurrency, this.#dispatcher.capacity);
    return mapTasks({ source, start, ...checked, concurrency }) as AsyncGenerator<
      TaskResult<M, K>,
      void,
      undefined
    >;
  }

  /** How many worker threads there are for tasks, those being started included, without those that
   * `blocking` tasks have.
   */
  get threads(): number {
    return this.#staff.size;
  }

  /**
   * Another number of workers from now on, also of an elastic pool. Resolves when the new ones are
   * ready; those too many take no more tasks and end when they have finished theirs.
   *
   * Throws INVALID_ARGUMENT, or CLOSED. Calls may overlap: the last one counts.
   */
  async resize(threads: number): Promise<void> {
    checkInteger('threads', threads, 1, maxThreads);
    if (this.#closing !== undefined) throw this.#closedError();
    if (threads > this.#placement.main.length) {
      this.#placement = placeWorkers(this.#options, threads, this.#placement);
      // Those who are there look for work in the new places as well.
      for (const seat of this.#placement.main) if (this.#crew.has(seat)) this.#prepareSeat(seat);
    }
    this.#dispatcher.resized(threads);
    await this.#staff.resize({ seats: this.#placement.main, min: threads, max: threads });
    if (this.#abandoned) throw this.#closedError();
  }

  /** Tasks that no worker has begun. */
  get queued(): number {
    return this.#dispatcher.queued;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Resolves when nothing is outstanding. */
  idle(): Promise<void> {
    return this.#dispatcher.idle();
  }

  /**
   * How the executor and its workers stand. Reads every worker's counters, and its thread's status from
   * the kernel: some 20 µs a worker.
   */
  stats(): ExecutorStats {
    return readStatistics(this.#dispatcher, this.#placement, (seat) => this.#crew.has(seat));
  }

  /**
   * Tasks as they stand now: those queued or running, or of the ones that finished last (as many as the
   * option `retain` says) those that are done, or those that failed, were cancelled or were lost, oldest
   * first. Takes as long as there are tasks to show.
   *
   * @example
   * for (const task of executor.tasksView('active')) console.log(task.name, task.status, task.waiting);
   */
  tasksView(kind: TaskViewKind): readonly TaskView[] {
    checkOneOf('kind', kind, ['active', 'completed', 'failed']);
    return this.#dispatcher.view(kind);
  }

  /**
   * Where the task with this id (`TaskHandle.id`) stands: as long as it is not finished, and then while
   * it is remembered (`retain`); else undefined. Looks at each task that is remembered.
   */
  taskStatus(id: number): TaskStatus | undefined {
    checkInteger('id', id, 0, Number.MAX_SAFE_INTEGER);
    return this.#dispatcher.statusOfTask(id);
  }

  /**
   * Ends the task with this id as `TaskHandle.cancel` does, also one that was given to `run`, whose
   * promise rejects. Looks at each outstanding task.
   *
   * @returns false when no such task is outstanding; nothing happens then.
   */
  cancelTask(id: number, reason?: unknown, options?: CancelOptions): boolean {
    checkInteger('id', id, 0, Number.MAX_SAFE_INTEGER);
    return this.#dispatcher.cancelTask(id, cancelRequest(reason, options));
  }

  /**
   * Takes no more tasks, waits for the outstanding ones, and ends the workers. Idempotent: a second
   * call gives the same promise (with `force` it does not wait any longer).
   */
  close(options?: CloseOptions): Promise<void> {
    const { force, timeout } = checkOptions('options', options, ['force', 'timeout']);
    if (force !== undefined) checkBoolean('options.force', force);
    if (timeout !== undefined) checkMilliseconds('options.timeout', timeout);
    const closing = (this.#closing ??= this.#close(force === true));
    if (force === true) {
      this.#abandon();
    } else if (timeout !== undefined) {
      const timer = setTimeout(() => this.#abandon(), timeout);
      const stop = (): void => clearTimeout(timer);
      closing.then(stop, stop);
    }
    return closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(force: boolean): Promise<void> {
    if (!force) await this.#dispatcher.idle();
    this.#staff.close();
    this.#blockingStaff.close();
    await this.#crew.stop(force || this.#abandoned);
    this.#feeder?.close();
    this.#dispatcher.alarm.clear();
    this.#dispatcher.native.close();
  }

  #abandon(failure: Failure = new LocalFailure(this.#closedError())): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#dispatcher.abandonAll(failure);
  }

  #closedError(): MoiraiError {
    return new MoiraiError('ERR_MOIRAI_CLOSED', 'the executor is closed');
  }

  /** One listener a signal, however many tasks it is for, while any of them is outstanding. */
  #cancelOnAbort(handle: TaskHandle<unknown>, signal: AbortSignal, grace: number): void {
    if (signal.aborted) {
      handle.cancel(signal.reason, { grace }); // a getter among the arguments has aborted it
      return;
    }
    let group = this.#abortable.get(signal);
    if (group === undefined) {
      const handles = new Map<TaskHandle<unknown>, number>();
      const abort = (): void => {
        for (const [each, time] of handles) each.cancel(signal.reason, { grace: time });
      };
      signal.addEventListener('abort', abort);
      group = { handles, abort };
      this.#abortable.set(signal, group);
    }
    const { handles, abort } = group;
    handles.set(handle, grace);
    handle.onFinished(() => {
      handles.delete(handle);
      if (handles.size > 0) return;
      signal.removeEventListener('abort', abort);
      this.#abortable.delete(signal);
    });
  }

  #onLost(seat: number, error: MoiraiError): void {
    const hit = this.#dispatcher.lose(seat, error);
    this.#dispatcher.native.requeue(seat);
    if (hit === 0) this.#report(error);
  }

  /** A worker that was sent home has finished what it had begun; what it had only claimed is others'. */
  #onRetired(seat: number): void {
    const error = new MoiraiError('ERR_MOIRAI_WORKER_LOST', `worker ${seat} ended too early`);
    this.#dispatcher.lose(seat, error);
    this.#dispatcher.native.requeue(seat);
    this.#staff.seatEmptied();
    this.#blockingStaff.seatEmptied();
  }

  #onPressure(full: boolean): void {
    queueMicrotask(() => this.emit(full ? 'needsDrain' : 'drain'));
  }

  #onCrewFailed(error: unknown): void {
    this.#abandon(new ChosenFailure(error, false));
    this.#closing ??= this.#close(true);
    this.#report(error);
  }

  /** To whoever listens; a fault that no task carries must not pass unseen either way. */
  #report(error: unknown): void {
    if (this.listenerCount('error') > 0) this.emit('error', error);
    else process.emitWarning(error instanceof Error ? error : String(error));
  }
}

/** Outstanding tasks that end with one signal. */
interface AbortGroup {
  /** Each with its grace. */
  readonly handles: Map<TaskHandle<unknown>, number>;
  readonly abort: () => void;
}

const noOptions: SpawnOptions = {};
/** How long a task may wait before an elastic pool gets another worker, in milliseconds. */
const hirePatienceMs = 2;

function sum(numbers: readonly number[], value: (each: number) => number): number {
  return numbers.reduce((total, each) => total + value(each), 0);
}

function isIterable(value: unknown): boolean {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'string') &&
    (Symbol.iterator in Object(value) || Symbol.asyncIterator in Object(value))
  );
}
