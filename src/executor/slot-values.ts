// The values that go through a slot: arguments into it, the outcome out of it, by the slot's memory or by a
// message, and what must be let go when nobody reads them. One per executor, on its owner's thread.
import {
  dropPack,
  NeedsPort,
  unpackFromPort,
  type CodecTable,
  type PortPack,
} from '../codec/index.js';
import type { NativeOwner } from '../native.js';
import { Arrivals } from '../share/index.js';
import { DepartedObjects } from './departed.js';
import { keepArguments, packParcel, type KeptArguments, type Parcel } from './kept-arguments.js';
import { kindPort } from './layout.js';
import type { SharedMemory } from './memory.js';
import { ArgumentsWriter, dropValue, readValue } from './payload.js';
import { LentBuffers } from './shared-buffers.js';
import { hasBlock, kindOf, setKind, workerOf } from './slot-fields.js';
import type { TaskOrder } from './task-order.js';
import type { FromOwner } from './wire.js';

/** What goes to workers and comes from them by message. */
export interface ValueMessenger {
  sendArguments(seat: number, slot: number, parcel: Parcel): void;
  /** The result that the seat's worker sent for the slot, which is there already. */
  takeResult(seat: number, slot: number): PortPack | undefined;
  send(seat: number, message: FromOwner): void;
}

export class SlotValues {
  messenger: ValueMessenger | undefined;
  readonly #memory: SharedMemory;
  readonly #native: NativeOwner;
  readonly #scratch: Float64Array;
  readonly #codecs: CodecTable | undefined;
  readonly #parcels = new Map<number, Parcel>();
  readonly #lent = new LentBuffers();
  readonly #departed = new DepartedObjects();
  readonly #arrivals = new Arrivals();
  #idleWriter: ArgumentsWriter | undefined;

  constructor(
    memory: SharedMemory,
    side: NativeOwner,
    scratch: Float64Array,
    codecs: CodecTable | undefined,
  ) {
    this.#memory = memory;
    this.#native = side;
    this.#scratch = scratch;
    this.#codecs = codecs;
  }

  /** Plain arguments into the slot. Throws NOT_SERIALIZABLE or TOO_LARGE; then nothing has left. */
  write(slot: number, args: readonly unknown[], queue: number): void {
    // A getter among the arguments may submit a task of its own in the midst of this one.
    const writer = this.#idleWriter ?? this.#newWriter();
    this.#idleWriter = undefined;
    try {
      writer.arguments(slot, args, queue);
    } catch (error) {
      if (hasBlock(this.#memory.views, slot)) this.#native.discard(slot);
      if (!(error instanceof NeedsPort)) throw error;
      this.#setParcel(slot, this.#pack(args, []));
    } finally {
      this.#idleWriter = writer;
    }
  }

  /** The same as `order` wants it, and what must be kept of them. */
  load(slot: number, args: readonly unknown[], order: TaskOrder): KeptArguments | undefined {
    if (order.idempotent) {
      const kept = this.keep(args, { transfer: [], idempotent: true });
      this.unpack(slot, kept, order.queue);
      return kept;
    }
    if (order.transfer.length > 0) this.#setParcel(slot, this.#pack(args, order.transfer));
    else this.write(slot, args, order.queue);
    return undefined;
  }

  /** Arguments of a task that has no slot yet, or may need another. */
  keep(
    args: readonly unknown[],
    { transfer, idempotent: again }: Pick<TaskOrder, 'transfer' | 'idempotent'>,
  ): KeptArguments {
    return keepArguments(args, { transfer, codecs: this.#codecs, again });
  }

  /** Kept arguments into the slot. */
  unpack(slot: number, { bytes, parcel, handles }: KeptArguments, queue: number): void {
    this.#departed.note(slot, handles);
    if (parcel !== undefined) this.#setParcel(slot, parcel);
    else this.#newWriter().encoded(slot, bytes, queue);
  }

  /** The worker that has begun the slot's task waits for what only a message can bring. */
  deliver(slot: number): void {
    const parcel = this.#parcels.get(slot);
    this.#parcels.delete(slot);
    const seat = workerOf(this.#memory.views, slot);
    if (parcel !== undefined) this.messenger?.sendArguments(seat, slot, parcel);
    else this.messenger?.send(seat, this.#lent.messageFor(slot));
  }

  /** What the slot's task ended with. */
  outcome(slot: number): unknown {
    const { views } = this.#memory;
    if (kindOf(views, slot) !== kindPort) {
      return readValue(this.#memory, slot, this.#lent, this.#codecs, this.#arrivals);
    }
    const value = this.messenger?.takeResult(workerOf(views, slot), slot);
    if (value === undefined) return undefined;
    this.#arrivals.begin(slot);
    try {
      return unpackFromPort(this.#codecs, value, this.#arrivals);
    } catch (error) {
      this.#arrivals.refuse(slot);
      throw error;
    }
  }

  /** Of a task that nobody waits for. */
  dropOutcome(slot: number): void {
    if (kindOf(this.#memory.views, slot) !== kindPort) {
      dropValue(this.#memory, slot, this.#lent, this.#codecs);
      return;
    }
    // It is here or still on its way: left there it would be taken for that of the slot's next task.
    const value = this.messenger?.takeResult(workerOf(this.#memory.views, slot), slot);
    if (value !== undefined) dropPack(value);
  }

  /** No worker will read the slot's arguments any more. */
  recall(slot: number): void {
    this.#departed.release(slot);
  }

  recallAll(): void {
    this.#departed.releaseAll();
  }

  /** The slot is free for another task. */
  release(slot: number): void {
    if (hasBlock(this.#memory.views, slot)) this.#native.discard(slot);
    if (this.#parcels.size > 0) this.#parcels.delete(slot);
    this.#lent.release(slot);
    this.#departed.release(slot);
  }

  #pack(args: readonly unknown[], transfer: TaskOrder['transfer']): Parcel {
    return packParcel(args, { transfer, codecs: this.#codecs, again: false });
  }

  #newWriter(): ArgumentsWriter {
    return new ArgumentsWriter(
      this.#memory,
      this.#native,
      this.#scratch,
      this.#lent,
      this.#departed,
      this.#codecs,
    );
  }

  #setParcel(slot: number, parcel: Parcel): void {
    this.#departed.note(slot, parcel.handles);
    this.#parcels.set(slot, parcel);
    setKind(this.#memory.views, slot, kindPort);
  }
}
