// A SharedArrayBuffer whose pages are where they were asked for.
import {
  checkInteger,
  checkOptions,
  invalidRange,
  invalidType,
  MoiraiError,
} from '../base/index.js';
import { native } from '../native.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import type { LedgerEntry } from './ledger.js';
import { movePages, type MoveResult } from './move.js';
import { pageNodes } from './page-nodes.js';
import { place, type Placement } from './place.js';
import {
  checkPolicy,
  decodePolicy,
  encodePolicy,
  pageBytes,
  policyRoom,
  type CheckedPolicy,
  type MemoryPolicy,
} from './policy.js';
import { errno, failure, type Shortfall } from './shortfall.js';
import { policyUnread } from './thread-policy.js';

/** A constructor of views: `Float64Array`, `Uint8Array`, `DataView`, … */
export interface ViewConstructor<V> {
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): V;
  readonly BYTES_PER_ELEMENT?: number;
}

/**
 * What such a constructor makes over shared memory. Of those with several signatures TypeScript takes the
 * last, whose views are over an ArrayBuffer.
 */
export type SharedView<V> = V extends Int8Array
  ? Int8Array<SharedArrayBuffer>
  : V extends Uint8Array
    ? Uint8Array<SharedArrayBuffer>
    : V extends Uint8ClampedArray
      ? Uint8ClampedArray<SharedArrayBuffer>
      : V extends Int16Array
        ? Int16Array<SharedArrayBuffer>
        : V extends Uint16Array
          ? Uint16Array<SharedArrayBuffer>
          : V extends Int32Array
            ? Int32Array<SharedArrayBuffer>
            : V extends Uint32Array
              ? Uint32Array<SharedArrayBuffer>
              : V extends Float32Array
                ? Float32Array<SharedArrayBuffer>
                : V extends Float64Array
                  ? Float64Array<SharedArrayBuffer>
                  : V extends BigInt64Array
                    ? BigInt64Array<SharedArrayBuffer>
                    : V extends BigUint64Array
                      ? BigUint64Array<SharedArrayBuffer>
                      : V extends DataView
                        ? DataView<SharedArrayBuffer>
                        : V;

/** Options of `NumaBuffer.setPolicy`. */
export interface RangePolicyOptions {
  /** First byte of the range, a multiple of the page size. Default 0. */
  readonly at?: number | undefined;
  /** Length of the range in bytes, rounded up to whole pages. Default: the rest. */
  readonly bytes?: number | undefined;
  /** Pages that are there already and elsewhere move (MPOL_MF_MOVE). Default false: they stay. */
  readonly move?: boolean | undefined;
  /** Pages that are there and elsewhere, or cannot move, are an error (MPOL_MF_STRICT). Default false. */
  readonly strict?: boolean | undefined;
}

/**
 * Memory that knows its place, from `numa.allocate`. `buffer` is a SharedArrayBuffer: post it to a
 * Worker or give it to a task, and both sides see the same bytes. A NumaBuffer stays with its thread;
 * another one has its own: a task that gets it as an argument, who attaches what `share` gives, or by
 * `numa.attach(buffer)`.
 *
 * @example
 * using table = numa.allocate(2 ** 20, { node: 1 });
 * const cells = table.view(Float64Array);
 */
export class NumaBuffer implements Disposable {
  readonly buffer: SharedArrayBuffer;
  /** As many as were asked for. */
  readonly bytes: number;
  readonly placement: Placement;
  /** What was asked for and not granted. */
  readonly degraded: readonly Shortfall[];
  readonly #all: Uint8Array;
  readonly #entry: LedgerEntry | undefined;
  #freed = false;

  /** @internal Made by `numa.allocate` and `numa.attach`. */
  constructor(
    buffer: SharedArrayBuffer,
    bytes: number,
    placement: Placement,
    degraded: readonly Shortfall[],
    entry?: LedgerEntry,
  ) {
    this.buffer = buffer;
    this.bytes = bytes;
    this.placement = placement;
    this.degraded = degraded;
    this.#all = new Uint8Array(buffer, 0, buffer.byteLength);
    this.#entry = entry;
  }

  /** Whether `free` was called on this handle. */
  get freed(): boolean {
    return this.#freed;
  }

  /**
   * A view of all of it, of a fixed length: V8 is slower at one that follows its buffer's length.
   *
   * @throws TypeError `ERR_MOIRAI_INVALID_ARGUMENT` for what is no constructor.
   * @throws MoiraiError `ERR_MOIRAI_CLOSED` after `free`.
   */
  view<V>(Constructor: ViewConstructor<V>): SharedView<V> {
    if (typeof Constructor !== 'function') {
      throw invalidType('Constructor', 'a constructor of views, such as Float64Array', Constructor);
    }
    this.#checkOpen();
    const length = Math.floor(this.bytes / (Constructor.BYTES_PER_ELEMENT ?? 1));
    return new Constructor(this.buffer, 0, length) as SharedView<V>;
  }

  /**
   * For each page the node that it is on; −1: nobody has written to it yet, and it will come from
   * where the policy says; −2: the kernel does not tell (filters on move_pages(2) and get_mempolicy(2)
   * on a machine of several nodes). Asks the kernel once for every 256 pages.
   */
  pageNodes(): Int32Array {
    return pageNodes(this.#all);
  }

  /**
   * The policy of the page that holds byte `at`, from the kernel.
   *
   * @throws MoiraiError `ERR_MOIRAI_PERMISSION` or `ERR_MOIRAI_NOT_SUPPORTED` where get_mempolicy(2)
   * is filtered or not there, on a machine of several nodes.
   */
  getPolicy(at = 0): CheckedPolicy {
    checkInteger('at', at, 0, this.bytes - 1);
    const out = policyRoom();
    const page = at - (at % pageBytes);
    const error = native.memory.rangePolicy(this.#all, page, 1, out);
    return error === 0 ? decodePolicy(out) : policyUnread(error);
  }

  /**
   * Gives the buffer, or whole pages of it, another policy; new pages follow it, and with `move` those
   * that are there. Nothing is prefaulted: a page that `bind` cannot have later has the kernel choose a
   * process to kill. A policy that this kernel cannot have is an error here, never its next best. With
   * one node nothing is done and `single-node` returned. Blocks while pages move.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   * @throws MoiraiError `ERR_MOIRAI_PERMISSION` (filtered), `ERR_MOIRAI_NOT_SUPPORTED` (kernel too
   * old), `ERR_MOIRAI_OUT_OF_MEMORY` (a node without memory, or outside of the cpuset),
   * `ERR_MOIRAI_SYSTEM` with errno EIO for `strict`, `ERR_MOIRAI_CLOSED` after `free`.
   */
  setPolicy(policy: MemoryPolicy, options?: RangePolicyOptions): Placement {
    const wanted = checkPolicy('policy', policy);
    const given = checkOptions('options', options, ['at', 'bytes', 'move', 'strict']);
    const at = checkInteger('options.at', given.at ?? 0, 0, this.bytes - 1);
    if (at % pageBytes !== 0) {
      throw invalidRange('options.at', `a multiple of the page size (${pageBytes})`, at);
    }
    const rest = this.#all.length - at;
    const bytes = checkInteger('options.bytes', given.bytes ?? rest, 1, rest);
    this.#checkOpen();
    const flags = (given.strict === true ? 1 : 0) | (given.move === true ? 2 : 0);
    const placed = place(this.#all, at, bytes, 'policy.nodes', wanted, flags, false);
    const [first] = placed.shortfalls;
    if (first !== undefined) throw failure(first);
    return placed.placement;
  }

  /**
   * Moves the pages to `node` and has new ones come from there: by the policy `bind` where that was
   * asked for before, else `preferred`. Pages that stay where they are (the node is full, or someone
   * holds them) are told one by one. Blocks while they are copied.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   * @throws MoiraiError `ERR_MOIRAI_PERMISSION` or `ERR_MOIRAI_NOT_SUPPORTED` where neither
   * move_pages(2) nor mbind(2) is to be had, `ERR_MOIRAI_OUT_OF_MEMORY` for a node without memory or
   * outside of the cpuset, `ERR_MOIRAI_CLOSED` after `free`.
   */
  move(node: number): MoveResult {
    this.#checkOpen();
    const result = movePages(this.#all, node);
    if (result.outcome !== 'single-node') this.#entry?.moveTo(node);
    return result;
  }

  /**
   * Gives the memory back to the system; again does nothing. What reads the buffer afterwards finds
   * zeros, what writes to it gets new pages: the object itself stays until it is collected. Does
   * not wait for other threads that use it.
   */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#entry?.close();
    const { memory } = native;
    const all = this.#all;
    // Locked pages cannot be given back. A policy would keep the mapping apart from its neighbours.
    memory.unlock(all, 0, all.length);
    // Kernels before 5.18 keep explicit huge pages as long as they are mapped.
    if (memory.discard(all, 0, all.length) !== 0) all.fill(0);
    if (this.placement === 'placed' || this.placement === 'degraded') {
      memory.bind(all, 0, all.length, ...encodePolicy({ mode: 'default', nodes: [] }), 0);
    }
  }

  [Symbol.dispose](): void {
    this.free();
  }

  /** @internal How it goes to another thread: as a handle of that thread's own for the same memory. */
  [sharing](): Departure {
    this.#checkOpen();
    return { kind: 'NumaBuffer', value: [this.buffer, this.bytes] };
  }

  #checkOpen(): void {
    if (this.#freed) throw new MoiraiError('ERR_MOIRAI_CLOSED', 'the buffer was freed');
  }
}

/** A handle for a buffer that another thread has allocated. */
export function attach(buffer: SharedArrayBuffer): NumaBuffer {
  if (!(buffer instanceof SharedArrayBuffer)) {
    throw invalidType('buffer', 'the buffer of a NumaBuffer', buffer);
  }
  const all = new Uint8Array(buffer, 0, buffer.byteLength);
  // Elsewhere the pages are not its own, and a free would take its neighbours' with them.
  if (!buffer.growable || native.memory.pageNodes(all, 0, 1, new Int32Array(1)) === errno.EINVAL) {
    throw invalidType('buffer', 'the buffer of a NumaBuffer', buffer);
  }
  return new NumaBuffer(buffer, buffer.byteLength, 'default', []);
}

registerKind('NumaBuffer', {
  attach: ([buffer, bytes]: readonly [SharedArrayBuffer, number]) => {
    const whole = attach(buffer);
    checkInteger('handle.value', bytes, 1, whole.bytes);
    return new NumaBuffer(buffer, bytes, 'default', []);
  },
});
