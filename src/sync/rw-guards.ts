// What a read-write lock is held by.
import { exclusive, shared, type Turnstile } from './turnstile.js';

/** The right to read, until it is unlocked. Of the thread that got it. */
export class ReadGuard implements Disposable {
  #core: Turnstile | undefined;
  /**
   * A writer has ended without unlocking, so what the lock protects may be half done. Of locks made
   * `robust`.
   */
  readonly ownerDied: boolean;

  /** @internal Made by an {@link RwLock}. */
  constructor(core: Turnstile, ownerDied: boolean) {
    this.#core = core;
    this.ownerDied = ownerDied;
  }

  /** Whether it is held. */
  get locked(): boolean {
    return this.#core !== undefined;
  }

  /** Unlocks; whether it was locked. Does not block. */
  unlock(): boolean {
    const core = this.#core;
    this.#core = undefined;
    return core !== undefined && core.release(shared, 1) === 1;
  }

  [Symbol.dispose](): void {
    this.unlock();
  }
}

/** The right to write, until it is unlocked. Of the thread that got it. */
export class WriteGuard implements Disposable {
  #core: Turnstile | undefined;
  #ownerDied: boolean;

  /** @internal Made by an {@link RwLock}. */
  constructor(core: Turnstile, ownerDied: boolean) {
    this.#core = core;
    this.#ownerDied = ownerDied;
  }

  /** Whether it is held. */
  get locked(): boolean {
    return this.#core !== undefined;
  }

  /**
   * A writer before has ended without unlocking, so what the lock protects may be half done. Set it right
   * and say so by {@link WriteGuard.markConsistent}; the next ones are told the same until then.
   */
  get ownerDied(): boolean {
    return this.#ownerDied;
  }

  /** What the lock protects is in order again. Does nothing where no writer died. */
  markConsistent(): void {
    if (!this.#ownerDied || this.#core === undefined) return;
    this.#ownerDied = false;
    this.#core.markConsistent();
  }

  /** Unlocks; whether it was locked. Does not block. */
  unlock(): boolean {
    const core = this.#core;
    this.#core = undefined;
    return core !== undefined && core.release(exclusive, 1) === 1;
  }

  [Symbol.dispose](): void {
    this.unlock();
  }
}
