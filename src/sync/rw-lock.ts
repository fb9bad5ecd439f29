// Many who read or one who writes, of threads or of processes.
import {
  checkBoolean,
  checkMilliseconds,
  checkWait,
  MoiraiError,
  type WaitOptions,
} from '../base/index.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import { knownObject } from './known.js';
import { arrival, arrivedAt, checkShared, openPlace, unlinkPlace } from './place.js';
import type { Place, PlaceHandle, SharedOptions } from './place.js';
import { ReadGuard, WriteGuard } from './rw-guards.js';
import { closedError } from './shared-object.js';
import { afterDeath, exclusive, not, shared, Turnstile, turnstileBytes } from './turnstile.js';

/** Options of an {@link RwLock}. */
export interface RwLockOptions extends SharedOptions {
  /**
   * When a writer ends without unlocking, the next ones get the lock with `guard.ownerDied` set, until one
   * who writes says `markConsistent`. By default such a lock refuses everybody with OWNER_DIED.
   */
  readonly robust?: boolean | undefined;
}

/**
 * A read-write lock: any number of threads read, or one writes.
 *
 * Served in the order of coming: readers that come while a writer waits wait behind it, and those that
 * come together go together. So neither starves, as long as holders let go. A reader that ends without
 * unlocking, be it by SIGKILL, is found by those who wait, and reads no more.
 *
 * - *Upgrade is refused.* A thread that reads and asks, blocking, to write would wait for itself: DEADLOCK,
 *   as for any blocking call that only this thread could end. Unlock and lock anew.
 * - A thread that reads may read again by a blocking call, past waiting writers, which it would else wait
 *   for for ever. `readLockAsync` waits its turn: several flows of one event loop are several readers.
 * - At most 126 threads use one at a time.
 *
 * `native/core/sync/turnstile.h` has the states and the argument.
 *
 * @example
 * const lock = new RwLock();
 * {
 *   using guard = lock.readLock();
 *   use(table);
 * }
 * {
 *   using guard = await lock.writeLockAsync({ timeout: 100 });
 *   change(table);
 * }
 */
export class RwLock implements Disposable {
  #core: Turnstile | undefined;
  readonly #isRobust: boolean;

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, also where the one of this name was
   * made with other options; MoiraiError `ERR_MOIRAI_CORRUPT`: what has this name is no such lock; what
   * {@link SharedRegion.create} and `open` throw.
   */
  constructor(options?: RwLockOptions) {
    const place = arrivedAt(options) ?? openRwLock(options);
    this.#isRobust = place.parameters[0] === 1;
    this.#core = knownObject('rwLock', place.id, () => new Turnstile(place, 1, 0, false));
    if (this.#core.place !== place) place.close();
    this.#core.use();
  }

  /**
   * Locks for reading, blocking this thread until it can. Allowed on every thread; the event loop stands
   * still meanwhile, `worker.terminate()` and `process.exit()` get in.
   *
   * @throws MoiraiError `ERR_MOIRAI_DEADLOCK`: this thread writes; `ERR_MOIRAI_OWNER_DIED`;
   * `ERR_MOIRAI_CLOSED`.
   */
  readLock(): ReadGuard {
    return this.readLockFor(Infinity) as ReadGuard;
  }

  /** Locks for reading if that is possible at once, else null. Does not block. */
  tryReadLock(): ReadGuard | null {
    return this.readLockFor(0);
  }

  /** Locks for reading within so many milliseconds, blocking this thread, else null. */
  readLockFor(milliseconds: number): ReadGuard | null {
    const core = this.#open();
    if (milliseconds !== Infinity) checkMilliseconds('milliseconds', milliseconds);
    // The common case asks for nothing else.
    const first = core.try(shared, 1, false);
    if (first !== not) return this.#reads(core, first);
    if (milliseconds === 0) return null;
    if (core.writes) throw deadlock('writes');
    return this.#reads(core, core.acquire(shared, 1, core.reads > 0, milliseconds));
  }

  /**
   * Locks for reading without blocking the thread. A pending wait keeps the process alive.
   *
   * @throws MoiraiError `ERR_MOIRAI_OWNER_DIED`, `ERR_MOIRAI_CLOSED`, `ERR_MOIRAI_TIMEOUT`, or
   * `signal.reason`.
   */
  async readLockAsync(options?: WaitOptions): Promise<ReadGuard> {
    const core = this.#open();
    const answer = await core.acquireAsync(shared, 1, checkWait(options));
    return this.#reads(core, answer) as ReadGuard;
  }

  /**
   * Locks for writing, blocking this thread until it can, as {@link RwLock.readLock}.
   *
   * @throws MoiraiError `ERR_MOIRAI_DEADLOCK`: this thread reads or writes; `ERR_MOIRAI_OWNER_DIED`;
   * `ERR_MOIRAI_CLOSED`.
   */
  writeLock(): WriteGuard {
    return this.writeLockFor(Infinity) as WriteGuard;
  }

  /** Locks for writing if that is possible at once, else null. Does not block. */
  tryWriteLock(): WriteGuard | null {
    return this.writeLockFor(0);
  }

  /** Locks for writing within so many milliseconds, blocking this thread, else null. */
  writeLockFor(milliseconds: number): WriteGuard | null {
    const core = this.#open();
    if (milliseconds !== Infinity) checkMilliseconds('milliseconds', milliseconds);
    const first = core.try(exclusive, 1, false);
    if (first !== not) return this.#writes(core, first);
    if (milliseconds === 0) return null;
    if (core.writes || core.reads > 0) throw deadlock(core.writes ? 'writes' : 'reads');
    return this.#writes(core, core.acquire(exclusive, 1, false, milliseconds));
  }

  /** Locks for writing without blocking the thread, as {@link RwLock.readLockAsync}. */
  async writeLockAsync(options?: WaitOptions): Promise<WriteGuard> {
    const core = this.#open();
    const answer = await core.acquireAsync(exclusive, 1, checkWait(options));
    return this.#writes(core, answer) as WriteGuard;
  }

  /** How many read, or did when this was asked. */
  get readers(): number {
    return this.#open().count;
  }

  /** Whether one writes, or did when this was asked. */
  get isWriteLocked(): boolean {
    return this.#open().isWritten;
  }

  /** This thread is done with it; what it holds is as if the thread had ended. Again does nothing. */
  close(): void {
    this.#core?.leave();
    this.#core = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes the name away; those who have the lock open keep it. Whether there was one. */
  static unlink(name: string): boolean {
    return unlinkPlace(name);
  }

  /** @internal How it goes to another thread: as that thread's own object for the same lock. */
  [sharing](): Departure {
    return { kind: 'RwLock', value: this.#open().place.handle };
  }

  #open(): Turnstile {
    if (this.#core === undefined) throw closedError();
    return this.#core;
  }

  #reads(core: Turnstile, answer: number): ReadGuard | null {
    if (answer === not) return null;
    return new ReadGuard(core, this.#hasDied(core, answer, shared));
  }

  #writes(core: Turnstile, answer: number): WriteGuard | null {
    if (answer === not) return null;
    return new WriteGuard(core, this.#hasDied(core, answer, exclusive));
  }

  #hasDied(core: Turnstile, answer: number, want: typeof shared | typeof exclusive): boolean {
    if (answer !== afterDeath || this.#isRobust) return answer === afterDeath;
    core.release(want, 1);
    throw new MoiraiError(
      'ERR_MOIRAI_OWNER_DIED',
      'a thread ended while it wrote, and what the lock protects was not set right',
    );
  }
}

registerKind('RwLock', {
  attach: (handle: PlaceHandle) => new RwLock(arrival('rwLock', handle)),
});

function openRwLock(options: RwLockOptions | undefined): Place {
  const given = checkShared(options, ['shared', 'robust']);
  const robust = given.robust !== undefined && checkBoolean('options.robust', given.robust);
  return openPlace({
    kind: 'rwLock',
    bytes: turnstileBytes,
    parameters: [robust ? 1 : 0],
    name: given.shared,
  });
}

function deadlock(does: string): MoiraiError {
  return new MoiraiError(
    'ERR_MOIRAI_DEADLOCK',
    `this thread ${does} already: it would wait for itself`,
  );
}
