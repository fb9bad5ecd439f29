// A real-time thread and its owner: birth, tasks, end. The thread itself is realtime-entry.ts.
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from 'node:worker_threads';
import { affinity } from '../affinity/index.js';
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { decodeError, refusal } from '../codec/index.js';
import { addonPath, native } from '../native.js';
import { admitAmong } from './admission.js';
import type { RtConstraints } from './constraints.js';
import { cpuLimit, QuotaRecord } from './cpu-limits.js';
import { DmaLatency } from './dma-latency.js';
import { faultCostNs } from './fault-cost.js';
import { firstRefusal, grantedOf, kernelPolicy, type Granted } from './granted.js';
import type { SafeStateName, TickName } from './loop-types.js';
import type { CpuLimit, Usual } from './miss.js';
import {
  checkObject,
  checkPeriodicOptions,
  checkRealtimeOptions,
  type CheckedContext,
  type PeriodicOptions,
  type RealtimeOptions,
  type WatchdogOptions,
} from './options.js';
import {
  checkChannels,
  checkMemory,
  checkTick,
  departing,
  type NativePeriodicOptions,
  type NativeTick,
} from './native-options.js';
import { NativeTicks } from './native-ticks.js';
import { missedTooMuch, PeriodicTask, type TaskHost } from './periodic-task.js';
import { TickRecord, usualOf } from './tick-record.js';
import { Watchdog, watchdogPolicy, type Trip } from './watchdog.js';
import type { Asked, Birth, FromOwner, FromThread } from './wire.js';

const construct = Symbol('construct');
const entry = new URL('./realtime-entry.js', import.meta.url);
const maxTasks = 16;
const stopGraceMs = 1000;
/** How often misses are taken from the ring, and how old they must be: collections are known later. */
const collectEveryMs = 50;
const settledNs = 100e6;

/**
 * A thread with an isolate and a scheduling policy of its own, on which functions of a module are called
 * periodically, at absolute times. Ticks are synchronous and do not interrupt each other: of several that
 * are due the one with the earliest deadline goes first, or with `rateMonotonic` the one with the shortest
 * period. Nothing is allocated per tick but by the tick itself; the heap of new objects is small, so that
 * collections are short.
 *
 * A context keeps the process alive while a task of it runs. It belongs to the thread that started it; no
 * method blocks. Close it (`await using`) when done.
 *
 * @example
 * import type * as loops from './loops.js';
 *
 * await using rt = await RealtimeContext.start<typeof loops>({
 *   tasks: new URL('./loops.js', import.meta.url),
 *   policy: RtConstraints.fifo(80),
 *   cpu: 1,
 * });
 * const control = rt.periodic('control', { periodUs: 1000, wcetUs: 100 });
 * console.log(control.stats().wakeup.p99);
 */
export class RealtimeContext<M extends object = Record<string, () => void>> {
  readonly #options: CheckedContext;
  readonly #record = new TickRecord();
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #dmaLatency: DmaLatency;
  readonly #tasks = new Map<number, PeriodicTask>();
  /** Those whose watchdog has not acted. */
  readonly #watched = new Map<number, PeriodicTask>();
  readonly #host: TaskHost;
  #hear: ((message: FromThread) => void) | undefined;
  #watchdog: Watchdog | undefined;
  #native: NativeTicks | undefined;
  #names: readonly string[] = [];
  #granted: Granted | undefined;
  #limit: CpuLimit | undefined;
  /** Of a thread that has no real-time policy. */
  #quota: QuotaRecord | undefined;
  #collector: NodeJS.Timeout | undefined;
  #lastError: unknown;
  #closing: Promise<void> | undefined;
  #gone = false;
  readonly #ended: Promise<void>;

  /**
   * Starts the thread, has the module loaded there, and asks the kernel for policy, CPU and locked memory.
   *
   * Rejects with INVALID_ARGUMENT; TASKS_NOT_LOADED when the module is missing or throws; and, unless
   * `required` is false, with what was refused: PERMISSION, NOT_SCHEDULABLE (the kernel's admission of
   * SCHED_DEADLINE), NOT_SUPPORTED or SYSTEM. Method: sched_setattr(2) on that thread alone, read back by
   * sched_getattr(2).
   */
  static async start<M extends object = Record<string, () => void>>(
    options: RealtimeOptions,
  ): Promise<RealtimeContext<M>> {
    const context = new RealtimeContext<M>(construct, checkRealtimeOptions(options));
    try {
      await context.#begin();
    } catch (error) {
      await context.close();
      throw error;
    }
    return context;
  }

  /** @internal Use `RealtimeContext.start`. */
  constructor(key: symbol, options: CheckedContext) {
    if (key !== construct) throw invalidType('RealtimeContext', 'created by start', key);
    this.#options = options;
    this.#record.prefault();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = createWorker(options, this.#record.memory, port2);
    this.#dmaLatency = new DmaLatency(options.dmaLatencyUs);
    this.#worker.on('error', (error) => {
      this.#lastError = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#onExit(code);
        resolve();
      });
    });
    this.#host = {
      figures: (slot) => this.#record.figures(slot),
      threadId: () => this.granted.threadId,
      collectMisses: () => this.#collectMisses(native.realtime.now() - settledNs),
      stop: (slot) => {
        this.#record.stop(slot);
        this.#say({ type: 'stop', slot });
      },
      adjust: (slot, lateNs) => this.#record.adjust(slot, lateNs),
    };
  }

  /** What the kernel gave; `degraded` lists what it did not. */
  get granted(): Granted {
    if (this.#granted === undefined) throw invalidType('this', 'a started context', this);
    return this.#granted;
  }

  /** What was asked for. */
  get policy(): RtConstraints {
    return this.#options.policy;
  }

  /**
   * Calls the function `name` of the module once a period, beginning at the next multiple of it.
   *
   * With `wcetUs` the task is admitted only where all tasks of the context that have one can keep their
   * deadlines, by `schedulability` without preemption: ticks do not interrupt each other. On one CPU (`cpu`, or
   * a process that has no other) the context's native ones interrupt them, and count as `above`. Up to 16 tasks
   * at a time.
   *
   * A function that is an export of a WebAssembly instance is called without arguments (its parameters are 0
   * or NaN, an i64 is an error) and without any JavaScript. In a context whose module has only such, without
   * results of type f64 or i64, ticks leave no garbage, and collections of other threads delay none; what turns
   * of the event loop leave is collected in some 0.3 ms about once a minute.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   * @throws MoiraiError `ERR_MOIRAI_TASK_NOT_FOUND`, `ERR_MOIRAI_NOT_SCHEDULABLE` with an AdmissionReport as its
   * `cause`,
   * `ERR_MOIRAI_QUEUE_FULL` for a seventeenth task, `ERR_MOIRAI_CLOSED`, `ERR_MOIRAI_WORKER_LOST`.
   */
  periodic(name: TickName<M>, options: PeriodicOptions<SafeStateName<M>>): PeriodicTask {
    const checked = checkPeriodicOptions(options);
    this.#checkName(name);
    if (checked.watchdog !== undefined) this.#checkName(checked.watchdog.safeState);
    this.#checkOpen();
    if (this.#gone) throw this.#lost();
    const above = this.#oneCpu ? (this.#native?.tasks ?? []) : [];
    const byPeriod = this.policy.policy === 'rate-monotonic';
    admitAmong({ tasks: this.#tasks.values(), above, below: [], byPeriod }, name, checked);
    const slots = Array.from({ length: maxTasks }, (_, i) => i);
    const slot = slots.find((i) => !this.#tasks.has(i) && !this.#watched.has(i));
    if (slot === undefined) {
      const message = `a context has up to ${maxTasks} tasks at a time`;
      throw new MoiraiError('ERR_MOIRAI_QUEUE_FULL', message);
    }
    const task = new PeriodicTask(this.#host, name, slot, checked);
    this.#tasks.set(slot, task);
    this.#record.clear(slot);
    if (this.#tasks.size === 1) this.#onBusy();
    if (checked.watchdog === undefined) this.#launch(task);
    else void this.#launchWatched(task, checked.watchdog);
    return task;
  }

  /**
   * Calls a C function of another addon once a period, as `periodic` calls one of the module, with the same
   * options, figures and ends. The function is given by `moirai_create_tick` of the header
   * `moirai/moirai.h`, and may be one of an addon that this thread has loaded. It talks to JavaScript by
   * `channels` and `memory`.
   *
   * Native ticks have a thread of their own, without an isolate, on the CPU of the context and with the next
   * higher priority: no collection of garbage delays them, nor an owner that is busy, and they interrupt
   * the context's other ticks. The first call starts it and takes some 0.1 ms. A task with `wcetUs` is admitted
   * where the native ones keep their deadlines, and on one CPU those of `periodic` theirs below them. A tick that does not return when the context closes is left alone after a
   * second, and its thread goes on until it does.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, also for a context of priority 99.
   * @throws MoiraiError `ERR_MOIRAI_NOT_SUPPORTED` for a tick of another version of the header,
   * `ERR_MOIRAI_CLOSED` also for an end of a channel that is closed, `ERR_MOIRAI_PERMISSION` and
   * `ERR_MOIRAI_NOT_SCHEDULABLE` as `start`, `ERR_MOIRAI_QUEUE_FULL` for a seventeenth task. What the function
   * gives to end its task is told to `onError` as `ERR_MOIRAI_TICK_FAILED`.
   *
   * @example
   * const { sender: wanted, receiver } = createChannel({ kind: 'spsc', codec: f64() });
   * const task = rt.nativePeriodic(addon.control, { periodUs: 1000, channels: [receiver] });
   * wanted.trySend(0.5);
   */
  nativePeriodic(tick: NativeTick, options: NativePeriodicOptions<SafeStateName<M>>): PeriodicTask {
    const name = checkTick(tick);
    const { channels, memory } = checkObject(options);
    const checked = checkPeriodicOptions(options, ['channels', 'memory']);
    if (checked.watchdog !== undefined) this.#checkName(checked.watchdog.safeState);
    const ends = checkChannels(channels);
    const view = checkMemory(memory);
    this.#checkOpen();
    this.#native ??= new NativeTicks(this.#options, this.granted.timeSliceUs);
    const given = { tick, memory: view };
    const below = this.#oneCpu ? this.#tasks.values() : [];
    return this.#native.start(name, checked, below, () => ({ ...given, ends: departing(ends) }));
  }

  /** As `granted`, for the thread of native ticks; undefined before the first of these. */
  get nativeGranted(): Granted | undefined {
    return this.#native?.granted;
  }

  /** Native ticks interrupt the others. SCHED_DEADLINE gives each thread its own share of a CPU. */
  get #oneCpu(): boolean {
    if (this.policy.policy === 'deadline') return false;
    return this.#options.cpu !== undefined || affinity.get().length === 1;
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new MoiraiError('ERR_MOIRAI_CLOSED', 'the real-time context is closed');
  }

  #launch({ slot, name, options }: PeriodicTask): void {
    this.#say({ type: 'start', slot, name, numbers: options.numbers });
  }

  async #launchWatched(task: PeriodicTask, watchdog: WatchdogOptions): Promise<void> {
    this.#watched.set(task.slot, task);
    this.#watchdog ??= new Watchdog(
      this.#options,
      this.#record.memory,
      watchdogPolicy(this.policy, 1),
      (slot, trip) => this.#onTrip(slot, trip),
    );
    try {
      await this.#watchdog.watch(task.slot, task.name, watchdog);
    } catch (reason) {
      // Closed meanwhile, or there is no such thread to be had: nothing runs unwatched.
      this.#watched.delete(task.slot);
      this.#forget(task.slot);
      task.over(this.#closing === undefined ? { reason } : undefined);
      return;
    }
    if (this.#tasks.get(task.slot) === task) this.#launch(task);
  }

  #onTrip(slot: number, trip: Trip): void {
    const task = this.#watched.get(slot);
    if (task === undefined) return;
    this.#watched.delete(slot);
    task.tripped(trip);
    if (trip.why !== 'silent') return; // its end is told by others
    // The slot stays taken until the thread lets go of it.
    this.#say({ type: 'stop', slot });
    const message = `'${task.name}' has ended no tick in time: the watchdog has called for its safe state`;
    task.over({ reason: new MoiraiError('ERR_MOIRAI_DEADLINE_MISSED', message) });
  }

  #checkName(name: string): void {
    if (this.#names.includes(name)) return;
    if (typeof name !== 'string') {
      throw invalidType('name', 'the name of a function of the module', name);
    }
    const known = this.#names.join(', ');
    const message = `the module exports no function '${name}', but ${known}`;
    throw new MoiraiError('ERR_MOIRAI_TASK_NOT_FOUND', message);
  }

  /**
   * Stops all tasks and ends the thread; resolves when it has ended. A tick that does not return within a
   * second is cut off. Again: the same.
   */
  async close(): Promise<void> {
    this.#closing ??= this.#end();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #begin(): Promise<void> {
    const asked = await new Promise<Asked>((resolve, reject) => {
      this.#hear = (message) => {
        switch (message.type) {
          case 'ready':
            this.#names = message.names;
            resolve(message.asked);
            break;
          case 'unusable': {
            const error = decodeError(message.error) as Error;
            reject(error);
            break;
          }
          case 'ended':
            this.#onTaskEnd(message);
        }
      };
      this.#port.on('message', this.#hear);
      void this.#ended.then(() => reject(this.#lost()));
    });
    this.#port.unref();
    this.#worker.unref();
    const { policy, cpu, dmaLatencyUs, required } = this.#options;
    const { shortfall, held } = this.#dmaLatency;
    const others = shortfall === undefined ? [] : [shortfall];
    this.#granted = grantedOf(policy, cpu, asked, held ? dmaLatencyUs : undefined, others);
    const error = required ? firstRefusal(this.#granted) : undefined;
    if (error !== undefined) throw error;
    this.#limit = cpuLimit(this.#granted);
    if (this.#limit !== undefined) this.#say({ type: 'window', ns: this.#limit.periodNs });
    if (this.#granted.policy === 'other') this.#quota = new QuotaRecord();
  }

  #say(message: FromOwner): void {
    if (this.#gone) return;
    this.#port.postMessage(message);
    this.#record.knock();
  }

  #onBusy(): void {
    this.#worker.ref();
    const collect = (): void => this.#host.collectMisses();
    this.#collector ??= setInterval(collect, collectEveryMs).unref();
  }

  #onTaskEnd({ slot, why, error }: FromThread & { readonly type: 'ended' }): void {
    const task = this.#tasks.get(slot);
    // It has ended by itself, and then was stopped.
    if (task === undefined) return;
    this.#collectMisses(Infinity);
    this.#forget(slot);
    if (why === 'stopped') {
      this.#watched.delete(slot);
      this.#watchdog?.unwatch(slot);
      task.over(undefined);
    } else if (why === 'threw') task.over({ reason: error && decodeError(error) });
    else task.over({ reason: missedTooMuch(task.name, why) });
  }

  #forget(slot: number): void {
    this.#tasks.delete(slot);
    if (this.#tasks.size > 0) return;
    clearInterval(this.#collector);
    this.#collector = undefined;
    if (this.#closing === undefined) this.#worker.unref();
  }

  #collectMisses(untilNs: number): void {
    this.#quota?.read(native.realtime.now());
    for (const task of this.#tasks.values()) task.tellOverruns();
    const { misses } = this.#record.takeMisses(untilNs);
    if (misses.length === 0) return;
    const evidence = {
      collections: this.#record.collections(),
      limit: this.#limit,
      faultNs: faultCostNs(),
      heldByQuota: (from: number, to: number) => this.#quota?.heldBetween(from, to) ?? 0,
    };
    const usual = new Map<PeriodicTask, Usual>();
    for (const miss of misses) {
      const task = this.#tasks.get(miss.slot);
      if (task === undefined) continue;
      const own = usual.get(task) ?? usualOf(this.#record.figures(task.slot), task.options.wcetUs);
      usual.set(task, own);
      task.missed(miss, own, evidence);
    }
  }

  #onExit(code: number): void {
    this.#gone = true;
    // Its end may be known before its last words, and closing the port forgets them.
    for (let last = receiveMessageOnPort(this.#port); last !== undefined; ) {
      this.#hear?.(last.message as FromThread);
      last = receiveMessageOnPort(this.#port);
    }
    this.#port.close();
    this.#dmaLatency.release();
    this.#lastError ??= `exit code ${code}`;
    this.#collectMisses(Infinity);
    for (const [slot, task] of this.#tasks) {
      this.#forget(slot);
      task.over(this.#closing === undefined ? { reason: this.#lost() } : undefined);
    }
  }

  #lost(): MoiraiError {
    const cause = this.#lastError;
    const how = cause instanceof Error ? cause.message : String(cause);
    const message = `the real-time thread has ended: ${how}`;
    return new MoiraiError('ERR_MOIRAI_WORKER_LOST', message, { cause });
  }

  async #end(): Promise<void> {
    await this.#native?.close();
    if (this.#gone) {
      await this.#watchdog?.close();
      return;
    }
    this.#worker.ref();
    for (const slot of this.#tasks.keys()) this.#record.stop(slot);
    this.#say({ type: 'close' });
    const timer = setTimeout(() => void this.#worker.terminate(), stopGraceMs);
    await this.#ended;
    clearTimeout(timer);
    await this.#watchdog?.close();
  }
}

function createWorker(
  options: CheckedContext,
  record: SharedArrayBuffer,
  port: MessagePort,
): Worker {
  const { cpu, policy, tasks, exclusive, lockMemory, spinUs, workerData } = options;
  const birth: Birth = {
    addonPath,
    tasks,
    record,
    exclusive,
    byPeriod: policy.policy === 'rate-monotonic',
    policy: kernelPolicy(policy),
    lockMemory,
    spinNs: Math.round(spinUs * 1000),
    port,
    workerData,
  };
  // A thread is born with the affinity of the one that creates it, and so is all that it allocates.
  using _pin = cpu === undefined ? undefined : affinity.pin([cpu]);
  try {
    return new Worker(entry, {
      workerData: birth,
      transferList: [port, ...options.transferList],
      name: 'moirai-realtime',
      resourceLimits: { maxYoungGenerationSizeMb: options.youngGenerationMb },
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'DataCloneError') {
      throw refusal(error, workerData, 'options.workerData');
    }
    throw invalidRange('options', 'what a Worker can be made from', error);
  }
}
