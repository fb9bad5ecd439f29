// Objects that are used again instead of being made again. Of one thread, in plain JavaScript.
import { checkInteger, checkOptions, invalidRange, invalidType } from '../base/index.js';
import type { ObjectPoolOptions, ObjectPoolStats } from './object-pool-options.js';

/** What the pool knows of an object that it has made. */
interface Entry<T> {
  readonly object: T;
  inUse: boolean;
}

const keys = ['create', 'reset', 'isClean', 'max', 'prefill'] as const;
const defaultMax = 1024;
const greatestMax = 2 ** 24;

/**
 * A pool of objects that are costly to make or to collect: `acquire` gives one that was released
 * before, the last one first, and makes a new one only where none is free.
 *
 * - `acquire` never fails for want of room. `max` bounds what the pool keeps: an object that comes back
 *   while `max` are free is left to the garbage collector.
 * - Each release is checked. One of an object that is not in use, or not of this pool, is refused, and
 *   changes nothing.
 * - An object that is never released is collected as any other; it stays counted as `inUse`.
 * - If `reset` or `isClean` throws, `release` throws the same and the object is dropped. If `create`
 *   throws, so does `acquire`. Both leave the pool as it should be.
 *
 * Of the thread that made it, and synchronous: every method takes constant time and none waits.
 * `bench/memory/pools.mjs` measures it. A pool pays for objects that cost much to make (large arrays,
 * compiled or native things) or where garbage collection must be rare. V8 makes a small object faster
 * than any pool can hand one out.
 *
 * @example
 * const pool = new ObjectPool({
 *   create: () => new Float64Array(65_536),
 *   reset: (array) => array.fill(0),
 * });
 * const sum = pool.use((scratch) => accumulate(samples, scratch));
 */
export class ObjectPool<T extends object> {
  readonly #create: () => T;
  readonly #reset: ((object: T) => void) | undefined;
  readonly #isClean: ((object: T) => boolean) | undefined;
  readonly #max: number;
  readonly #free: Entry<T>[] = [];
  // Weak: an object that its user forgets shall not live as long as the pool.
  readonly #entries = new WeakMap<T, Entry<T>>();
  #created = 0;
  #reused = 0;
  #missed = 0;
  #corrected = 0;
  #dropped = 0;
  #discarded = 0;
  #inUse = 0;

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for wrong options, or when `create`
   * gives something that is no object. What `create` throws while the pool is filled goes through.
   */
  constructor(options: ObjectPoolOptions<T>) {
    if (options === undefined) throw invalidType('options', 'an options object', options);
    const given = checkOptions<ObjectPoolOptions<T>>('options', options, keys);
    this.#create = checkFunction('options.create', given.create);
    this.#reset = given.reset && checkFunction('options.reset', given.reset);
    this.#isClean = given.isClean && checkFunction('options.isClean', given.isClean);
    this.#max = checkInteger('options.max', given.max ?? defaultMax, 1, greatestMax);
    const prefill = checkInteger('options.prefill', given.prefill ?? 0, 0, this.#max);
    for (let i = 0; i < prefill; i++) this.#free.push(this.#make(false));
  }

  /**
   * An object for the caller alone, until it is released.
   *
   * @throws what `create` throws; TypeError `ERR_MOIRAI_INVALID_ARGUMENT` when it gives no object, or one
   * that it gave before.
   */
  acquire(): T {
    const entry = this.#free.pop();
    if (entry === undefined) return this.#miss();
    entry.inUse = true;
    this.#reused++;
    this.#inUse++;
    return entry.object;
  }

  /**
   * Gives an object back. The caller must not use it any more.
   *
   * @throws RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for an object that is not in use: it was released
   * before, or is not of this pool; nothing has changed. What `reset` or `isClean` throws.
   */
  release(object: T): void {
    const entry = this.#entries.get(object);
    if (entry === undefined || !entry.inUse) throw notInUse(object, entry !== undefined);
    // First, so that a `reset` that releases its own object is refused.
    entry.inUse = false;
    this.#inUse--;
    if (!this.#restore(object)) {
      this.#dropped++;
    } else if (this.#free.length >= this.#max) {
      this.#discarded++;
    } else {
      this.#free.push(entry);
    }
  }

  /**
   * Calls `fn` with an object and releases it afterwards: when `fn` has returned or thrown, or, where it
   * returns a promise, when that is settled. What `fn` throws goes through, also where the release
   * fails as well; that is counted as `dropped`.
   *
   * @example
   * const text = await pool.use(async (buffer) => decode(await read(file, buffer)));
   */
  use<R>(fn: (object: T) => R): R {
    checkFunction('fn', fn);
    const object = this.acquire();
    let result: R;
    let isPromise: boolean;
    try {
      result = fn(object);
      isPromise = isThenable(result);
    } catch (error) {
      this.#releaseAfterFailure(object);
      throw error;
    }
    if (!isPromise) {
      this.release(object);
      return result;
    }
    return Promise.resolve(result).then(
      (value) => {
        this.release(object);
        return value;
      },
      (error: unknown) => {
        this.#releaseAfterFailure(object);
        throw error;
      },
    ) as R;
  }

  /** What the pool has done so far; constant time. */
  stats(): ObjectPoolStats {
    const acquired = this.#reused + this.#missed;
    return {
      created: this.#created,
      reused: this.#reused,
      hitRate: acquired === 0 ? 0 : this.#reused / acquired,
      corrected: this.#corrected,
      dropped: this.#dropped,
      discarded: this.#discarded,
      inUse: this.#inUse,
      free: this.#free.length,
    };
  }

  #miss(): T {
    const { object } = this.#make(true);
    this.#missed++;
    this.#inUse++;
    return object;
  }

  #make(inUse: boolean): Entry<T> {
    const object = this.#create();
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null) {
      throw invalidType('options.create', 'a function that returns an object', object);
    }
    if (this.#entries.has(object)) {
      throw invalidType('options.create', 'a function that returns a new object each time', object);
    }
    const entry = { object, inUse };
    this.#entries.set(object, entry);
    this.#created++;
    return entry;
  }

  /** Whether the object can be kept. */
  #restore(object: T): boolean {
    const reset = this.#reset;
    const isClean = this.#isClean;
    if (reset === undefined && isClean === undefined) return true;
    let kept = false;
    try {
      const wasClean = reset === undefined || isClean === undefined || isClean(object);
      reset?.(object);
      kept = isClean === undefined || isClean(object);
      if (kept && !wasClean) this.#corrected++;
    } catch (error) {
      this.#dropped++;
      throw error;
    }
    return kept;
  }

  #releaseAfterFailure(object: T): void {
    try {
      this.release(object);
    } catch {
      // Counted; the failure of what the object was used for is the one to tell.
    }
  }
}

function notInUse(object: unknown, known: boolean): RangeError {
  const allowed = known ? 'one that is in use, not released already' : 'one of this pool';
  return invalidRange('object', allowed, object);
}

function checkFunction<F>(argument: string, value: F | undefined): F {
  if (typeof value !== 'function') throw invalidType(argument, 'a function', value);
  return value;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
