// What a read-write lock is held by.
import { exclusive, shared, type Turnstile, type Want } from './turnstile.js';

/** The right to unlock, once. */
abstract class RwGuard implements Disposable {
  #core: Turnstile | undefined;
  readonly #want: Want;
  #ownerDied: boolean;

  /** @internal Made by an RwLock. */
  constructor(core: Turnstile, ownerDied: boolean, want: Want) {
    this.#core = core;
    this.#ownerDied = ownerDied;
    this.#want = want;
  }

  /** Whether it is held. */
  get locked(): boolean {
    return this.#core !== undefined;
  }

  /**
   * A writer before has ended without unlocking, so what the lock protects may be half done. Of locks made
   * `robust`. Each is told so until one that writes has set it right ({@link WriteGuard.markConsistent}).
   */
  get ownerDied(): boolean {
    return this.#ownerDied;
  }

  /** Unlocks; whether it was locked. Does not block. */
  unlock(): boolean {
    const core = this.#core;
    this.#core = undefined;
    return core !== undefined && core.release(this.#want, 1) === 1;
  }

  [Symbol.dispose](): void {
    this.unlock();
  }

  /** By one that writes. */
  protected setRight(): void {
    if (!this.#ownerDied || this.#core === undefined) return;
    this.#ownerDied = false;
    this.#core.markConsistent();
  }
}

/** The right to read, until it is unlocked. Of the thread that got it. */
export class ReadGuard extends RwGuard {
  /** @internal Made by an RwLock. */
  constructor(core: Turnstile, ownerDied: boolean) {
    super(core, ownerDied, shared);
  }
}

/** The right to write, until it is unlocked. Of the thread that got it. */
export class WriteGuard extends RwGuard {
  /** @internal Made by an RwLock. */
  constructor(core: Turnstile, ownerDied: boolean) {
    super(core, ownerDied, exclusive);
  }

  /** What the lock protects is in order again. Does nothing where no writer died. */
  markConsistent(): void {
    this.setRight();
  }
}
