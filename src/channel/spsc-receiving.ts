// The side that receives of a ring that JavaScript works itself: see spsc-side.ts.
import type { Views } from '../codec/index.js';
import type { NativeRing } from '../native.js';
import type { ReceiverNative } from './native-end.js';
import { corrupt, disconnected, wouldBlock } from './end.js';
import { countOf, SpscSide, type Numbers } from './spsc-side.js';

/** How messages come: by native code, or by this. */
export type ReceiverCalls = Pick<ReceiverNative, 'receiveMany' | 'peek' | 'release'>;

/** A look is a load of 6 ns, and more where the word has just changed. */
const looksOfSpin = 200;

export class SpscReceiving extends SpscSide implements ReceiverCalls {
  constructor(
    native: ReceiverNative,
    ring: NativeRing,
    views: Views,
    capacity: number,
    bytes: number,
  ) {
    const at = { mine: ring.received, theirs: ring.sent, notice: ring.toReceiver };
    super(ring, views, capacity, bytes, at, (count) => native.call(count));
  }

  /** Undefined: ask `peek` why. For channels of numbers. */
  receive(): number | undefined {
    const { mine } = this;
    if (mine === this.theirs && this.#look() === 0) return undefined;
    const value = this.numbers[this.firstNumber + ((mine & this.mask) << this.numberShift)];
    this.#free(1);
    return value;
  }

  /** Waits for a message for as long as a call into native code would take, 1 or 2 µs. */
  spin(): void {
    for (let i = 0; i < looksOfSpin; i++) {
      if (Atomics.load(this.words, this.theirsAt) !== this.mine) return;
    }
  }

  /** How many came, into the places from there on, or why none did. */
  receiveMany(into: Numbers, from: number): number {
    const end = countOf(into, this.numbers);
    let next = from;
    while (next < end) {
      let there = (this.theirs - this.mine) | 0;
      if (there < end - next) there = this.#look();
      if (there === 0) break;
      const count = Math.min(there, end - next);
      this.copyOut(into, next, count);
      this.#free(count);
      next += count;
    }
    return next === from && next < end ? this.#refusal() : next - from;
  }

  /** The byte offset of the oldest message, the same until release, or why there is none. */
  peek(): number {
    if (this.mine === this.theirs && this.#look() === 0) {
      const refusal = this.#refusal();
      if (refusal !== 0) return refusal;
    }
    return this.offsetOf(this.mine);
  }

  release(): boolean {
    this.#free(1);
    return true;
  }

  /** The oldest `count` slots may be written again. */
  #free(count: number): void {
    this.mine = (this.mine + count) | 0;
    Atomics.store(this.words, this.mineAt, this.mine);
    const notice = Atomics.load(this.words, this.noticeAt);
    if (notice !== 0) this.callWaiting(notice, count);
  }

  /** How many messages there are. */
  #look(): number {
    let there = this.#see();
    if (this.pause(there)) {
      const found = there;
      there = this.#see();
      this.learn(there - found);
    }
    return there;
  }

  #see(): number {
    const theirs = Atomics.load(this.words, this.theirsAt);
    const there = (theirs - this.mine) >>> 0;
    if (there > this.capacity || this.isCorrupt) {
      this.isCorrupt = true;
      this.theirs = this.mine; // empty for ever
      return 0;
    }
    this.theirs = theirs;
    return there;
  }

  /** Why there is no message; 0: there is one by now. */
  #refusal(): number {
    const notice = Atomics.load(this.words, this.noticeAt);
    // What the sender has sent was sent before it left.
    if (this.#see() > 0) return 0;
    if (this.isCorrupt) return corrupt;
    return (notice & this.ring.gone) !== 0 ? disconnected : wouldBlock;
  }
}
