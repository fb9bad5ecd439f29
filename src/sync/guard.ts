// What a locked mutex is held by.
//
// It has no base class in common with the guards of read-write locks, which it looks like: an object of a derived
// class costs 8 ns more, of the 20 that a lock and an unlock take in all (Node 20).
import type { MutexCore } from './mutex-core.js';

/**
 * The right to unlock a mutex, as the UnlockToken of the TC39 proposal: whoever has no guard cannot
 * unlock. Of the thread that got it.
 *
 * @example
 * using guard = mutex.lock(); // unlocked at the end of the block
 */
export class MutexGuard implements Disposable {
  #core: MutexCore | undefined;
  #ownerDied: boolean;

  /** @internal Made by a {@link Mutex}. */
  constructor(core: MutexCore, ownerDied: boolean) {
    this.#core = core;
    this.#ownerDied = ownerDied;
  }

  /** Whether the mutex is held by this guard. */
  get locked(): boolean {
    return this.#core !== undefined;
  }

  /**
   * The owner before has ended without unlocking, so what the mutex protects may be half done. Set it
   * right and say so by {@link MutexGuard.markConsistent}. Of mutexes made `robust`.
   */
  get ownerDied(): boolean {
    return this.#ownerDied;
  }

  /**
   * What the mutex protects is in order again. Without this, unlocking gives the mutex up for good:
   * each further lock is refused with OWNER_DIED. Does nothing where no owner died.
   */
  markConsistent(): void {
    if (!this.#ownerDied || this.#core === undefined) return;
    this.#ownerDied = false;
    this.#core.markConsistent();
  }

  /** Unlocks, and calls a waiter; whether it was locked. Does not block. */
  unlock(): boolean {
    const core = this.#core;
    if (core === undefined) return false;
    this.#core = undefined;
    core.release();
    return true;
  }

  [Symbol.dispose](): void {
    this.unlock();
  }

  /** @internal For conditions: the mutex it holds, if any. */
  static coreOf(guard: MutexGuard): MutexCore | undefined {
    return guard.#core;
  }

  /** @internal For conditions: it holds nothing while they wait, and then the mutex again. */
  static refill(guard: MutexGuard, core: MutexCore | undefined, ownerDied: boolean): void {
    guard.#core = core;
    guard.#ownerDied = ownerDied;
  }
}
