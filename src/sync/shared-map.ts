// A map from strings and numbers to bytes that threads or processes read and write at the same time.
import { checkInteger, invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { native, type NativeSharedMap } from '../native.js';
import { registerKind } from '../share/index.js';
import { entriesIn } from './map-entries.js';
import { arrival, arrivedAt, checkShared, type PlaceHandle, type SharedOptions } from './place.js';
import {
  closedError,
  corruptError,
  openedIn,
  openLargePlace,
  SharedObject,
} from './shared-object.js';

/** Options of a {@link SharedMap}. */
export interface SharedMapOptions extends SharedOptions {
  /** Entries that it holds, 1 to 16,777,151. Their memory is taken when it is made. */
  readonly capacity: number;
  /** Bytes of the longest key in UTF-8, 8 to 1,024. Default 32. A number takes 8. */
  readonly keyBytes?: number | undefined;
  /** Bytes of the longest value, 0 to 1 MiB. Default 128. */
  readonly valueBytes?: number | undefined;
}

/** A key: 1 and '1' are two; of numbers NaN equals NaN and -0 equals 0, as in a Map. */
export type SharedMapKey = string | number;

interface MapShape {
  readonly capacity: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
}

const maxCapacity = 2 ** 24 - 65;
const absent = -1;
const differs = -2;
const busy = -4;

/**
 * A map of bounded size in shared memory, for any number of threads of this process, or, with a name, of
 * several. `get` and `has` take no lock and write nothing; `set` and `delete` lock one of 64 stripes for
 * some hundred nanoseconds.
 *
 * - A change happens at one instant: nobody ever sees half a value, and each key's changes are seen in
 *   order. Entries are replaced and never changed in place (`native/core/sync/shared_map.h`).
 * - A process killed while it writes, at whatever instruction, has changed all or nothing. What it held
 *   locked is free for the next one to come, who finds and frees what it left behind.
 * - Where the holder of a stripe is *stopped* (SIGSTOP), methods wait until it goes on.
 *
 * @example
 * const sessions = new SharedMap({ capacity: 10_000, shared: 'sessions' });
 * sessions.set('alice', Buffer.from('{"visits":1}'));
 * sessions.update('alice', (old) => Buffer.from(JSON.stringify({ visits: visitsIn(old) + 1 })));
 * sessions.get('alice'); // in any process of this user
 */
export class SharedMap extends SharedObject {
  /** Entries that it holds. */
  readonly capacity: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly #native: NativeSharedMap;
  readonly #out: Uint8Array;

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, also where the one of this name was
   * made with others of the same size; MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY`; `ERR_MOIRAI_CORRUPT`: what has this
   * name is no map of this size; what {@link SharedRegion.create} and `open` throw.
   */
  constructor(options: SharedMapOptions) {
    const arrived = arrivedAt(options);
    const shape = arrived === undefined ? shapeOf(options) : arrivedShape(arrived.parameters);
    const { capacity, keyBytes, valueBytes } = shape;
    const bytes = native.sharedMap.bytes(capacity, keyBytes, valueBytes);
    const parameters = [capacity, keyBytes, valueBytes];
    const place =
      arrived ?? openLargePlace({ kind: 'map', bytes, parameters, name: options.shared });
    const out = new Uint8Array(Math.ceil(valueBytes / 8) * 8);
    super('SharedMap', place);
    const opened = native.sharedMap.open(place.bytes, capacity, keyBytes, valueBytes, out);
    this.capacity = capacity;
    this.keyBytes = keyBytes;
    this.valueBytes = valueBytes;
    this.#native = openedIn(place, opened);
    this.#out = out;
  }

  /**
   * A copy of the key's value; undefined where there is none. Takes no lock.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for what is no key.
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`, `ERR_MOIRAI_CORRUPT`.
   */
  get(key: SharedMapKey): Uint8Array | undefined {
    checkKey(key);
    let bytes: number;
    do bytes = this.#native.get(key);
    while (bytes === busy);
    if (bytes >= 0) return this.#out.slice(0, bytes);
    return this.#missing(bytes);
  }

  /**
   * Copies the key's value to the beginning of `into`, without an allocation, and says how many bytes it
   * has; undefined where there is none. What does not fit is left out.
   *
   * @throws as {@link SharedMap.get}.
   */
  getInto(key: SharedMapKey, into: Uint8Array): number | undefined {
    if (!(into instanceof Uint8Array)) throw invalidType('into', 'a Uint8Array', into);
    checkKey(key);
    let bytes: number;
    do bytes = this.#native.get(key);
    while (bytes === busy);
    if (bytes < 0) return this.#missing(bytes);
    into.set(this.#out.subarray(0, Math.min(bytes, into.length)));
    return bytes;
  }

  /** Whether there is an entry. Takes no lock. @throws as {@link SharedMap.get}. */
  has(key: SharedMapKey): boolean {
    checkKey(key);
    const result = this.#again(() => this.#native.has(key));
    return result >= 0 || this.#missing(result) !== undefined;
  }

  /**
   * Makes the key's value a copy of these bytes.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for what is no key or no bytes.
   * @throws MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY`: there are `capacity` entries, and this would be one
   * more; `ERR_MOIRAI_TOO_LARGE`: the key or the value; `ERR_MOIRAI_CLOSED`, `ERR_MOIRAI_CORRUPT`.
   * Nothing has changed then.
   */
  set(key: SharedMapKey, value: Uint8Array): this {
    checkKey(key);
    if (!(value instanceof Uint8Array)) throw invalidType('value', 'a Uint8Array', value);
    const result = this.#again(() => this.#native.set(key, value));
    if (result < 0) this.#refused(result);
    return this;
  }

  /** Removes the entry; false: there was none. @throws as {@link SharedMap.get}. */
  delete(key: SharedMapKey): boolean {
    checkKey(key);
    const result = this.#again(() => this.#native.delete(key));
    return result >= 0 || this.#missing(result) !== undefined;
  }

  /**
   * Makes the value what `value` says if it is byte for byte what `expected` says, at one instant; undefined
   * is no entry, on both sides. False: it was something else, and nothing has changed.
   *
   * @throws as {@link SharedMap.set}.
   */
  compareAndSet(
    key: SharedMapKey,
    expected: Uint8Array | undefined,
    value: Uint8Array | undefined,
  ): boolean {
    checkKey(key);
    checkValue('expected', expected);
    checkValue('value', value);
    const result = this.#again(() => this.#native.compareAndSet(key, expected, value));
    if (result < 0 && result !== differs) this.#refused(result);
    return result >= 0;
  }

  /**
   * Replaces the value by what `change` makes of it, and gives that. `change` runs without a lock, and
   * again where somebody else was faster: it should do nothing else. Undefined is no entry.
   *
   * @throws as {@link SharedMap.set}, and what `change` throws.
   */
  update(
    key: SharedMapKey,
    change: (old: Uint8Array | undefined) => Uint8Array | undefined,
  ): Uint8Array | undefined {
    if (typeof change !== 'function') throw invalidType('change', 'a function', change);
    for (;;) {
      const old = this.get(key);
      const value = change(old?.slice());
      if (this.compareAndSet(key, old, value)) return value;
    }
  }

  /**
   * How many entries there are; others change it meanwhile. A writer that was killed may leave it one too
   * high, until somebody writes near there or finds the map full.
   */
  get size(): number {
    const size = this.#native.size();
    if (size < 0) this.#refused(size);
    return size;
  }

  /**
   * All entries, in no order. Those that are there from beginning to end come exactly once, with a value
   * that they had at some time meanwhile.
   *
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`, `ERR_MOIRAI_CORRUPT`.
   */
  *entries(): Generator<[SharedMapKey, Uint8Array], void, undefined> {
    const { buckets } = this.#native;
    let out = new Uint8Array(4 * (16 + this.keyBytes + this.valueBytes + 16));
    for (let bucket = 0; bucket < buckets; bucket++) {
      const used = this.#again(() => this.#native.bucket(bucket, out));
      if (used === -9) {
        out = new Uint8Array(2 * out.length);
        bucket--;
        continue;
      }
      if (used < 0) this.#refused(used);
      // All of them before the first goes out: the caller may change the map, or iterate once more.
      yield* entriesIn(out, used);
    }
  }

  /** All keys, as {@link SharedMap.entries}. */
  *keys(): Generator<SharedMapKey, void, undefined> {
    for (const [key] of this.entries()) yield key;
  }

  [Symbol.iterator](): Generator<[SharedMapKey, Uint8Array], void, undefined> {
    return this.entries();
  }

  protected override closeNative(): void {
    this.#native.close();
  }

  /** Native code waits for some 40 ms at a time, so that `worker.terminate()` gets in. */
  #again(call: () => number): number {
    let result: number;
    do result = call();
    while (result === busy);
    return result;
  }

  /** A key that is too large for the map is one that is not there. */
  #missing(code: number): undefined {
    if (code !== absent && code !== -6) this.#refused(code);
  }

  #refused(code: number): never {
    switch (code) {
      case -3:
        throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', `the map has ${this.capacity} entries`);
      case -6:
        throw new MoiraiError('ERR_MOIRAI_TOO_LARGE', `a key has ${this.keyBytes} bytes at most`);
      case -7:
        throw closedError();
      case -8: {
        const message = `a value has ${this.valueBytes} bytes at most`;
        throw new MoiraiError('ERR_MOIRAI_TOO_LARGE', message);
      }
      default:
        throw corruptError();
    }
  }
}

const loneSurrogate = /\p{Surrogate}/u;

function checkKey(key: unknown): void {
  if (typeof key === 'number') return;
  if (typeof key !== 'string') throw invalidType('key', 'a string or a number', key);
  // In UTF-8 all of these would be one key.
  if (loneSurrogate.test(key)) throw invalidRange('key', 'without a lone surrogate', key);
}

function checkValue(argument: string, value: unknown): void {
  if (value !== undefined && !(value instanceof Uint8Array)) {
    throw invalidType(argument, 'a Uint8Array or undefined', value);
  }
}

function shapeOf(options: SharedMapOptions): MapShape {
  if (options === undefined) throw invalidType('options', 'an options object', options);
  const known = ['capacity', 'keyBytes', 'valueBytes', 'shared'] as const;
  return checkShape('options', checkShared<SharedMapOptions>(options, known));
}

function arrivedShape([capacity, keyBytes, valueBytes]: readonly number[]): MapShape {
  return checkShape('handle', { capacity, keyBytes, valueBytes });
}

function checkShape(where: string, shape: Partial<Record<keyof MapShape, unknown>>): MapShape {
  const { capacity, keyBytes = 32, valueBytes = 128 } = shape;
  return {
    capacity: checkInteger(`${where}.capacity`, capacity, 1, maxCapacity),
    keyBytes: checkInteger(`${where}.keyBytes`, keyBytes, 8, 1024),
    valueBytes: checkInteger(`${where}.valueBytes`, valueBytes, 0, 2 ** 20),
  };
}

registerKind('SharedMap', {
  attach: (handle: PlaceHandle) => new SharedMap(arrival('map', handle) as never),
});
