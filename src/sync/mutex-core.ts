// A mutex as one thread sees it. States of the word: native/core/sync/mutex_word.h.
import { MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { MutexGuard } from './guard.js';
import type { Place } from './place.js';

/** LockResult of native/core/sync/mutex_word.h. */
const outcome = { locked: 0, ownerDied: 1, timedOut: 2, refused: 3 } as const;

const diedBit = 0x4000_0000;
const idMask = 0x3fff_ffff;
const flagsAt = 4;
export const robustFlag = 1;

export class MutexCore {
  readonly place: Place;
  readonly words: Int32Array;
  readonly self: number;
  /** A guard of this thread holds it. */
  held = false;
  #users = 0;

  constructor(place: Place, flags: number) {
    this.place = place;
    this.words = place.words;
    this.self = place.self;
    Atomics.store(this.words, flagsAt, flags);
  }

  use(): this {
    this.#users++;
    return this;
  }

  leave(): void {
    if (--this.#users === 0) this.place.close();
  }

  /** The word is this thread's. */
  taken(ownerDied: boolean): MutexGuard {
    this.held = true;
    return new MutexGuard(this, ownerDied);
  }

  /** Null: nothing within that time. */
  lockFor(milliseconds: number): MutexGuard | null {
    const ownerDied = this.acquire(milliseconds);
    return ownerDied === undefined ? null : this.taken(ownerDied);
  }

  /** Takes the word, blocking; whether its owner had died, or undefined when the time is over. */
  acquire(milliseconds: number): boolean | undefined {
    if (this.held) {
      throw new MoiraiError('ERR_MOIRAI_DEADLOCK', 'this thread holds the mutex already');
    }
    const end = performance.now() + milliseconds;
    for (let left = milliseconds; ; left = end - performance.now()) {
      const result = native.sync.lock(this.place.domain, this.words, Math.max(0, left));
      if (result === outcome.refused) throw refusal();
      if (result !== outcome.timedOut) {
        this.held = true;
        return result === outcome.ownerDied;
      }
      if (left <= 0) return undefined;
    }
  }

  release(): void {
    this.held = false;
    if (this.words.length === 0) return; // closed: the lock was told that its owner left
    if (Atomics.compareExchange(this.words, 0, this.self, 0) !== this.self) {
      native.sync.unlock(this.place.domain, this.words);
    }
  }

  markConsistent(): void {
    if (this.words.length > 0) Atomics.and(this.words, 0, ~diedBit);
  }

  /** Somebody holds it; who has died does not count where the next one may have it. */
  get isLocked(): boolean {
    return (Atomics.load(this.words, 0) & idMask) !== 0;
  }
}

function refusal(): MoiraiError {
  return new MoiraiError(
    'ERR_MOIRAI_OWNER_DIED',
    'a thread ended while it held the mutex, and what it protects was not set right',
  );
}
