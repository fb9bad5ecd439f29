// A SharedArrayBuffer whose pages are where they were asked for.
import { invalidType, MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { pageNodes } from './page-nodes.js';
import type { Shortfall } from './shortfall.js';

/**
 * What became of the wish for a place.
 * - `placed`: the kernel has the policy as it was asked for.
 * - `degraded`: it has one that comes near; `degraded` says what is missing.
 * - `refused`: it has none; pages come from where they are touched first. `degraded` says why.
 * - `single-node`: there is one node, nothing to decide, and nothing is missing.
 * - `default`: nothing was asked for.
 */
export type Placement = 'placed' | 'degraded' | 'refused' | 'single-node' | 'default';

/** A constructor of views: `Float64Array`, `Uint8Array`, `DataView`, … */
export interface ViewConstructor<V> {
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): V;
  readonly BYTES_PER_ELEMENT?: number;
}

export class NumaBuffer implements Disposable {
  /** The memory: post it to a Worker or give it to a task; both see the same bytes. */
  readonly buffer: SharedArrayBuffer;
  /** As many as were asked for; the memory is whole pages. */
  readonly bytes: number;
  readonly placement: Placement;
  /** What was asked for and not granted. */
  readonly degraded: readonly Shortfall[];
  readonly #all: Uint8Array;
  #freed = false;

  /** Made by `numa.allocate`. */
  constructor(buffer: SharedArrayBuffer, placement: Placement, degraded: readonly Shortfall[]) {
    this.buffer = buffer;
    this.bytes = buffer.byteLength;
    this.placement = placement;
    this.degraded = degraded;
    this.#all = new Uint8Array(buffer, 0, this.bytes);
  }

  /** A view of all of it, of a fixed length: one that follows the buffer's length is 30 times slower. */
  view<V>(Constructor: ViewConstructor<V>): V {
    if (typeof Constructor !== 'function') {
      throw invalidType('Constructor', 'a constructor of views, such as Float64Array', Constructor);
    }
    if (this.#freed) throw new MoiraiError('ERR_MOIRAI_CLOSED', 'the buffer was freed');
    const length = Math.floor(this.bytes / (Constructor.BYTES_PER_ELEMENT ?? 1));
    return new Constructor(this.buffer, 0, length);
  }

  /**
   * For each page the node that it is on; −1: it was never touched, and will come from where the
   * policy says; −2: the kernel does not tell (a filter on move_pages and on what stands in for it).
   * Blocks for about 0.1 µs a page.
   */
  pageNodes(): Int32Array {
    return pageNodes(this.#all);
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    native.memory.discard(this.#all, 0, this.bytes);
  }

  [Symbol.dispose](): void {
    this.free();
  }
}
