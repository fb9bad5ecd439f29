// Mutual exclusion between threads, and between processes.
import { checkBoolean, checkMilliseconds, checkWait, type WaitOptions } from '../base/index.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import { MutexGuard } from './guard.js';
import { knownObject } from './known.js';
import { lockOrder } from './lock-order.js';
import { closedHere, inheritsFlag, MutexCore, robustFlag } from './mutex-core.js';
import { arrival, arrivedAt, checkShared, openPlace, unlinkPlace } from './place.js';
import type { Place, PlaceHandle, SharedOptions } from './place.js';

/** Options of a {@link Mutex}. */
export interface MutexOptions extends SharedOptions {
  /**
   * When the owner ends without unlocking, the next one gets the lock with `guard.ownerDied` set. By
   * default such a mutex refuses everybody with OWNER_DIED: nobody works on with what is half done.
   */
  readonly robust?: boolean | undefined;
  /**
   * Who waits lends its priority to the owner, so that a thread of a middle priority cannot keep the owner
   * from running (priority inversion). By the kernel's PI futexes: it does not spin, is handed over by
   * priority, and there is no `lockAsync`; a circle of owners is refused with DEADLOCK. Between
   * processes of one PID namespace. Default false.
   */
  readonly priorityInheritance?: boolean | undefined;
}

const mutexBytes = 64;

/**
 * One at a time: a lock between threads and, with a name, between processes. Semantics are those of
 * `Atomics.Mutex` of the TC39 structs proposal: not recursive, unlocked by its guard and nothing else.
 *
 * Uncontended, `lock` and `unlock` are one compare-exchange each. Under contention a thread spins for as
 * long as that pays, then sleeps; who has waited for half a millisecond is next (native/core/sync/
 * mutex_word.h has the states and the argument). Blocking is allowed on every thread, also on the main
 * one, whose event loop stands still meanwhile; `worker.terminate()` and `process.exit()` get in.
 *
 * @example
 * const mutex = new Mutex();
 * new Worker(url, { workerData: share(mutex) }); // there: attach(workerData)
 * {
 *   using guard = mutex.lock();
 *   count[0]++;
 * }
 */
export class Mutex implements Disposable {
  #core: MutexCore | undefined;

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, also where the one of this name was
   * made with other options; MoiraiError `ERR_MOIRAI_CORRUPT`: what has this name is no mutex; what
   * {@link SharedRegion.create} and `open` throw.
   */
  constructor(options?: MutexOptions) {
    const place = arrivedAt(options) ?? openMutex(options);
    this.#core = knownObject(
      'mutex',
      place.id,
      () => new MutexCore(place, place.parameters[0] ?? 0),
    );
    if (this.#core.place !== place) place.close();
    this.#core.use();
  }

  /**
   * Locks, blocking this thread until it can. A `lockAsync` of its own that waits for another mutex is not
   * given that one meanwhile.
   *
   * @throws MoiraiError `ERR_MOIRAI_DEADLOCK`: this thread holds it; `ERR_MOIRAI_OWNER_DIED`;
   * `ERR_MOIRAI_CLOSED`.
   */
  lock(): MutexGuard {
    const core = this.#core;
    if (core === undefined) throw closedHere();
    if (!core.held) lockOrder?.wants(core.place.id);
    if (Atomics.compareExchange(core.words, 0, 0, core.self) === 0) return core.taken(false);
    return core.lockFor(Infinity) as MutexGuard;
  }

  /**
   * Locks if that is possible at once, else null, also where this thread holds it. Does not block. Throws
   * OWNER_DIED and CLOSED as {@link Mutex.lock}.
   */
  tryLock(): MutexGuard | null {
    return this.lockFor(0);
  }

  /**
   * Locks within so many milliseconds, blocking this thread, else null; 0 is `tryLock`. Throws as
   * {@link Mutex.lock}.
   */
  lockFor(milliseconds: number): MutexGuard | null {
    const core = this.#core;
    if (core === undefined) throw closedHere();
    if (milliseconds !== Infinity) checkMilliseconds('milliseconds', milliseconds);
    if (milliseconds !== 0 && !core.held) lockOrder?.wants(core.place.id);
    if (Atomics.compareExchange(core.words, 0, 0, core.self) === 0) return core.taken(false);
    return core.lockFor(milliseconds);
  }

  /**
   * Locks without blocking the thread. Those who wait so in one thread get the lock in the order of their
   * calls, and exclude one another; it may have been had by others, who called later in other threads
   * or blocked, until the first of them has waited for half a millisecond. A pending wait for another
   * thread keeps the process alive.
   *
   * @param options `signal` ends the wait with its reason, `timeout` with TIMEOUT.
   * @throws as {@link Mutex.lock}, but for DEADLOCK: who waits here lets the holder go on;
   * NOT_SUPPORTED for a mutex with priority inheritance.
   * @example
   * using guard = await mutex.lockAsync({ timeout: 1000 });
   */
  async lockAsync(options?: WaitOptions): Promise<MutexGuard> {
    const core = this.#core;
    if (core === undefined) throw closedHere();
    const wait = checkWait(options);
    wait.signal?.throwIfAborted();
    core.checkAsync();
    if (!core.hasWaiters && Atomics.compareExchange(core.words, 0, 0, core.self) === 0) {
      core.held = true;
      return new MutexGuard(core, false);
    }
    return new MutexGuard(core, await core.acquireAsync(wait));
  }

  /** Somebody holds it, or held it when this was asked. */
  get isLocked(): boolean {
    return this.#core?.isLocked ?? false;
  }

  /**
   * This thread is done with it; what it still holds is as if its thread had ended. Again does nothing.
   * Needed for named ones alone, which this thread would otherwise have open until it ends.
   */
  close(): void {
    this.#core?.leave();
    this.#core = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes the name away; those who have the mutex open keep it. Whether there was one. */
  static unlink(name: string): boolean {
    return unlinkPlace(name);
  }

  /** @internal How it goes to another thread: as that thread's own object for the same lock. */
  [sharing](): Departure {
    if (this.#core === undefined) throw closedHere();
    return { kind: 'Mutex', value: this.#core.place.handle };
  }
}

registerKind('Mutex', {
  attach: (handle: PlaceHandle) => new Mutex(arrival('mutex', handle)),
});

function openMutex(options: MutexOptions | undefined): Place {
  const given = checkShared(options, ['shared', 'robust', 'priorityInheritance']);
  const robust = checkBoolean('options.robust', given.robust ?? false);
  const inherits = checkBoolean('options.priorityInheritance', given.priorityInheritance ?? false);
  return openPlace({
    kind: 'mutex',
    bytes: mutexBytes,
    parameters: [(robust ? robustFlag : 0) | (inherits ? inheritsFlag : 0)],
    name: given.shared,
  });
}
