// The side that sends of a ring that JavaScript works itself: see spsc-side.ts.
import type { Views } from '../codec/index.js';
import type { NativeRing } from '../native.js';
import type { SenderNative } from './native-end.js';
import { corrupt, disconnected, wouldBlock } from './end.js';
import { countOf, SpscSide, type Numbers } from './spsc-side.js';

/** How messages go: by native code, or by this. */
export type SenderCalls = Pick<SenderNative, 'sendMany' | 'claim' | 'commit' | 'abort'>;

export class SpscSending extends SpscSide implements SenderCalls {
  constructor(
    native: SenderNative,
    ring: NativeRing,
    views: Views,
    capacity: number,
    bytes: number,
  ) {
    const at = { mine: ring.sent, theirs: ring.received, notice: ring.toSender };
    super(ring, views, capacity, bytes, at, (count) => native.call(count));
    this.theirs = (this.mine - capacity) | 0; // full, until it is looked at
  }

  /** 1, or why not. For channels of numbers. */
  send(value: number): number {
    const { mine } = this;
    if (((mine - this.theirs) | 0) >= this.capacity) {
      const room = this.#look();
      if (room <= 0) return room;
    }
    this.numbers[this.firstNumber + ((mine & this.mask) << this.numberShift)] = value;
    return this.#publish(1);
  }

  /** How many of the numbers from there on went, or why none did. */
  sendMany(numbers: Numbers, from: number): number {
    const end = countOf(numbers, this.numbers);
    let next = from;
    while (next < end) {
      let room = (this.capacity - (this.mine - this.theirs)) | 0;
      if (room < end - next) room = this.#look();
      if (room <= 0) return next === from ? room : next - from;
      const count = Math.min(room, end - next);
      this.copyIn(numbers, next, count);
      const went = this.#publish(count);
      if (went < 0) return next === from ? went : next - from;
      next += went;
      if (went < count) break;
    }
    return next - from;
  }

  /** The byte offset of a slot, the same until commit, or why there is none. */
  claim(): number {
    // To nobody nothing is sent, also where there is room. A hint; `commit` does not lose what it says.
    if (((this.words[this.noticeAt] as number) & this.ring.gone) !== 0) return this.#refusal();
    if (((this.mine - this.theirs) | 0) >= this.capacity) {
      const room = this.#look();
      if (room <= 0) return room;
    }
    return this.offsetOf(this.mine);
  }

  /**
   * Nothing is taken back where the receiver has gone: whoever closed it may be at this message already, to
   * give back what it stands for (`Channel::Salvage`), and if not, this side's close is.
   */
  commit(): true {
    this.mine = (this.mine + 1) | 0;
    Atomics.store(this.words, this.mineAt, this.mine);
    const notice = Atomics.load(this.words, this.noticeAt);
    if (notice !== 0) this.callWaiting(notice, 1);
    return true;
  }

  /** Nobody else knows of what was claimed. */
  abort(): void {}

  /** The next `count` slots are messages. How many of them were not in vain, or why none was not. */
  #publish(count: number): number {
    this.mine = (this.mine + count) | 0;
    Atomics.store(this.words, this.mineAt, this.mine);
    const notice = Atomics.load(this.words, this.noticeAt);
    return notice === 0 ? count : this.#heed(notice, count);
  }

  #heed(notice: number, count: number): number {
    if ((notice & this.ring.gone) === 0) {
      this.callWaiting(notice, count);
      return count;
    }
    // Its position is final: what it has not received it never will, and goes back to the caller.
    const unreceived = (this.mine - Atomics.load(this.words, this.theirsAt)) >>> 0;
    if (unreceived > this.capacity) return this.#refusal();
    const back = Math.min(unreceived, count);
    this.mine = (this.mine - back) | 0;
    Atomics.store(this.words, this.mineAt, this.mine);
    return back < count ? count - back : disconnected;
  }

  /** How much room there is, or why there is none. */
  #look(): number {
    let room = this.#see();
    if (this.pause(room)) {
      const found = room;
      room = this.#see();
      this.learn(room - found);
    }
    return room > 0 ? room : this.#refusal();
  }

  #see(): number {
    const theirs = Atomics.load(this.words, this.theirsAt);
    const used = (this.mine - theirs) >>> 0;
    if (used > this.capacity || this.isCorrupt) {
      this.isCorrupt = true;
      this.theirs = (this.mine - this.capacity) | 0; // full for ever
      return 0;
    }
    this.theirs = theirs;
    return this.capacity - used;
  }

  #refusal(): number {
    this.#see();
    if (this.isCorrupt) return corrupt;
    const notice = Atomics.load(this.words, this.noticeAt);
    return (notice & this.ring.gone) !== 0 ? disconnected : wouldBlock;
  }
}
