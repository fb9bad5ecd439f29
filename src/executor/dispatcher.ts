// The owner's side of every task: a slot from the free list, arguments into it, off to the workers;
// and back: what was reaped is settled and its slot freed. One per executor, on its owner's thread.
import { MoiraiError, stepAside } from '../base/index.js';
import { encodeError, type CodecTable, type ErrorRecord } from '../codec/index.js';
import { native, type NativeOwner } from '../native.js';
import { Alarm } from './alarm.js';
import { drop } from './departed.js';
import { ChosenFailure, LocalFailure, RemoteFailure, type Failure } from './failure.js';
import { FreeSlots } from './free-slots.js';
import type { KeptArguments } from './kept-arguments.js';
import {
  phaseAwaitingPort,
  phaseCancelled,
  phaseDone,
  phaseFailed,
  phaseQueued,
  taskOffset,
  timesOffset,
} from './layout.js';
import { endOf, History, waitingView } from './history.js';
import { SharedMemory } from './memory.js';
import { Overseer, Plan, type CancelRequest, type OverseenTasks } from './overseer.js';
import {
  generationOf,
  hasBlock,
  idOf,
  phaseOf,
  setId,
  slotWords,
  workerOf,
} from './slot-fields.js';
import { SlotValues, type ValueMessenger } from './slot-values.js';
import type { StealStrategy } from './options.js';
import type { Placement, Seat } from './placement.js';
import {
  fail,
  succeed,
  type HandleOwner,
  type TaskHandle,
  type TaskStatus,
  type Waiter,
} from './task-handle.js';
import type { TaskMetrics, TaskView, TaskViewKind } from './task-view.js';
import { plainOrder, type TaskOrder } from './task-order.js';
import { WaitingRoom, WaitingTask, type QueuePolicy } from './waiting-room.js';
import { inlineTask } from './wire.js';

const taskWord = taskOffset / 4;
const taskMask = 0xffff;
const reapAtOnce = 1024;
const maxSeats = 1024;
/** A blocked owner looks this often whether its own thread is to end (worker.terminate). */
const waitSliceMs = 50;
const stealStrategies: Readonly<Record<StealStrategy, number>> = {
  none: 0,
  one: 1,
  half: 2,
  quarter: 3,
  adaptive: 4,
};
/** How often an idempotent task may lose its worker before it is given up. */
const lossLimit = 3;

export interface Messenger extends ValueMessenger {
  /** The slot's task is lost, and with it a result that may have come. */
  forget(slot: number): void;
  /** Ends a worker's thread, as if it had died of `why`. */
  endWorker(seat: number, why: MoiraiError): void;
  /** Finds workers whose thread is gone, when the event loop cannot tell. */
  checkAlive(): void;
}

export interface DispatcherOptions {
  readonly slots: number;
  readonly placement: Placement;
  readonly spinNs: number;
  /** Whether a task that finds no slot waits for one, or is refused. */
  readonly onFull: 'reject' | 'wait';
  readonly queue: QueuePolicy | undefined;
  readonly steal: StealStrategy;
  readonly codecs: CodecTable | undefined;
  /** Whether times are taken, and how many finished tasks are remembered. */
  readonly statistics: boolean;
  readonly retain: number;
  /** A task was given to this queue's workers later than it was spawned. */
  readonly onAdmitted: (queue: number) => void;
  /** No slot is free, or, later, half of them are again. */
  readonly onPressure: (full: boolean) => void;
  /** The user's queue is broken: there is no saying which tasks are left. */
  readonly onBroken: (error: unknown) => void;
}

export class Dispatcher implements HandleOwner, OverseenTasks {
  readonly memory: SharedMemory;
  readonly native: NativeOwner;
  readonly scratch = new Float64Array(32);
  readonly history: History;
  /** Told of every task that is submitted. */
  onActivity: (() => void) | undefined;
  readonly alarm = new Alarm();
  readonly #reaped = new Uint32Array(reapAtOnce);
  readonly #options: DispatcherOptions;
  readonly #overseer = new Overseer(this.alarm, this);
  readonly #waiters: (Waiter | undefined)[];
  readonly #free: FreeSlots;
  readonly #values: SlotValues;
  readonly #plans = new Map<number, Plan>();
  readonly #room: WaitingRoom;
  /** With a queue of the user's own: how many tasks may be out of it at a time. */
  #window: number;
  readonly #hasCodecs: boolean;
  #idle: (() => void)[] = [];
  #abandoned: Failure | undefined;
  #full = false;
  /** Tasks cancelled while queued whose slots have not come back. */
  #cancelled = 0;
  /** Tasks that lost their worker and were run again. */
  rerun = 0;
  #messenger: Messenger | undefined;
  /** Task names, in the order of their indices from 1; known when the workers are. */
  names: readonly string[] = [];

  constructor(options: DispatcherOptions) {
    const { slots, placement, spinNs } = options;
    this.#options = options;
    this.#hasCodecs = options.codecs !== undefined;
    this.#room = new WaitingRoom(options.queue);
    this.#window = options.queue === undefined ? slots : Math.min(slots, 2 * placement.main.length);
    this.memory = SharedMemory.create(slots);
    const { nodes, home } = placement;
    const payloadNodes = home < 0 || nodes.includes(home) ? nodes : [...nodes, home];
    this.native = native.openExecutor(
      this.memory.views.bytes,
      this.memory.maxBytes,
      slots,
      maxSeats,
      placement.nodes.length,
      placement.cpus,
      spinNs,
      () => this.settleAll(),
      this.scratch,
      this.#reaped,
      stealStrategies[options.steal],
      options.statistics,
      options.retain,
      Int32Array.from(payloadNodes),
      Math.max(0, payloadNodes.indexOf(placement.home)),
    );
    const { native: side, memory, scratch } = this;
    this.#values = new SlotValues(memory, side, scratch, options.codecs);
    const { statistics, retain } = options;
    this.history = new History({ native: side, memory, scratch, placement, statistics, retain });
    this.#waiters = new Array<Waiter | undefined>(slots).fill(undefined);
    this.#free = new FreeSlots(slots);
  }

  set messenger(messenger: Messenger) {
    this.#messenger = messenger;
    this.#values.messenger = messenger;
  }

  /** The seat is there, or in another place, or looks elsewhere for work. */
  setSeat(number: number, { queue, cpu, order }: Seat): void {
    this.native.setSeat(number, queue, cpu, order);
  }

  /** How many tasks may be outstanding. */
  get capacity(): number {
    return this.#free.capacity;
  }

  get outstanding(): number {
    if (this.#abandoned !== undefined) return 0;
    return this.#inSlots + this.#room.size;
  }

  get #inSlots(): number {
    return this.#free.capacity - this.#free.size - this.#cancelled;
  }

  /**
   * Gives a task to the workers. Throws QUEUE_FULL, NOT_SERIALIZABLE or TOO_LARGE; then nothing has
   * changed.
   */
  submit(
    task: number,
    args: readonly unknown[],
    waiter: Waiter,
    id: number,
    order: TaskOrder = plainOrder,
  ): void {
    if (
      this.#options.queue !== undefined ||
      (this.#options.onFull === 'wait' && !this.#hasRoom())
    ) {
      this.#keepWaiting(task, args, waiter, id, order);
      return;
    }
    const slot = this.#takeSlot();
    let kept: KeptArguments | undefined;
    try {
      if (order === plainOrder) this.#values.write(slot, args, order.queue);
      else kept = this.#values.load(slot, args, order);
    } catch (error) {
      this.#giveBack(slot);
      throw error;
    }
    if (this.#abandoned !== undefined) {
      // A getter among the arguments has closed the executor.
      this.#giveBack(slot);
      fail(waiter, this.#abandoned);
      return;
    }
    this.#launch(slot, task, waiter, id, order, kept);
  }

  #launch(
    slot: number,
    task: number,
    waiter: Waiter,
    id: number,
    order: TaskOrder,
    kept: KeptArguments | undefined,
  ): void {
    this.memory.views.u32[slot * slotWords + taskWord] = task | order.bits;
    setId(this.memory.views, slot, id);
    if (typeof waiter !== 'function') waiter.slot = slot;
    this.#waiters[slot] = waiter;
    if (order.deadline > 0) this.native.submitBefore(slot, order.queue, order.deadline);
    else this.native.submit(slot, order.queue);
    if (this.onActivity !== undefined) this.onActivity();
    if (this.#free.size === 0 && !this.#full) this.#setFull(true);
    if (order.timeout === undefined && kept === undefined) return;
    const plan = new Plan(id, order, kept);
    this.#plans.set(slot, plan);
    this.#overseer.watch(slot, plan);
  }

  #setFull(full: boolean): void {
    this.#full = full;
    this.#options.onPressure(full);
  }

  // --- tasks without a slot ---

  #hasRoom(): boolean {
    if (this.#room.size > 0 || this.#inSlots >= this.#window) return false;
    if (this.#free.size === 0 && this.#cancelled > 0) this.#sweep();
    return this.#free.size > 0;
  }

  #keepWaiting(
    index: number,
    args: readonly unknown[],
    waiter: Waiter,
    id: number,
    order: TaskOrder,
  ): void {
    const { queue, onFull } = this.#options;
    if (onFull === 'reject' && this.outstanding >= this.capacity) throw this.#queueFull();
    const kept = this.#values.keep(args, order);
    if (this.#abandoned !== undefined) {
      drop(kept.handles);
      fail(waiter, this.#abandoned);
      return;
    }
    this.#room.push(
      new WaitingTask({
        id,
        name: this.#nameOf(index),
        index,
        args: queue === undefined ? [] : [...args],
        order,
        kept,
        waiter,
      }),
    );
    if (!this.#full && this.outstanding >= this.capacity) this.#setFull(true);
    this.#admit();
  }

  /** Gives slots to those who wait for one. */
  #admit(): void {
    while (this.#room.size > 0 && this.#free.size > 0 && this.#inSlots < this.#window) {
      let task: WaitingTask | undefined;
      try {
        task = this.#room.shift();
      } catch (error) {
        this.#options.onBroken(error);
        return;
      }
      if (task?.waiter === undefined) return;
      const { waiter, order, kept } = task;
      task.waiter = undefined;
      const slot = this.#free.take();
      try {
        this.#values.unpack(slot, kept, order.queue);
      } catch (error) {
        this.#giveBack(slot);
        fail(waiter, new ChosenFailure(error, false));
        continue;
      }
      this.#launch(slot, task.index, waiter, task.id, order, order.idempotent ? kept : undefined);
      this.#options.onAdmitted(order.queue);
    }
  }

  // --- slots ---

  /** Of a task that was never submitted. */
  #giveBack(slot: number): void {
    this.#release(slot);
    if (this.outstanding === 0) this.#becomeIdle();
  }

  #takeSlot(): number {
    if (this.#free.size === 0 && this.#cancelled > 0) this.#sweep();
    const slot = this.#free.take();
    if (slot < 0) throw this.#queueFull();
    return slot;
  }

  #queueFull(): MoiraiError {
    return new MoiraiError(
      'ERR_MOIRAI_QUEUE_FULL',
      `${this.#free.capacity} tasks are outstanding, as many as maxQueue allows`,
    );
  }

  /** Takes the slots of cancelled tasks back now, not when a worker comes to them. */
  #sweep(): void {
    const count = this.native.sweep();
    for (let i = 0; i < count; i++) {
      this.#cancelled--;
      this.#release(this.#reaped[i] ?? 0);
    }
  }

  // --- what comes back ---

  /** Settles everything that has come back. Called by the event loop, or by a thread that waits. */
  settleAll(): void {
    for (;;) {
      const count = this.native.reap();
      // A user's codec may come here again, by joinSync.
      const reaped = this.#hasCodecs ? this.#reaped.slice(0, count) : this.#reaped;
      for (let i = 0; i < count; i++) this.#settleOne(reaped[i] ?? 0);
      if (count < reapAtOnce) break;
    }
    this.#afterRelease();
  }

  /** Slots have come back: others may have them, and who waits for idleness may have it. */
  #afterRelease(): void {
    if (this.#room.size > 0) this.#admit();
    if (this.#full && this.outstanding <= this.#free.capacity / 2) this.#setFull(false);
    if (this.#idle.length > 0 && this.outstanding === 0) this.#becomeIdle();
  }

  #becomeIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  /** Whatever is wrong with one outcome, the others reaped with it are settled. */
  #settleOne(slot: number): void {
    try {
      this.#settle(slot);
    } catch (error) {
      const waiter = this.#waiters[slot];
      this.#release(slot);
      fail(waiter, new ChosenFailure(error, false));
    }
  }

  #settle(slot: number): void {
    const waiter = this.#waiters[slot];
    const phase = phaseOf(this.memory.views, slot);
    if (phase === phaseAwaitingPort) {
      this.#values.deliver(slot);
    } else if (this.#plans.size > 0 && this.#plans.get(slot)?.request !== undefined) {
      this.#settleCancelled(slot);
    } else if (phase === phaseDone && waiter === undefined) {
      this.#values.dropOutcome(slot);
      this.history.done(slot, waiter);
      this.#release(slot);
    } else if (phase === phaseDone) {
      const value = this.#values.outcome(slot);
      this.history.done(slot, waiter);
      this.#release(slot);
      succeed(waiter, value);
    } else if (phase === phaseFailed) {
      const record = this.#values.outcome(slot) as ErrorRecord | undefined;
      const name = this.nameOf(slot);
      const failure =
        record === undefined
          ? new LocalFailure(unspeakable(name))
          : new RemoteFailure(record, name, workerOf(this.memory.views, slot));
      this.history.ended(slot, 'failed', failure, waiter);
      this.#release(slot);
      fail(waiter, failure);
    } else if (phase === phaseCancelled) {
      // The waiter was told when it was cancelled; this is its slot coming back.
      this.#cancelled--;
      this.#release(slot);
    }
  }

  /** A task that was told to end has ended: however it did, it counts as cancelled. */
  #settleCancelled(slot: number): void {
    const failure = this.#plans.get(slot)?.request?.failure;
    const waiter = this.#waiters[slot];
    this.#values.dropOutcome(slot);
    if (failure !== undefined) this.history.ended(slot, endOf(failure), failure, waiter);
    this.#release(slot);
    if (failure !== undefined) fail(waiter, failure);
  }

  nameOf(slot: number): string {
    return this.#nameOf((this.memory.views.u32[slot * slotWords + taskWord] ?? 0) & taskMask);
  }

  #nameOf(index: number): string {
    return index === inlineTask ? 'call' : (this.names[index - 1] ?? '');
  }

  #release(slot: number): void {
    this.#values.release(slot);
    this.#waiters[slot] = undefined;
    if (this.#plans.size > 0) {
      this.#plans.get(slot)?.next?.cancel();
      this.#plans.delete(slot);
    }
    this.#free.give(slot);
  }

  /** Tasks that no worker has begun. */
  get queued(): number {
    if (this.#abandoned !== undefined) return 0;
    return Math.max(0, this.native.backlog() - this.#cancelled) + this.#room.size;
  }

  /** Resolves when nothing is outstanding. */
  idle(): Promise<void> {
    if (this.outstanding === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  // --- what handles ask ---

  statusOf(slot: number): 'queued' | 'running' {
    if (slot < 0) return 'queued';
    return phaseOf(this.memory.views, slot) === phaseQueued ? 'queued' : 'running';
  }

  metricsOf(handle: TaskHandle<unknown>): TaskMetrics | undefined {
    return this.history.metricsOf(handle);
  }

  cancel(handle: TaskHandle<unknown>, request: CancelRequest): boolean {
    const { slot } = handle;
    return slot < 0 ? this.#cancelWaiting(handle, request) : this.#cancelSlot(slot, request);
  }

  /** The same by the task's number, whoever waits for it. */
  cancelTask(id: number, requestFor: (name: string) => CancelRequest): boolean {
    const slot = this.#slotOf(id);
    if (slot >= 0) return this.#cancelSlot(slot, requestFor(this.nameOf(slot)));
    const task = this.#room.find(id);
    return task?.waiter !== undefined && this.#cancelWaiting(task.waiter, requestFor(task.name));
  }

  #cancelWaiting(waiter: Waiter, request: CancelRequest): boolean {
    const task = this.#room.remove(waiter);
    if (task === undefined) return false;
    drop(task.kept.handles);
    this.history.endedWaiting(1);
    fail(waiter, request.failure);
    this.#afterRelease();
    return true;
  }

  #cancelSlot(slot: number, request: CancelRequest): boolean {
    if (!this.native.cancel(slot)) return this.#overseer.cancel(slot, request);
    const waiter = this.#waiters[slot];
    this.#waiters[slot] = undefined;
    this.#cancelled++;
    this.history.ended(slot, endOf(request.failure), request.failure, waiter);
    this.#plans.get(slot)?.next?.cancel();
    this.#plans.delete(slot);
    this.#values.recall(slot);
    fail(waiter, request.failure);
    this.#afterRelease();
    return true;
  }

  /** The slot of a task that somebody waits for; -1: none. Looks at each. */
  #slotOf(id: number): number {
    const { views } = this.memory;
    return this.#waiters.findIndex(
      (waiter, slot) => waiter !== undefined && idOf(views, slot) === id,
    );
  }

  view(kind: TaskViewKind): TaskView[] {
    const name = (word: number): string => this.#nameOf(word & taskMask);
    if (kind !== 'active') return this.history.finished(kind, name);
    const slots = this.#waiters.flatMap((waiter, slot) => (waiter === undefined ? [] : slot));
    return [...this.history.active(slots, name), ...[...this.#room.tasks()].map(waitingView)];
  }

  /** Looks at every task that is not finished, and then at those that are remembered. */
  statusOfTask(id: number): TaskStatus | undefined {
    const slot = this.#slotOf(id);
    if (slot >= 0) return this.statusOf(slot);
    if (this.#room.find(id) !== undefined) return 'queued';
    return this.history.statusOf(id);
  }

  waitFor(settled: () => boolean, milliseconds: number): void {
    const end = performance.now() + milliseconds;
    this.settleAll();
    while (!settled()) {
      const left = end - performance.now();
      if (left <= 0) return;
      stepAside();
      const slice = Math.min(left, waitSliceMs, Math.max(1, this.alarm.next));
      if (!this.native.wait(slice)) this.#messenger?.checkAlive();
      this.alarm.ring();
      this.settleAll();
    }
  }

  // --- what the overseer asks ---

  planOf(slot: number): Plan {
    let plan = this.#plans.get(slot);
    if (plan === undefined) {
      plan = new Plan(idOf(this.memory.views, slot), plainOrder, undefined);
      this.#plans.set(slot, plan);
    }
    return plan;
  }

  isHeldBy(slot: number, id: number): boolean {
    this.settleAll();
    return this.#plans.get(slot)?.id === id;
  }

  runningFor(slot: number, plan: Plan): number | undefined {
    if (phaseOf(this.memory.views, slot) === phaseQueued) return undefined;
    const waitedNs = this.memory.views.view.getFloat32(slot * slotWords * 4 + timesOffset, true);
    return performance.now() - plan.queuedAt - waitedNs / 1e6;
  }

  tell(slot: number, failure: Failure): boolean {
    const { views } = this.memory;
    if (!this.native.requestCancel(slot)) return false;
    this.history.ended(slot, endOf(failure), failure, this.#waiters[slot]);
    const reason = encodeError(failure.toError());
    const generation = generationOf(views, slot);
    this.#messenger?.send(workerOf(views, slot), { type: 'cancel', slot, generation, reason });
    return true;
  }

  dismiss(slot: number, failure: Failure): void {
    const waiter = this.#waiters[slot];
    this.#waiters[slot] = undefined;
    this.history.ended(slot, endOf(failure), failure, waiter);
    fail(waiter, failure);
  }

  abandon(slot: number): void {
    const { views } = this.memory;
    const generation = generationOf(views, slot);
    this.#messenger?.send(workerOf(views, slot), { type: 'abandon', slot, generation });
  }

  isOnThread(slot: number): boolean {
    return this.native.runningOn(workerOf(this.memory.views, slot)) === slot;
  }

  cpuTime(slot: number): number {
    this.native.samples(workerOf(this.memory.views, slot));
    return (this.scratch[0] ?? 0) / 1e6;
  }

  isHeldUp(slot: number): boolean {
    const seat = workerOf(this.memory.views, slot);
    const running = this.native.runningOn(seat);
    return running < 0 ? this.native.idleFor(seat) > 0 : running !== slot;
  }

  endWorker(slot: number, why: MoiraiError): void {
    // It must not begin another task, which would be lost with it, nor end for one that has just ended.
    if (!this.native.barSeatOf(slot)) return;
    this.#messenger?.endWorker(workerOf(this.memory.views, slot), why);
  }

  // --- ends ---

  /**
   * The worker of this seat is gone: what it had started fails with `error`, or runs again where that
   * was allowed; how many tasks.
   */
  lose(seat: number, error: MoiraiError): number {
    this.settleAll();
    let lost = 0;
    for (;;) {
      const count = this.native.startedBy(seat);
      if (count === 0) break;
      lost += count;
      for (const slot of this.#reaped.slice(0, count)) this.#loseTask(slot, error);
    }
    this.settleAll();
    return lost;
  }

  #loseTask(slot: number, error: MoiraiError): void {
    const waiter = this.#waiters[slot];
    const plan = this.#plans.get(slot);
    this.#messenger?.forget(slot);
    const failure = plan?.request?.failure ?? new LocalFailure(error);
    const again =
      plan?.request === undefined && plan?.kept !== undefined && ++plan.losses < lossLimit;
    // While its phase still says since when it runs.
    if (!again) this.history.ended(slot, 'lost', failure, waiter);
    this.native.reclaim(slot);
    if (again) {
      if (this.#runAgain(slot, plan, waiter)) return;
      this.history.ended(slot, 'lost', failure, waiter);
    }
    this.#release(slot);
    fail(waiter, failure);
  }

  #runAgain(slot: number, plan: Plan, waiter: Waiter | undefined): boolean {
    const { kept, order, losses } = plan;
    if (kept === undefined || waiter === undefined) return false;
    const task = (this.memory.views.u32[slot * slotWords + taskWord] ?? 0) & taskMask;
    if (hasBlock(this.memory.views, slot)) this.native.discard(slot);
    try {
      this.#values.unpack(slot, kept, order.queue);
    } catch {
      return false; // no memory for its arguments now: it is lost like the others
    }
    plan.next?.cancel();
    this.rerun++;
    this.#launch(slot, task, waiter, plan.id, order, kept);
    this.#options.onAdmitted(order.queue);
    const again = this.#plans.get(slot);
    if (again !== undefined) again.losses = losses;
    return true;
  }

  /** Every task that is not finished fails now and is waited for no more; the workers will end. */
  abandonAll(failure: Failure): void {
    this.#abandoned = failure;
    this.alarm.clear();
    this.history.endedWaiting(this.#room.size);
    for (const { kept } of this.#room.tasks()) drop(kept.handles);
    this.#room.clear(fail, failure);
    for (const [slot, waiter] of this.#waiters.entries()) {
      if (waiter === undefined) continue;
      this.native.cancel(slot);
      this.#waiters[slot] = undefined;
      this.history.ended(slot, endOf(failure), failure, waiter);
      fail(waiter, failure);
    }
    this.#values.recallAll();
    this.#becomeIdle();
  }

  /** The pool has another size. */
  resized(threads: number): void {
    if (this.#options.queue === undefined) return;
    this.#window = Math.min(this.#free.capacity, 2 * threads);
    this.#admit();
  }
}

function unspeakable(task: string): MoiraiError {
  return new MoiraiError(
    'ERR_MOIRAI_NOT_SERIALIZABLE',
    `task '${task}' ended with what cannot be sent to another thread, and the reason cannot either`,
  );
}
