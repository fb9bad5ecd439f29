// A mutex as one thread sees it. States of the word: native/core/sync/mutex_word.h.
import {
  becomeHeir,
  beNoHeir,
  MoiraiError,
  stepAside,
  Waiters,
  type Heir,
  type WaitOptions,
} from '../base/index.js';
import { native } from '../native.js';
import { MutexGuard } from './guard.js';
import { forgetObject } from './known.js';
import { lockOrder } from './lock-order.js';
import { listenToChanges, onWaitOver, unwatch } from './loop.js';
import type { Place } from './place.js';

/** LockResult of native/core/sync/mutex_word.h. */
const outcome = { locked: 0, ownerDied: 1, timedOut: 2, refused: 3 } as const;

const diedBit = 0x4000_0000;
const idMask = 0x3fff_ffff;
const heirAt = 1;
const listenersAt = 3;
const flagsAt = 4;
/** Of `listen`: results are below. */
const firstWait = 4;
/** MutexWord::kFairNs. */
const fairMs = 0.5;
export const robustFlag = 1;
export const inheritsFlag = 2;
const deadlockErrno = 35; // EDEADLK

export class MutexCore implements Heir {
  readonly place: Place;
  readonly words: Int32Array;
  readonly self: number;
  /** Who waits lends the owner its priority. */
  readonly inherits: boolean;
  /** A guard of this thread holds it. */
  held = false;
  #users = 0;
  /** In the event loop of this thread, in the order of their coming. */
  readonly #waiters = new Waiters((waiting) => this.#listen(waiting), true);
  /** The number of the wait for the owner, another thread, to ring; 0: none. */
  #wait = 0;
  #waitingSince = 0;
  #isHeir = false;
  #servesSoon = false;

  constructor(place: Place, flags: number) {
    this.place = place;
    this.words = place.words;
    this.inherits = (flags & inheritsFlag) !== 0;
    this.self = this.inherits ? native.sync.threadId() : place.self;
    Atomics.store(this.words, flagsAt, flags);
  }

  use(): this {
    this.#users++;
    return this;
  }

  leave(): void {
    if (--this.#users > 0) return;
    forgetObject(this);
    this.#stop();
    if (this.held) this.#abandon();
    this.place.close();
    this.#waiters.serve(); // each is refused
  }

  #abandon(): void {
    const { domain } = this.place;
    if (this.inherits) native.sync.abandonInheriting(domain, this.words);
    else native.sync.abandon(domain, this.words);
  }

  get isClosed(): boolean {
    return this.#users === 0;
  }

  /** The word is this thread's. */
  taken(ownerDied: boolean): MutexGuard {
    this.held = true;
    lockOrder?.took(this.place.id);
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
      if (milliseconds === 0) return undefined;
      throw new MoiraiError('ERR_MOIRAI_DEADLOCK', 'this thread holds the mutex already');
    }
    if (milliseconds !== 0) stepAside(this);
    const end = performance.now() + milliseconds;
    for (let left = milliseconds; ; left = end - performance.now()) {
      const result = this.#lockSlice(Math.max(0, left));
      if (result === outcome.refused) throw refusal();
      if (result !== outcome.timedOut) {
        this.held = true;
        // What was handed to the waiters of the event loop, this call has taken.
        this.#setHeir(this.#isHeir && Atomics.load(this.words, heirAt) === this.self);
        return result === outcome.ownerDied;
      }
      if (left <= 0) return undefined;
    }
  }

  release(): void {
    this.held = false;
    lockOrder?.released(this.place.id);
    if (this.isClosed) return; // a dead owner's by now
    if (Atomics.compareExchange(this.words, 0, this.self, 0) !== this.self) {
      this.#unlockContended();
    }
    if (this.#waiters.any) this.#serveSoon();
  }

  #lockSlice(milliseconds: number): number {
    const { domain } = this.place;
    if (!this.inherits) return native.sync.lock(domain, this.words, milliseconds);
    const result = native.sync.lockInheriting(domain, this.words, milliseconds);
    if (result >= 0) return result;
    if (-result === deadlockErrno) {
      const message = 'who holds this mutex waits, directly or not, for one that this thread holds';
      throw new MoiraiError('ERR_MOIRAI_DEADLOCK', message);
    }
    throw systemError(-result);
  }

  #unlockContended(): void {
    const { domain } = this.place;
    if (!this.inherits) {
      native.sync.unlock(domain, this.words);
      return;
    }
    const errno = native.sync.unlockInheriting(domain, this.words);
    if (errno !== 0) throw systemError(errno);
  }

  /** Whether the owner had died; in its turn among those who wait in this thread. */
  async acquireAsync(options: WaitOptions): Promise<boolean> {
    this.checkAsync();
    const turn = this.#waiters.wait(() => this.#try(), options);
    if (this.#wait === 0) this.#waiters.serve();
    return turn;
  }

  checkAsync(): void {
    if (!this.inherits) return;
    const message = 'a wait in the event loop has no priority to lend: lock() blocks, and has';
    throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', message);
  }

  get hasWaiters(): boolean {
    return this.#waiters.any;
  }

  #listen(waiting: boolean): void {
    if (this.isClosed) return;
    if (!waiting) {
      this.#stop();
      return;
    }
    listenToChanges();
    Atomics.add(this.words, listenersAt, 1);
    this.#waitingSince = performance.now();
  }

  #stop(): void {
    unwatch(this.#wait);
    this.#wait = 0;
    if (this.#waitingSince === 0) return;
    this.#waitingSince = 0;
    Atomics.sub(this.words, listenersAt, 1);
    this.#giveUp();
  }

  #setHeir(isHeir: boolean): void {
    this.#isHeir = isHeir;
    if (isHeir) becomeHeir(this);
    else beNoHeir(this);
  }

  /** What its event loop was given at the last moment goes on to others. */
  #giveUp(): void {
    const owns = native.sync.stopListening(this.place.domain, this.words, this.#isHeir);
    this.#setHeir(false);
    if (owns) native.sync.unlock(this.place.domain, this.words);
  }

  stepAside(): void {
    this.#giveUp();
    this.#serveSoon(); // asks to be the heir again
  }

  #try(): { readonly value: boolean } | undefined {
    if (this.isClosed) throw closedHere();
    if (this.held) return undefined; // `release` comes back to this
    unwatch(this.#wait);
    this.#wait = 0;
    const starved = performance.now() - this.#waitingSince > fairMs;
    const { domain } = this.place;
    const result = native.sync.listen(domain, this.words, starved, this.#isHeir);
    if (result < firstWait) {
      this.#setHeir(false);
      if (result === outcome.refused) throw refusal();
      this.held = true;
      this.#waitingSince = performance.now(); // the next one's
      return { value: result === outcome.ownerDied };
    }
    this.#setHeir((result & 1) !== 0);
    this.#wait = (result - firstWait) >> 1;
    onWaitOver(this.#wait, () => {
      this.#wait = 0;
      this.#waiters.serve();
    });
    return undefined;
  }

  /** Not at once: who unlocks and locks again in one go is not held up by what waits in its loop. */
  #serveSoon(): void {
    if (this.#servesSoon) return;
    this.#servesSoon = true;
    queueMicrotask(() => {
      this.#servesSoon = false;
      this.#waiters.serve();
    });
  }

  markConsistent(): void {
    if (!this.isClosed) Atomics.and(this.words, 0, ~diedBit);
  }

  /** Somebody holds it; who has died does not count where the next one may have it. */
  get isLocked(): boolean {
    return (Atomics.load(this.words, 0) & idMask) !== 0;
  }
}

function systemError(errno: number): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_SYSTEM', `the kernel refused the lock: errno ${errno}`, {
    errno,
    syscall: 'futex',
  });
}

export function closedHere(): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_CLOSED', 'the mutex was closed by this thread');
}

function refusal(): MoiraiError {
  return new MoiraiError(
    'ERR_MOIRAI_OWNER_DIED',
    'a thread ended while it held the mutex, and what it protects was not set right',
  );
}
