// So many at a time, of threads or of processes.
import {
  checkBoolean,
  checkInteger,
  checkMilliseconds,
  checkWait,
  invalidRange,
  invalidType,
  type WaitOptions,
} from '../base/index.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import { knownObject } from './known.js';
import { arrival, arrivedAt, checkShared, openPlace, unlinkPlace } from './place.js';
import type { Place, PlaceHandle, SharedOptions } from './place.js';
import { closedError } from './shared-object.js';
import { not, shared, Turnstile, turnstileBytes } from './turnstile.js';

/** Options of a {@link Semaphore}. */
export interface SemaphoreOptions extends SharedOptions {
  /** How many there are at first, 0 to 2,147,483,645. */
  readonly permits: number;
  /**
   * Permits belong to the thread that acquired them: they come back when it ends, however it does, and no
   * other thread can release them. Default false: a count, which anybody may raise.
   */
  readonly robust?: boolean | undefined;
}

const most = 2 ** 31 - 2;

/** Permits that were acquired, to be released once. */
export class Permits implements Disposable {
  #core: Turnstile | undefined;
  readonly count: number;

  /** @internal Made by a {@link Semaphore}. */
  constructor(core: Turnstile, count: number) {
    this.#core = core;
    this.count = count;
  }

  /** Gives them back; whether they were not yet. Does not block. */
  release(): boolean {
    const core = this.#core;
    this.#core = undefined;
    return core !== undefined && core.release(shared, this.count) === 1;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * A counting semaphore: `acquire` takes permits or waits for them, `release` puts some back.
 *
 * First come, first served: as long as anyone waits, nobody passes by, also where there would be enough
 * for it. Within a thread a blocking call goes before the waits of its event loop, as those cannot go on
 * meanwhile. `native/core/sync/turnstile.h` has the argument. At most 126 threads use one at a time.
 *
 * @example
 * const semaphore = new Semaphore({ permits: 4 });
 * {
 *   using permit = await semaphore.acquireAsync();
 *   await download(url); // four at a time, of all threads that share it
 * }
 */
export class Semaphore implements Disposable {
  #core: Turnstile | undefined;
  readonly #isRobust: boolean;
  readonly #permits: number;

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, also where the one of this name was
   * made with other options; MoiraiError `ERR_MOIRAI_CORRUPT`: what has this name is no semaphore; what
   * {@link SharedRegion.create} and `open` throw.
   */
  constructor(options: SemaphoreOptions) {
    const place = arrivedAt(options) ?? openSemaphore(options);
    const [permits = 0, robust = 0] = place.parameters;
    this.#permits = permits;
    this.#isRobust = robust === 1;
    this.#core = knownObject(
      'semaphore',
      place.id,
      () => new Turnstile(place, 0, permits, this.#isRobust),
    );
    if (this.#core.place !== place) place.close();
    this.#core.use();
  }

  /**
   * Takes permits, blocking this thread until they are there. Allowed on every thread; the event loop
   * stands still meanwhile, `worker.terminate()` and `process.exit()` get in.
   *
   * @throws RangeError `ERR_MOIRAI_INVALID_ARGUMENT`: more than there can be; MoiraiError
   * `ERR_MOIRAI_CLOSED`.
   */
  acquire(count = 1): Permits {
    const core = this.#use(count);
    core.acquire(shared, count, false, Infinity);
    return new Permits(core, count);
  }

  /** Takes permits if they are there and nobody waits, else null. Does not block. */
  tryAcquire(count = 1): Permits | null {
    const core = this.#use(count);
    return core.try(shared, count, false) === not ? null : new Permits(core, count);
  }

  /** Takes permits within so many milliseconds, blocking this thread, else null. */
  acquireFor(milliseconds: number, count = 1): Permits | null {
    const core = this.#use(count);
    if (milliseconds !== Infinity) checkMilliseconds('milliseconds', milliseconds);
    const answer = core.acquire(shared, count, false, milliseconds);
    return answer === not ? null : new Permits(core, count);
  }

  /**
   * Takes permits without blocking the thread. A pending wait keeps the process alive.
   *
   * @throws as {@link Semaphore.acquire}, `signal.reason`, MoiraiError `ERR_MOIRAI_TIMEOUT`: nothing was
   * taken then.
   */
  async acquireAsync(count = 1, options?: WaitOptions): Promise<Permits> {
    const core = this.#use(count);
    await core.acquireAsync(shared, count, checkWait(options));
    return new Permits(core, count);
  }

  /**
   * Puts permits back, or adds some. Does not block. Instead of `release` of what `acquire` gave, not
   * in addition to it.
   *
   * @throws RangeError `ERR_MOIRAI_INVALID_ARGUMENT`: there would be more than 2,147,483,646; of a robust
   * one: this thread does not have so many. Nothing has changed then.
   */
  release(count = 1): void {
    const answer = this.#use(count).release(shared, count);
    if (answer === -1) throw invalidRange('count', 'no more than this thread has acquired', count);
    if (answer === -2) throw invalidRange('count', `so that there are at most ${most}`, count);
  }

  /** Permits that are there, or were when this was asked; below 0 never. */
  get available(): number {
    return Math.max(0, this.#open().count);
  }

  /**
   * This thread is done with it. Its waits fail with CLOSED. What it still has of its permits is lost, unless
   * the semaphore is `robust`: release them first. Again does nothing.
   */
  close(): void {
    this.#core?.leave();
    this.#core = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes the name away; those who have the semaphore open keep it. Whether there was one. */
  static unlink(name: string): boolean {
    return unlinkPlace(name);
  }

  /** @internal How it goes to another thread: as that thread's own object for the same semaphore. */
  [sharing](): Departure {
    return { kind: 'Semaphore', value: this.#open().place.handle };
  }

  #open(): Turnstile {
    if (this.#core === undefined) throw closedError();
    return this.#core;
  }

  #use(count: number): Turnstile {
    // Of a robust one there are never more than at first.
    checkInteger('count', count, 1, this.#isRobust ? this.#permits : most);
    return this.#open();
  }
}

registerKind('Semaphore', {
  attach: (handle: PlaceHandle) => new Semaphore(arrival('semaphore', handle) as never),
});

function openSemaphore(options: SemaphoreOptions): Place {
  if (options === undefined) throw invalidType('options', 'an options object', options);
  const given = checkShared<SemaphoreOptions>(options, ['permits', 'robust', 'shared']);
  const permits = checkInteger('options.permits', given.permits, 0, most - 1);
  const robust = given.robust !== undefined && checkBoolean('options.robust', given.robust);
  return openPlace({
    kind: 'semaphore',
    bytes: turnstileBytes,
    parameters: [permits, robust ? 1 : 0],
    name: given.shared,
  });
}
