// The ring of one sender and one receiver, worked by JavaScript: a call into native code costs more than
// all that is done to it. The same memory and rules as native/core/channel/spsc_ring.h, whose sides take
// over where these leave off; native code is entered to call a side that waits.
//
// Memory ordering: a message is written or read by plain accesses, before the seq_cst store of this
// side's position, and after the seq_cst load of the other's, which are their happens-before. The store
// is followed by a load of this side's notice, which cannot miss a side that has gone to sleep: the
// argument is at the head of spsc_channel.h. Positions are integers of 32 bits that wrap; what the other
// side's memory says is checked, and no index leaves the ring whatever it says.
//
// A side that finds little on its way (see native/core/channel/patience.h) looks again a moment later,
// as long as that pays.
import type { Views } from '../codec/index.js';
import type { NativeRing } from '../native.js';

/** What numbers are sent from and received into as a block. */
export type Numbers = Float64Array | Uint32Array;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: PropertyKey): (() => unknown) =>
  Object.getOwnPropertyDescriptor(typedArray, name)?.get as () => unknown;
const tagOf = getter(Symbol.toStringTag);
const lengthOf = getter('length');

/** The method itself, not what an array may have in its place. */
const { set } = Float64Array.prototype;
/** From so many on a call that copies a block is faster than a loop. */
const fewestOfBlock = 64;

/** How many numbers there are of the type that the channel has, whatever an array says of itself. */
export function countOf(numbers: Numbers, own: Numbers): number {
  return tagOf.call(numbers) === tagOf.call(own) ? (lengthOf.call(numbers) as number) : 0;
}

/** What a number of messages means that is worth waiting for more, and how that is found out. */
const enough = 128;
const worthIt = 4;
const failuresUntilRest = 2;
const leastRest = 64;
const mostRest = 1024;
const loadsOfMoment = 64;

export abstract class SpscSide {
  protected readonly words: Int32Array;
  /** The slots as numbers, of channels that carry numbers. */
  protected readonly numbers: Numbers;
  /** Index in `numbers` of the first slot's number, and by how much to shift a slot's number to get there. */
  protected readonly firstNumber: number;
  protected readonly numberShift: number;
  protected readonly slots: number;
  protected readonly stride: number;
  protected readonly capacity: number;
  protected readonly mask: number;
  protected readonly ring: NativeRing;
  /** Indices of words: this side's position, the other's, and what the other lets this one know. */
  protected readonly mineAt: number;
  protected readonly theirsAt: number;
  protected readonly noticeAt: number;
  readonly #call: (count: number) => void;
  protected mine: number;
  /** The other side's position as of the last look. */
  protected theirs: number;
  protected isCorrupt = false;
  #rest = 0;
  #nextRest = leastRest;
  #failures = 0;

  constructor(
    ring: NativeRing,
    views: Views,
    capacity: number,
    messageBytes: number,
    at: { readonly mine: number; readonly theirs: number; readonly notice: number },
    call: (count: number) => void,
  ) {
    this.ring = ring;
    this.words = new Int32Array(views.u32.buffer, views.u32.byteOffset, views.u32.length);
    this.numbers = messageBytes === 4 ? views.u32 : views.f64;
    this.firstNumber = ring.slots / this.numbers.BYTES_PER_ELEMENT;
    this.numberShift = messageBytes === 4 ? 1 : 0; // slots are of 8 bytes
    this.slots = ring.slots;
    this.stride = ring.stride;
    this.capacity = capacity;
    this.mask = capacity - 1;
    this.mineAt = at.mine / 4;
    this.theirsAt = at.theirs / 4;
    this.noticeAt = at.notice / 4;
    this.#call = call;
    this.mine = Atomics.load(this.words, this.mineAt);
    this.theirs = this.mine;
  }

  /** Byte offset of a position's slot. */
  protected offsetOf(position: number): number {
    return this.slots + (position & this.mask) * this.stride;
  }

  /** Numbers into the slots from this side's position on. */
  protected copyIn(from: Numbers, at: number, count: number): void {
    const { numbers, firstNumber, numberShift, mask, mine } = this;
    const start = mine & mask;
    const inARow = start + count <= this.capacity && numberShift === 0;
    if (inARow && count >= fewestOfBlock && at === 0 && count === countOf(from, numbers)) {
      set.call(numbers, from, firstNumber + start);
      return;
    }
    for (let i = 0; i < count; i++) {
      numbers[firstNumber + (((mine + i) & mask) << numberShift)] = from[at + i] as number;
    }
  }

  /** Numbers out of the slots from this side's position on. */
  protected copyOut(into: Numbers, at: number, count: number): void {
    const { numbers, firstNumber, numberShift, mask, mine } = this;
    const start = mine & mask;
    if (count >= fewestOfBlock && start + count <= this.capacity && numberShift === 0) {
      const first = firstNumber + start;
      set.call(into, numbers.subarray(first, first + count), at);
      return;
    }
    for (let i = 0; i < count; i++) {
      into[at + i] = numbers[firstNumber + (((mine + i) & mask) << numberShift)] as number;
    }
  }

  /** Calls the other side if it waits. */
  protected callWaiting(notice: number, count: number): void {
    if ((notice & this.ring.waits) !== 0) this.#call(count);
  }

  /** Lets a moment pass if that is likely to turn the `found` slots into many; true: look again. */
  protected pause(found: number): boolean {
    if (found === 0 || found >= enough || found > this.capacity / 2) return false;
    if (this.#rest > 0) {
      this.#rest--;
      return false;
    }
    // The word is this side's own: reading it disturbs nobody.
    for (let i = 0; i < loadsOfMoment; i++) Atomics.load(this.words, this.mineAt);
    return true;
  }

  /** How many more there were after a pause. */
  protected learn(more: number): void {
    if (more >= worthIt) {
      this.#failures = 0;
      this.#nextRest = leastRest;
    } else if (++this.#failures >= failuresUntilRest) {
      this.#failures = failuresUntilRest - 1; // the next attempt is one
      this.#rest = this.#nextRest;
      this.#nextRest = Math.min(this.#nextRest * 2, mostRest);
    }
  }
}
