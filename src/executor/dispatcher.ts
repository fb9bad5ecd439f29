// The owner's side of every task: a slot from the free list, arguments into it, off to the workers;
// and back: what was reaped is settled and its slot freed. One per executor, on its owner's thread.
import type { TransferListItem } from 'node:worker_threads';
import { invalidType, MoiraiError } from '../base/index.js';
import { NeedsPort, refusal, type ErrorRecord } from '../codec/index.js';
import { native, type NativeOwner } from '../native.js';
import { ChosenFailure, LocalFailure, RemoteFailure, type Failure } from './failure.js';
import {
  generationOffset,
  kindPort,
  phaseAwaitingPort,
  phaseCancelled,
  phaseDone,
  phaseFailed,
  phaseQueued,
  stateOffset,
  taskOffset,
} from './layout.js';
import { SharedMemory } from './memory.js';
import {
  hasBlock,
  kindOf,
  PayloadWriter,
  readValue,
  setKind,
  slotWords,
  workerOf,
} from './payload.js';
import type { Placement } from './placement.js';
import { fail, succeed, type HandleOwner, type Waiter } from './task-handle.js';
import { inlineTask } from './wire.js';

const stateWord = stateOffset / 4;
const taskWord = taskOffset / 4;
const generationWord = generationOffset / 4;
const phaseMask = 0xff;
const taskMask = 0xffff;
const reapAtOnce = 1024;
/** A blocked owner looks this often whether its own thread is to end (worker.terminate). */
const waitSliceMs = 50;

/** Where a task goes to and comes back from when its values need a MessagePort. */
export interface Messenger {
  sendArguments(seat: number, slot: number, parcel: Parcel): void;
  /** The result that the seat's worker sent for the slot, which is there already. */
  takeResult(seat: number, slot: number): unknown;
  /** The slot's task is lost, and with it a result that may have come. */
  forget(slot: number): void;
  /** Finds workers whose thread is gone, when the event loop cannot tell. */
  checkAlive(): void;
}

/** Arguments whose transferables have already left the caller. */
export interface Parcel {
  readonly values: readonly unknown[];
  readonly transfer: readonly TransferListItem[];
}

export class Dispatcher implements HandleOwner {
  readonly memory: SharedMemory;
  readonly native: NativeOwner;
  readonly scratch = new Float64Array(8);
  readonly #reaped = new Uint32Array(reapAtOnce);
  #idleWriter: PayloadWriter | undefined;
  readonly #waiters: (Waiter | undefined)[];
  /** Slots not in use; the most recently freed is used first, while it is in the cache. */
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #parcels = new Map<number, Parcel>();
  #idle: (() => void)[] = [];
  #abandoned: Failure | undefined;
  /** Tasks cancelled while queued whose slots have not come back. */
  #cancelled = 0;
  messenger: Messenger | undefined;
  /** Task names, in the order of their indices from 1; known when the workers are. */
  names: readonly string[] = [];

  constructor(slots: number, placement: Placement, spinNs: number) {
    this.memory = SharedMemory.create(slots);
    this.native = native.openExecutor(
      this.memory.views.bytes,
      this.memory.maxBytes,
      slots,
      placement.seats.length,
      placement.nodes.length,
      placement.cpus,
      spinNs,
      () => this.settleAll(),
      this.scratch,
      this.#reaped,
    );
    for (const [index, seat] of placement.seats.entries()) {
      this.native.setSeat(index, seat.node, seat.cpu, seat.order);
    }
    this.#waiters = Array.from({ length: slots }, () => undefined);
    this.#free = Int32Array.from({ length: slots }, (_, index) => slots - 1 - index);
    this.#freeCount = slots;
  }

  /** How many tasks may be outstanding. */
  get capacity(): number {
    return this.#free.length;
  }

  get outstanding(): number {
    if (this.#abandoned !== undefined) return 0;
    return this.#free.length - this.#freeCount - this.#cancelled;
  }

  /**
   * Gives a task to the workers of a node (an index into the placement's nodes). Throws QUEUE_FULL,
   * NOT_SERIALIZABLE or TOO_LARGE; then nothing has changed.
   */
  submit(
    task: number,
    args: readonly unknown[],
    waiter: Waiter,
    node: number,
    transfer: readonly TransferListItem[] | undefined,
  ): void {
    const slot = this.#takeSlot();
    try {
      if (transfer !== undefined && transfer.length > 0) this.#packParcel(slot, args, transfer);
      else this.#writeArguments(slot, args);
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
    const u32 = this.memory.views.u32;
    const base = slot * slotWords;
    u32[base + taskWord] = task;
    u32[base + generationWord] = (u32[base + generationWord] ?? 0) + 1;
    if (typeof waiter !== 'function') waiter.slot = slot;
    this.#waiters[slot] = waiter;
    this.native.submit(slot, node);
  }

  /** Of a task that was never submitted. */
  #giveBack(slot: number): void {
    this.#release(slot);
    if (this.outstanding === 0) this.#becomeIdle();
  }

  #takeSlot(): number {
    if (this.#freeCount === 0 && this.#cancelled > 0) this.#sweep();
    if (this.#freeCount === 0) {
      throw new MoiraiError(
        'ERR_MOIRAI_QUEUE_FULL',
        `${this.#free.length} tasks are outstanding, as many as maxQueue allows`,
      );
    }
    return this.#free[--this.#freeCount] ?? 0;
  }

  /** Takes the slots of cancelled tasks back now, not when a worker comes to them. */
  #sweep(): void {
    const count = this.native.sweep();
    for (let i = 0; i < count; i++) {
      this.#cancelled--;
      this.#release(this.#reaped[i] ?? 0);
    }
  }

  #writeArguments(slot: number, args: readonly unknown[]): void {
    // A getter among the arguments may submit a task of its own in the midst of this one.
    const writer = this.#idleWriter ?? new PayloadWriter(this.memory, this.native, this.scratch);
    this.#idleWriter = undefined;
    try {
      writer.arguments(slot, args);
    } catch (error) {
      if (hasBlock(this.memory.views, slot)) this.native.discard(slot);
      if (!(error instanceof NeedsPort)) throw error;
      this.#packParcel(slot, args, []);
    } finally {
      this.#idleWriter = writer;
    }
  }

  /** Takes the values as they are now; what is transferred is the caller's no longer. */
  #packParcel(slot: number, args: readonly unknown[], transfer: readonly TransferListItem[]): void {
    let parcel: Parcel;
    try {
      parcel = structuredClone({ values: args, transfer }, { transfer: [...transfer] });
    } catch (error) {
      throw blameFor(error, args, transfer);
    }
    this.#parcels.set(slot, parcel);
    setKind(this.memory.views, slot, kindPort);
  }

  /** Settles everything that has come back. Called by the event loop, or by a thread that waits. */
  settleAll(): void {
    for (;;) {
      const count = this.native.reap();
      for (let i = 0; i < count; i++) this.#settleOne(this.#reaped[i] ?? 0);
      if (count < reapAtOnce) break;
    }
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
    const u32 = this.memory.views.u32;
    const base = slot * slotWords;
    const waiter = this.#waiters[slot];
    const phase = (u32[base + stateWord] ?? 0) & phaseMask;
    if (phase === phaseDone) {
      const value = this.#outcome(slot);
      this.#release(slot);
      succeed(waiter, value);
    } else if (phase === phaseAwaitingPort) {
      const parcel = this.#parcels.get(slot);
      this.#parcels.delete(slot);
      if (parcel !== undefined) {
        this.messenger?.sendArguments(workerOf(this.memory.views, slot), slot, parcel);
      }
    } else if (phase === phaseFailed) {
      const record = this.#outcome(slot) as ErrorRecord | undefined;
      const failure =
        record === undefined
          ? new LocalFailure(unspeakable(this.#taskName(slot)))
          : new RemoteFailure(record, this.#taskName(slot), workerOf(this.memory.views, slot));
      this.#release(slot);
      fail(waiter, failure);
    } else if (phase === phaseCancelled) {
      // The waiter was told when it was cancelled; this is its slot coming back.
      this.#cancelled--;
      this.#release(slot);
    }
  }

  #taskName(slot: number): string {
    const task = (this.memory.views.u32[slot * slotWords + taskWord] ?? inlineTask) & taskMask;
    return task === inlineTask ? 'call' : (this.names[task - 1] ?? '');
  }

  #outcome(slot: number): unknown {
    return kindOf(this.memory.views, slot) === kindPort
      ? this.messenger?.takeResult(workerOf(this.memory.views, slot), slot)
      : readValue(this.memory, slot);
  }

  #release(slot: number): void {
    if (hasBlock(this.memory.views, slot)) this.native.discard(slot);
    this.#waiters[slot] = undefined;
    if (this.#parcels.size > 0) this.#parcels.delete(slot);
    this.#free[this.#freeCount++] = slot;
  }

  /** Tasks that no worker has begun. */
  get queued(): number {
    if (this.#abandoned !== undefined) return 0;
    return Math.max(0, this.native.backlog() - this.#cancelled);
  }

  /** Resolves when nothing is outstanding. */
  idle(): Promise<void> {
    if (this.outstanding === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  statusOf(slot: number): 'queued' | 'running' {
    const phase = (this.memory.views.u32[slot * slotWords + stateWord] ?? 0) & phaseMask;
    return phase === phaseQueued ? 'queued' : 'running';
  }

  cancelQueued(slot: number, failure: Failure): boolean {
    if (!this.native.cancel(slot)) return false;
    const waiter = this.#waiters[slot];
    this.#waiters[slot] = undefined;
    this.#cancelled++;
    fail(waiter, failure);
    if (this.outstanding === 0) this.#becomeIdle();
    return true;
  }

  waitFor(settled: () => boolean, milliseconds: number): void {
    const end = performance.now() + milliseconds;
    this.settleAll();
    while (!settled()) {
      const left = end - performance.now();
      if (left <= 0) return;
      if (!this.native.wait(Math.min(left, waitSliceMs))) this.messenger?.checkAlive();
      this.settleAll();
    }
  }

  /** The worker of this seat is gone: what it had started fails with `error`; how many tasks. */
  lose(seat: number, error: MoiraiError): number {
    this.settleAll();
    let lost = 0;
    for (;;) {
      const count = this.native.startedBy(seat);
      if (count === 0) break;
      lost += count;
      for (const slot of this.#reaped.slice(0, count)) {
        const waiter = this.#waiters[slot];
        this.messenger?.forget(slot);
        this.native.reclaim(slot);
        this.#release(slot);
        fail(waiter, new LocalFailure(error));
      }
    }
    this.settleAll();
    return lost;
  }

  /** Every task that is not finished fails now and is waited for no more; the workers will end. */
  abandon(failure: Failure): void {
    this.#abandoned = failure;
    for (const [slot, waiter] of this.#waiters.entries()) {
      if (waiter === undefined) continue;
      this.native.cancel(slot);
      this.#waiters[slot] = undefined;
      fail(waiter, failure);
    }
    this.#becomeIdle();
  }
}

function unspeakable(task: string): MoiraiError {
  return new MoiraiError(
    'ERR_MOIRAI_NOT_SERIALIZABLE',
    `task '${task}' ended with what cannot be sent to another thread, and the reason cannot either`,
  );
}

/** Whether it is the arguments or the list of what to transfer that cannot be sent. */
function blameFor(error: unknown, args: readonly unknown[], transfer: readonly unknown[]): unknown {
  if (transfer.length > 0) {
    const allowed = 'an array of transferable objects, each of them once and not detached';
    const fits = (item: unknown): boolean => typeof item === 'object' && item !== null;
    if (!transfer.every(fits) || new Set(transfer).size < transfer.length) {
      return invalidType('options.transfer', allowed, transfer);
    }
    if ((error as { code?: unknown }).code === 'ERR_INVALID_TRANSFER_OBJECT') {
      return invalidType('options.transfer', allowed, transfer);
    }
  }
  return refusal(error, args, 'args');
}
