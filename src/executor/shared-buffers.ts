// SharedArrayBuffers among a task's values travel as numbers. The owner numbers those it sends; a
// worker keeps the ones it has met and asks for one that it does not have. What a result names are the
// buffers of its own task's arguments, by their order: the owner holds these until the task is over.
import { native } from '../native.js';
import type { FromOwner } from './wire.js';

type BuffersMessage = Extract<FromOwner, { type: 'buffers' }>;

/** The owner's side. */
export class LentBuffers {
  readonly #ids = new WeakMap<SharedArrayBuffer, number>();
  #lastId = 0;
  /** By slot: the buffers that its arguments name, in order. */
  readonly #lent = new Map<number, readonly SharedArrayBuffer[]>();

  /** A buffer's number for all workers of this executor. */
  idOf(buffer: SharedArrayBuffer): number {
    let id = this.#ids.get(buffer);
    if (id === undefined) {
      id = ++this.#lastId;
      this.#ids.set(buffer, id);
    }
    return id;
  }

  lend(slot: number, buffers: readonly SharedArrayBuffer[]): void {
    this.#lent.set(slot, buffers);
  }

  /** Answers a worker that does not have all of the slot's buffers. */
  messageFor(slot: number): BuffersMessage {
    const buffers = this.#lent.get(slot) ?? [];
    return { type: 'buffers', slot, ids: buffers.map((one) => this.idOf(one)), buffers };
  }

  of(slot: number): readonly SharedArrayBuffer[] | undefined {
    return this.#lent.size === 0 ? undefined : this.#lent.get(slot);
  }

  release(slot: number): void {
    if (this.#lent.size > 0) this.#lent.delete(slot);
  }
}

/** A worker's side. */
export class BorrowedBuffers {
  readonly #known = new Map<number, WeakRef<SharedArrayBuffer>>();
  /** V8 counts no shared memory; told of it, it collects what this thread has let go in good time. */
  readonly #collected = new FinalizationRegistry<{ readonly id: number; readonly size: number }>(
    ({ id, size }) => {
      native.adjustMemory(-size);
      if (this.#known.get(id)?.deref() === undefined) this.#known.delete(id);
    },
  );
  /** By slot: the buffers among the arguments of a task that is not over. */
  readonly #held = new Map<number, readonly SharedArrayBuffer[]>();
  #met: SharedArrayBuffer[] = [];
  /** The last reading ended at a buffer that is not known here. */
  missing = false;

  /** The reading of a task's arguments begins. */
  begin(slot: number): void {
    this.missing = false;
    this.release(slot);
  }

  readonly find = (id: number): SharedArrayBuffer | undefined => {
    const buffer = this.#known.get(id)?.deref();
    if (buffer === undefined) this.missing = true;
    else this.#met.push(buffer);
    return buffer;
  };

  /** And ends, well or not. */
  end(slot: number): void {
    if (this.#met.length === 0) return;
    if (!this.missing) this.#held.set(slot, this.#met);
    this.#met = [];
  }

  /** Buffers that the owner has sent. */
  add({ ids, buffers }: BuffersMessage): void {
    for (const [index, buffer] of buffers.entries()) {
      const id = ids[index] ?? 0;
      if (this.#known.get(id)?.deref() !== undefined) continue;
      const size = buffer.byteLength;
      this.#known.set(id, new WeakRef(buffer));
      this.#collected.register(buffer, { id, size });
      native.adjustMemory(size);
    }
  }

  /** A buffer's place among those of the task's arguments; -1: it is none of them. */
  numberOf(slot: number, buffer: SharedArrayBuffer): number {
    return this.#held.get(slot)?.indexOf(buffer) ?? -1;
  }

  /** The task is over. */
  release(slot: number): void {
    if (this.#held.size > 0) this.#held.delete(slot);
  }
}
