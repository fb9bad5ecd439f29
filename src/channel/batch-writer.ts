// The sender's side of batches: collects messages in memory of its own and moves them into a slot when
// there are enough of them, when the first has waited long enough, or when no more have come.
//
// How many are enough follows the rate at which messages come, by a moving average over about 20 ms: as
// many as come within `target`. One, where they come slowly: then each goes at once and nothing waits.
// What was not enough goes when it is due (batch-clock.ts). Where there is no room for a batch, it grows to
// its full size, and then sending waits as in a channel without batches: so the channel is bounded.
//
// Messages are not written into their slot at once because a slot that is claimed holds up what other
// senders commit after it, and a thread that computes does not come to commit it.
import { MoiraiError } from '../base/index.js';
import type { Views } from '../codec/index.js';
import { BatchClock, type Collector } from './batch-clock.js';
import { batchBytes, headBytes, sizeAt, strideOf, type BatchShape } from './batching.js';
import type { MessageCodec } from './messages.js';

/** What a sender does for its batches. */
export interface BatchSlots {
  readonly views: Views;
  /** Byte offset of a slot, 0: there is none now. Throws where there will be none. */
  claim(): number;
  commit(): void;
}

/** Time constant of the moving average, ms: after 100 ms it has followed 99 % of a step. */
const memoryMs = 20;
/** Rates are not measured over less. */
const shortestMs = 0.05;
const smallCopy = 32;

const clock = new BatchClock();

/** Writers of this thread with messages that have not gone. */
const unsent = new Set<BatchWriter<never>>();

/** A thread that is about to block sends what it has collected first: an answer may depend on it. */
export function flushBatches(): void {
  for (const writer of unsent) writer.tryFlush();
}

export class BatchWriter<T> implements Collector {
  /** Messages in the batches that went, and the batches. */
  sent = 0;
  batches = 0;
  readonly #codec: MessageCodec<T>;
  readonly #slots: BatchSlots;
  readonly #shape: BatchShape;
  readonly #stride: number;
  readonly #views: Views;
  readonly #end: number;
  #position = headBytes;
  #count = 0;
  /** So many are enough. */
  #enough = 1;
  #writing = false;
  /** Messages a millisecond; since when, and how many have been added since. */
  #rate = 0;
  #since = performance.now();
  #added = 0;
  #due = 0;
  #onEmpty: (() => void) | undefined;

  constructor(codec: MessageCodec<T>, shape: BatchShape, slots: BatchSlots) {
    this.#codec = codec;
    this.#shape = shape;
    this.#slots = slots;
    this.#stride = strideOf(codec);
    this.#end = batchBytes(codec, shape.maxSize);
    const buffer = new ArrayBuffer(this.#end);
    this.#views = {
      bytes: Buffer.from(buffer),
      view: new DataView(buffer),
      f64: new Float64Array(buffer),
      u32: new Uint32Array(buffer),
    };
  }

  /** Messages that have not gone. */
  get waiting(): number {
    return this.#count;
  }

  /** A message is being written, which may run a getter of the user's. */
  get isWriting(): boolean {
    return this.#writing;
  }

  /** Messages a second, by the moving average. */
  get rate(): number {
    this.#measure(performance.now());
    return this.#rate * 1000;
  }

  /** How many make a batch now. */
  get size(): number {
    return this.#enough;
  }

  /** False: neither in the batch nor in the channel is there room. */
  add(value: T): boolean {
    if (this.#writing) {
      const why = 'a getter of a value that is being sent has sent another';
      throw new MoiraiError('ERR_MOIRAI_DEADLOCK', why, { value });
    }
    if (this.#isFull() && !this.flush()) return false;
    const at = this.#position;
    this.#writing = true;
    try {
      this.#codec.write(this.#views, at, value);
    } finally {
      this.#writing = false;
    }
    this.#position = at + (this.#stride || sizeAt(this.#views, at));
    this.#added++;
    try {
      if (++this.#count >= this.#enough) this.flush();
    } catch (error) {
      // The value goes back to the caller and must not go a second time.
      this.#count--;
      this.#added--;
      this.#position = at;
      throw error;
    }
    if (this.#count === 1) {
      unsent.add(this as never);
      this.#setDue();
    }
    return true;
  }

  #isFull(): boolean {
    const needed = this.#stride || this.#codec.bytes;
    return this.#count >= this.#shape.maxSize || this.#position + needed > this.#end;
  }

  /** True: nothing waits. False: there is no room for it. Throws where there will be none. */
  flush(): boolean {
    if (this.#count === 0) return true;
    if (this.#writing) return false; // a getter of the value that comes next
    const at = this.#slots.claim();
    if (at === 0) return false;
    this.#views.u32[0] = this.#count;
    this.#copyTo(this.#slots.views, at);
    this.#slots.commit();
    this.sent += this.#count;
    this.batches++;
    this.#clear();
    const now = performance.now();
    if (now - this.#since >= shortestMs) this.#measure(now);
    return true;
  }

  /** For those who cannot do anything about its failure: the next to send meets it. */
  tryFlush(): boolean {
    try {
      return this.flush();
    } catch {
      return false;
    }
  }

  /**
   * Calls back when nothing waits any more, at once or when there was room for it: until then the process
   * goes on. Where there will be none, what waits is lost, as is all that lies in such a channel.
   */
  finish(onEmpty: () => void): void {
    this.#onEmpty = onEmpty;
    this.#tryFinish();
    if (this.#onEmpty !== undefined) this.#setDue();
  }

  #tryFinish(): void {
    try {
      if (!this.flush()) return;
    } catch (error) {
      // Of memory there will be some again, when messages are received.
      if ((error as Partial<MoiraiError>).code === 'ERR_MOIRAI_OUT_OF_MEMORY') return;
      this.#clear();
    }
    clock.leave(this);
    const onEmpty = this.#onEmpty;
    this.#onEmpty = undefined;
    onEmpty?.();
  }

  #clear(): void {
    this.#count = 0;
    this.#position = headBytes;
    unsent.delete(this as never);
  }

  #copyTo(shared: Views, at: number): void {
    const words = (this.#position + 7) >> 3;
    if (words > smallCopy) {
      shared.bytes.set(this.#views.bytes.subarray(0, this.#position), at);
      return;
    }
    const from = this.#views.f64;
    const into = shared.f64;
    const start = at / 8;
    for (let i = 0; i < words; i++) into[start + i] = from[i] ?? 0;
  }

  #measure(now: number): void {
    const passed = now - this.#since;
    if (passed <= 0) return;
    const weight = 1 - Math.exp(-passed / memoryMs);
    this.#rate += weight * (this.#added / passed - this.#rate);
    this.#since = now;
    this.#added = 0;
    const wanted = Math.round(this.#rate * this.#shape.target);
    this.#enough = Math.min(Math.max(1, wanted), this.#shape.maxSize);
  }

  // --- time ---

  get due(): number {
    return this.#count > 0 || this.#onEmpty !== undefined ? this.#due : Infinity;
  }

  onDue(): void {
    if (this.#onEmpty !== undefined) this.#tryFinish();
    else if (this.tryFlush()) return;
    if (this.due < Infinity) this.#setDue(); // there was no room
  }

  #setDue(): void {
    this.#due = performance.now() + clock.patience(this.#shape.maxDelay);
    clock.enter(this);
  }
}
