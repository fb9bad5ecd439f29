// Waiting, with a mutex unlocked meanwhile, until another thread or process says that it may have come.
import { checkInteger, checkMilliseconds, checkWait, invalidType } from '../base/index.js';
import { MoiraiError, timedOut, type WaitOptions } from '../base/index.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import { MutexGuard } from './guard.js';
import { unwatch, watch } from './loop.js';
import type { MutexCore } from './mutex-core.js';
import { arrival, arrivedAt, checkShared, openPlace, unlinkPlace } from './place.js';
import type { Place, PlaceHandle, SharedOptions } from './place.js';
import { lineBytes, WaitLine, type Slot } from './wait-line.js';

/**
 * Lets threads wait for each other under a {@link Mutex}. Semantics are those of `Atomics.Condition` of the
 * TC39 structs proposal. A wait unlocks the guard and has locked it again when it returns, throws or
 * rejects; an exception is a mutex that refuses (OWNER_DIED, CLOSED), whose guard stays unlocked.
 *
 * Who waits longest is called first, and nobody wakes without a call (src/sync/wait-line.ts has the
 * argument). What was waited for may all the same be gone again when the mutex is had: look in a loop, or
 * give `waitFor` a predicate. At most 248 waits at once.
 *
 * @example
 * // Takes one:                                  // Puts one:
 * using guard = mutex.lock();                    // using guard = mutex.lock();
 * while (words[0] === 0) condition.wait(guard);  // words[0]++;
 * words[0]--;                                    // condition.notify(1);
 */
export class Condition implements Disposable {
  #place: Place | undefined;
  readonly #line: WaitLine;
  /** Ends each wait of this thread's event loop here. */
  readonly #pending = new Set<(error: Error) => void>();

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`; MoiraiError `ERR_MOIRAI_CORRUPT`: what
   * has this name is no condition; what {@link SharedRegion.create} and `open` throw.
   */
  constructor(options?: SharedOptions) {
    this.#place = arrivedAt(options) ?? openCondition(options);
    this.#line = new WaitLine(this.#place);
  }

  /**
   * Unlocks the guard and blocks this thread until it is called.
   *
   * @throws TypeError `ERR_MOIRAI_INVALID_ARGUMENT` for a guard that holds nothing; MoiraiError
   * `ERR_MOIRAI_QUEUE_FULL`, `ERR_MOIRAI_CLOSED` before anything has changed.
   */
  wait(guard: MutexGuard): void {
    this.#wait(guard, Infinity);
  }

  /**
   * The same for at most so many milliseconds: whether it was called. With a predicate, which runs while
   * the mutex is held, it waits until that is true, and gives what it was last.
   *
   * @throws as {@link Condition.wait}, and what the predicate throws.
   */
  waitFor(guard: MutexGuard, milliseconds: number, predicate?: () => boolean): boolean {
    if (milliseconds !== Infinity) checkMilliseconds('milliseconds', milliseconds);
    if (predicate === undefined) return this.#wait(guard, milliseconds);
    if (typeof predicate !== 'function') throw invalidType('predicate', 'a function', predicate);
    const end = performance.now() + milliseconds;
    while (!predicate()) {
      if (!this.#wait(guard, Math.max(0, end - performance.now()))) return predicate();
    }
    return true;
  }

  /**
   * The same without blocking the thread: the promise settles after a call, when the guard holds the
   * mutex again. A pending wait keeps the process alive.
   *
   * @param options `signal` ends the wait with its reason, `timeout` with TIMEOUT, both with the guard
   * locked again.
   * @throws as {@link Condition.wait}.
   */
  async waitAsync(guard: MutexGuard, options?: WaitOptions): Promise<void> {
    const place = this.#open();
    const { signal, timeout } = checkWait(options);
    signal?.throwIfAborted();
    const core = coreOf(guard);
    core.checkAsync();
    const slot = this.#line.enroll();
    MutexGuard.refill(guard, undefined, false);
    core.release();
    const error = await this.#called(place, slot, signal, timeout);
    MutexGuard.refill(guard, core, await core.acquireAsync({}));
    if (error !== undefined) throw error.reason;
  }

  /**
   * Calls those who wait, all of them or so many, the longest waiting first; how many there were. Does not
   * block. Whether the caller holds the mutex is up to it; what it changed for them must have been
   * changed under it.
   */
  notify(count = Infinity): number {
    this.#open();
    if (count !== Infinity) checkInteger('count', count, 0, Number.MAX_SAFE_INTEGER);
    return this.#line.call(count);
  }

  /** This thread is done with it: its pending waits fail with CLOSED. Again does nothing. */
  close(): void {
    const place = this.#place;
    if (place === undefined) return;
    this.#place = undefined;
    for (const end of this.#pending) end(closedHere());
    place.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes the name away; those who have the condition open keep it. Whether there was one. */
  static unlink(name: string): boolean {
    return unlinkPlace(name);
  }

  /** @internal How it goes to another thread: as that thread's own object for the same condition. */
  [sharing](): Departure {
    return { kind: 'Condition', value: this.#open().handle };
  }

  #open(): Place {
    if (this.#place === undefined) throw closedHere();
    return this.#place;
  }

  #wait(guard: MutexGuard, milliseconds: number): boolean {
    this.#open();
    const core = coreOf(guard);
    const slot = this.#line.enroll();
    MutexGuard.refill(guard, undefined, false);
    core.release();
    const isCalled = this.#line.sleep(slot, milliseconds);
    MutexGuard.refill(guard, core, core.acquire(Infinity) === true);
    return isCalled;
  }

  /** Settles when the slot was called, or has been given up for this reason. */
  async #called(
    place: Place,
    slot: Slot,
    signal: AbortSignal | undefined,
    timeout: number | undefined,
  ): Promise<{ readonly reason: unknown } | undefined> {
    return new Promise((resolve) => {
      const end = (reason: unknown, isGivenUp: boolean): void => {
        unwatch(wait);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#pending.delete(onClose);
        // Called at the last moment: the call must not be lost.
        const isCalled = this.#line.leave(slot);
        resolve(isGivenUp && !isCalled ? { reason } : undefined);
      };
      const onAbort = (): void => end(signal?.reason, true);
      const onClose = (error: Error): void => end(error, true);
      const wait = watch(place, slot, this.#line.waiting, () => end(undefined, false));
      const timer =
        timeout === undefined || timeout >= 2 ** 31
          ? undefined
          : setTimeout(() => end(timedOut(timeout), true), timeout);
      signal?.addEventListener('abort', onAbort);
      this.#pending.add(onClose);
    });
  }
}

registerKind('Condition', {
  attach: (handle: PlaceHandle) => new Condition(arrival('condition', handle)),
});

function openCondition(options: SharedOptions | undefined): Place {
  const { shared } = checkShared(options, ['shared']);
  return openPlace({ kind: 'condition', bytes: lineBytes, name: shared });
}

function coreOf(guard: unknown): MutexCore {
  const core = guard instanceof MutexGuard ? MutexGuard.coreOf(guard) : undefined;
  if (core === undefined) throw invalidType('guard', 'a MutexGuard that holds its mutex', guard);
  return core;
}

function closedHere(): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_CLOSED', 'the condition was closed by this thread');
}
