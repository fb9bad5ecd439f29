// A stack that threads or processes push to and pop from at the same time.
import { checkInteger, invalidRange, invalidType } from '../base/index.js';
import { native, type NativeSharedStack } from '../native.js';
import { registerKind } from '../share/index.js';
import { arrival, arrivedAt, checkShared, type PlaceHandle, type SharedOptions } from './place.js';
import {
  closedError,
  corruptError,
  openedIn,
  openLargePlace,
  SharedObject,
} from './shared-object.js';

/** Options of a {@link SharedStack}. */
export interface SharedStackOptions<V extends 'f64' | number = 'f64'> extends SharedOptions {
  /** Values that it holds, 1 to 16,777,215. Their memory is taken when it is made. */
  readonly capacity: number;
  /** `'f64'` (default): numbers. Or how many bytes a value has at most, 1 to 1 MiB. */
  readonly value?: V | undefined;
}

/** What a stack holds: numbers, or bytes. */
export type StackValue<V extends 'f64' | number> = V extends 'f64' ? number : Uint8Array;

interface StackShape {
  readonly capacity: number;
  /** 0: numbers. */
  readonly valueBytes: number;
}

const maxCapacity = 2 ** 24 - 1;
const maxValueBytes = 2 ** 20;

/**
 * A stack of bounded size in shared memory: the last one in is the first one out, for any number of
 * threads of this process, or, with a name, of several. No method blocks or takes a lock.
 *
 * It is a Treiber stack (R. K. Treiber, IBM RJ 5118, 1986) over nodes made in advance, with numbered
 * heads against ABA: `native/core/sync/shared_stack.h`. A thread that is killed inside of a push or a pop
 * costs one place of the capacity, and the value it had in its hands; the stack stays whole.
 *
 * @example
 * const free = new SharedStack({ capacity: 1024 });
 * for (let page = 0; page < 1024; page++) free.push(page);
 * const worker = new Worker(url, { workerData: share(free) }); // there: attach(workerData).pop()
 */
export class SharedStack<V extends 'f64' | number = 'f64'> extends SharedObject {
  /** Values that it holds. */
  readonly capacity: number;
  readonly #native: NativeSharedStack;
  readonly #shape: StackShape;
  readonly #out: Uint8Array;
  readonly #number: Float64Array;

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, also where the one of this name was
   * made with others of the same size; MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY`; `ERR_MOIRAI_CORRUPT`: what has this
   * name is no stack of this size; what {@link SharedRegion.create} and `open` throw.
   */
  constructor(options: SharedStackOptions<V>) {
    const arrived = arrivedAt(options);
    const shape = arrived === undefined ? shapeOf(options) : arrivedShape(arrived.parameters);
    const { capacity } = shape;
    const valueBytes = shape.valueBytes || 8;
    const bytes = native.sharedStack.bytes(capacity, valueBytes);
    const parameters = [capacity, shape.valueBytes];
    const place =
      arrived ?? openLargePlace({ kind: 'stack', bytes, parameters, name: options.shared });
    const out = new Uint8Array(Math.ceil(valueBytes / 8) * 8);
    super('SharedStack', place);
    const opened = native.sharedStack.open(place.bytes, capacity, valueBytes, out);
    this.capacity = capacity;
    this.#native = openedIn(place, opened);
    this.#shape = shape;
    this.#out = out;
    this.#number = new Float64Array(out.buffer);
  }

  /**
   * Puts a value on top; false where the stack is full, and nothing has changed. O(1), never blocks.
   * Of bytes a copy is made.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for a value of another kind or size.
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`, `ERR_MOIRAI_CORRUPT`.
   */
  push(value: StackValue<V>): boolean {
    const result =
      typeof value === 'number' && this.#shape.valueBytes === 0
        ? this.#native.pushF64(value)
        : this.#native.push(this.#checkBytes(value));
    return result >= 0 || this.#refused(result);
  }

  /**
   * Takes the value on top; undefined where there is none. O(1), never blocks. Bytes are the caller's own.
   *
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`, `ERR_MOIRAI_CORRUPT`.
   */
  pop(): StackValue<V> | undefined {
    const bytes = this.#native.pop();
    if (bytes < 0) {
      this.#refused(bytes);
      return undefined;
    }
    const value = this.#shape.valueBytes === 0 ? this.#number[0] : this.#out.slice(0, bytes);
    return value as StackValue<V>;
  }

  /** About how many values there are: others push and pop meanwhile, and deaths may leave it off by one each. */
  get size(): number {
    const size = this.#native.size();
    if (size < 0) this.#refused(size);
    return size;
  }

  protected override closeNative(): void {
    this.#native.close();
  }

  #checkBytes(value: unknown): Uint8Array {
    const { valueBytes } = this.#shape;
    if (valueBytes === 0) throw invalidType('value', 'a number', value);
    if (!(value instanceof Uint8Array)) throw invalidType('value', 'a Uint8Array', value);
    if (value.length > valueBytes) {
      throw invalidRange('value', `of at most ${valueBytes} bytes`, value.length);
    }
    return value;
  }

  #refused(code: number): false {
    if (code === -1) return false;
    throw code === -7 ? closedError() : corruptError();
  }
}

function shapeOf<V extends 'f64' | number>(options: SharedStackOptions<V>): StackShape {
  if (options === undefined) throw invalidType('options', 'an options object', options);
  const given = checkShared<SharedStackOptions<V>>(options, ['capacity', 'value', 'shared']);
  const capacity = checkInteger('options.capacity', given.capacity, 1, maxCapacity);
  const value: unknown = given.value ?? 'f64';
  if (value === 'f64') return { capacity, valueBytes: 0 };
  if (typeof value !== 'number') {
    throw invalidType('options.value', "'f64' or a number of bytes", value);
  }
  return { capacity, valueBytes: checkInteger('options.value', value, 1, maxValueBytes) };
}

/** What came from another thread, before it is used. */
function arrivedShape([capacity, valueBytes]: readonly number[]): StackShape {
  return {
    capacity: checkInteger('handle.capacity', capacity, 1, maxCapacity),
    valueBytes: checkInteger('handle.valueBytes', valueBytes, 0, maxValueBytes),
  };
}

registerKind('SharedStack', {
  attach: (handle: PlaceHandle) => new SharedStack(arrival('stack', handle) as never),
});
