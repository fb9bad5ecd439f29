// The thread of a context that calls C functions, and its owner. It has no isolate: collections of the
// context's, and an owner that is busy, do not delay it. It asks for the next higher priority, so that a
// collection on the same CPU gives way to it.
import { affinity } from '../affinity/index.js';
import { invalidRange, MoiraiError } from '../base/index.js';
import { native, type NativeTickThread } from '../native.js';
import { dropHandle } from '../share/index.js';
import { admitAmong } from './admission.js';
import { RtConstraints } from './constraints.js';
import { cpuLimit, QuotaRecord } from './cpu-limits.js';
import { faultCostNs } from './fault-cost.js';
import { firstRefusal, grantedOf, kernelPolicy, type Granted } from './granted.js';
import type { DepartedEnd } from './native-options.js';
import type { CheckedContext, CheckedTask } from './options.js';
import type { CpuLimit, Evidence } from './miss.js';
import { missedTooMuch, PeriodicTask, type TaskHost } from './periodic-task.js';
import { TickRecord, usualOf } from './tick-record.js';
import { Watchdog, watchdogPolicy, type Trip } from './watchdog.js';

const maxTasks = 16;
const lockedStackBytes = 256 * 1024;
/** How often the owner looks for tasks that are over, and for misses. */
const lookEveryMs = 20;
/** Collections do not concern these ticks, so misses need not settle. */
const graceMs = 1000;
const slotNumbers = Array.from({ length: maxTasks }, (_, i) => i);

/** What a task brings along. */
export interface NativeGiven {
  readonly tick: object;
  readonly memory: Uint8Array | undefined;
  readonly ends: readonly DepartedEnd[];
}

export class NativeTicks {
  readonly granted: Granted;
  readonly #options: CheckedContext;
  readonly #record = new TickRecord();
  readonly #thread: NativeTickThread;
  readonly #tasks = new Map<number, PeriodicTask>();
  readonly #watched = new Map<number, PeriodicTask>();
  readonly #host: TaskHost;
  readonly #limit: CpuLimit | undefined;
  /** Of a thread that has no real-time policy. */
  readonly #quota: QuotaRecord | undefined;
  /** Those that wait for the watchdog. */
  readonly #launching = new Set<Promise<void>>();
  #watchdog: Watchdog | undefined;
  #looking: NodeJS.Timeout | undefined;
  #closed = false;

  /** Throws what the context's `start` would reject with. */
  constructor(options: CheckedContext, timeSliceUs: number | undefined) {
    this.#options = options;
    const policy = above(options.policy);
    this.#record.prefault();
    const { cpu, lockMemory } = options;
    const byPeriod = options.policy.policy === 'rate-monotonic';
    this.#thread = this.#record.openNativeLoop(byPeriod, [
      ...kernelPolicy(policy),
      cpu ?? -1,
      lockMemory ? lockedStackBytes : 0,
      Math.round(options.spinUs * 1000),
    ]);
    this.granted = this.#readBack(policy, timeSliceUs);
    const error = options.required ? firstRefusal(this.granted) : undefined;
    if (error !== undefined) {
      this.#thread.end();
      // Asked until it is joined, which gives its stack back.
      const asking = setInterval(() => this.#thread.isOver() && clearInterval(asking), 2).unref();
      throw error;
    }
    this.#limit = cpuLimit(this.granted);
    if (this.#limit !== undefined) this.#thread.setCpuWindow(this.#limit.periodNs);
    if (this.granted.policy === 'other') this.#quota = new QuotaRecord();
    this.#host = {
      threadId: () => this.granted.threadId,
      figures: (slot) => this.#record.figures(slot),
      collectMisses: () => this.#collectMisses(),
      stop: (slot) => this.#stop(slot),
      adjust: (slot, lateNs) => this.#record.adjust(slot, lateNs),
    };
  }

  /** `below`: what it interrupts. Of `given`, `ends` are on their way: they are taken or dropped. */
  start(
    name: string,
    checked: CheckedTask,
    below: Iterable<PeriodicTask>,
    given: () => NativeGiven,
  ): PeriodicTask {
    const byPeriod = this.#options.policy.policy === 'rate-monotonic';
    const threads = { tasks: this.#tasks.values(), above: [], below, byPeriod };
    admitAmong(threads, name, checked);
    const slot = slotNumbers.find((i) => !this.#tasks.has(i) && !this.#watched.has(i));
    if (slot === undefined) {
      const message = `a context has up to ${maxTasks} native tasks at a time`;
      throw new MoiraiError('ERR_MOIRAI_QUEUE_FULL', message);
    }
    const all = given();
    const task = new PeriodicTask(this.#host, name, slot, checked);
    this.#tasks.set(slot, task);
    this.#record.clear(slot);
    this.#looking ??= setInterval(() => this.#look(), lookEveryMs);
    if (checked.watchdog !== undefined) {
      const launching = this.#launchWatched(task, all);
      this.#launching.add(launching);
      void launching.then(() => this.#launching.delete(launching));
      return task;
    }
    try {
      this.#launch(task, all);
    } catch (error) {
      this.#forget(slot);
      throw error;
    }
    return task;
  }

  get tasks(): Iterable<PeriodicTask> {
    return this.#tasks.values();
  }

  /** Stops all tasks and ends the thread; one whose tick does not return within a second is left alone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const slot of this.#tasks.keys()) this.#record.stop(slot);
    this.#thread.end();
    const end = performance.now() + graceMs;
    while (!this.#thread.isOver()) {
      if (performance.now() > end && this.#thread.abandon()) break;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    this.#look();
    // Those that were never given to it.
    for (const [slot, task] of this.#tasks) {
      this.#forget(slot);
      task.over(undefined);
    }
    await this.#watchdog?.close();
    // Until what they were to have is given back.
    await Promise.all(this.#launching);
  }

  #readBack(policy: RtConstraints, timeSliceUs = 0): Granted {
    const numbers = new Float64Array(7);
    this.#thread.asked(numbers);
    const [threadId = 0, cpuError = 0, policyError = 0, lockError = 0, timerSlackNs = 0] = numbers;
    native.realtime.getPolicy(threadId, numbers);
    const { cpu, lockMemory } = this.#options;
    return grantedOf(
      policy,
      cpu,
      {
        threadId,
        policyError,
        policy: [...numbers],
        sliceNs: timeSliceUs * 1000,
        cpus: cpu !== undefined && cpuError === 0 ? [cpu] : affinity.get(),
        timerSlackNs,
        lockError,
        lockedBytes: lockMemory && lockError === 0 ? lockedStackBytes : 0,
      },
      undefined,
      [],
    );
  }

  #launch({ slot, options }: PeriodicTask, { tick, memory, ends }: NativeGiven): void {
    // Whoever has the ticket has the end.
    const taken = ends.every(({ ticket }) => native.redeemTicket(ticket));
    const given =
      taken &&
      this.#thread.give(
        slot,
        tick,
        Float64Array.from(options.numbers),
        memory,
        Uint32Array.from(
          ends.flatMap(({ moirai, value }) => [value.id, moirai === 'sender' ? 1 : 0]),
        ),
        ends.map(({ value }) => new Uint8Array(value.memory, 0, value.memory.byteLength)),
      );
    if (!given) throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'a native task could not be given');
  }

  async #launchWatched(task: PeriodicTask, given: NativeGiven): Promise<void> {
    const { watchdog } = task.options;
    if (watchdog === undefined) return;
    this.#watched.set(task.slot, task);
    this.#watchdog ??= new Watchdog(
      this.#options,
      this.#record.memory,
      watchdogPolicy(this.#options.policy, 2),
      (slot, trip) => this.#onTrip(slot, trip),
    );
    let error: { readonly reason: unknown } | undefined;
    try {
      await this.#watchdog.watch(task.slot, task.name, watchdog);
      if (!this.#closed && this.#tasks.get(task.slot) === task) {
        this.#launch(task, given);
        return;
      }
    } catch (reason) {
      error = this.#closed ? undefined : { reason };
    }
    // Closed meanwhile, or there is no such thread to be had: nothing runs unwatched.
    for (const end of given.ends) dropHandle(end);
    this.#watched.delete(task.slot);
    this.#forget(task.slot);
    task.over(error);
  }

  #onTrip(slot: number, trip: Trip): void {
    const task = this.#watched.get(slot);
    if (task === undefined) return;
    this.#watched.delete(slot);
    task.tripped(trip);
    if (trip.why !== 'silent') return; // its end is seen in the record
    const message = `'${task.name}' has ended no tick in time: the watchdog has called for its safe state`;
    task.over({ reason: new MoiraiError('ERR_MOIRAI_DEADLINE_MISSED', message) });
  }

  #stop(slot: number): void {
    this.#record.stop(slot);
    this.#thread.knock();
  }

  #look(): void {
    this.#collectMisses();
    for (const [slot, task] of this.#tasks) {
      const result = this.#thread.takeBack(slot);
      if (result !== undefined) this.#onOver(task, result);
    }
  }

  #onOver(task: PeriodicTask, result: number): void {
    const { slot, name } = task;
    this.#collectMisses();
    this.#forget(slot);
    const why = this.#record.endOf(slot);
    if (why === 'overrun' || why === 'misses') {
      task.over({ reason: missedTooMuch(name, why) });
    } else if (why === 'threw') {
      const message = `'${name}' has ended its task with ${result}`;
      task.over({ reason: new MoiraiError('ERR_MOIRAI_TICK_FAILED', message, { value: result }) });
    } else {
      this.#watched.delete(slot);
      this.#watchdog?.unwatch(slot);
      task.over(undefined);
    }
  }

  #forget(slot: number): void {
    this.#tasks.delete(slot);
    if (this.#tasks.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #collectMisses(): void {
    this.#quota?.read(native.realtime.now());
    for (const task of this.#tasks.values()) task.tellOverruns();
    const evidence: Evidence = {
      collections: [], // there is no isolate
      limit: this.#limit,
      faultNs: faultCostNs(),
      heldByQuota: (from, to) => this.#quota?.heldBetween(from, to) ?? 0,
    };
    for (const miss of this.#record.takeMisses(Infinity).misses) {
      const task = this.#tasks.get(miss.slot);
      if (task === undefined) continue;
      const usual = usualOf(this.#record.figures(miss.slot), task.options.wcetUs);
      task.missed(miss, usual, evidence);
    }
  }
}

/** The next higher priority; SCHED_DEADLINE has none, and gives this thread a reservation of its own. */
function above(policy: RtConstraints): RtConstraints {
  if (policy.policy === 'deadline') return policy;
  const priority = policy.priority + 1;
  if (priority > 99) {
    const allowed = 'below 99: native ticks have the next higher one';
    throw invalidRange('the priority of the context', allowed, policy.priority);
  }
  if (policy.policy === 'round-robin')
    return RtConstraints.roundRobin(policy.timeSliceUs, priority);
  return RtConstraints.fifo(priority);
}
