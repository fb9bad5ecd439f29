// Blocks of one size on every NUMA node, for all threads at once.
import { checkOptions, invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import type { ViewConstructor } from './numa-buffer.js';
import { giveBack, NumaBlock, takeOff, type BlockSource } from './numa-block.js';
import {
  checkHandle,
  checkNode,
  createHandle,
  type NumaPoolHandle,
  type NumaPoolOptions,
} from './numa-pool-handle.js';
import { readStats, type NumaPoolStats } from './numa-pool-stats.js';
import { encodeHomes } from './pool-homes.js';
import { layoutOf, type PoolLayout, type PoolRegion } from './pool-regions.js';
import { viewNamed } from './view-kinds.js';

export interface AcquireOptions {
  /** Where the block should be. Default: the pool's `preferredNode`. */
  readonly node?: number | undefined;
}

/** How `attach` reaches the constructor: nobody outside can make one. */
class Attachment {
  readonly handle: NumaPoolHandle<unknown>;
  constructor(handle: NumaPoolHandle<unknown>) {
    this.handle = handle;
  }
}

const viewsPerChunk = 1024;

/**
 * Fixed blocks of memory, equally many on each NUMA node, acquired and released by any thread of the
 * process without a lock and without a system call. When a node has none left, the block comes from the
 * nearest that has, and that is counted.
 *
 * - All memory is taken when the pool is made: `blockSize * blocksPerNode` on each node that has memory
 *   and that this process may use. On a machine of one node that is one pool.
 * - A block keeps what its last user wrote.
 * - What a thread holds when it ends goes back to the pool. What it forgets comes back then too, or when
 *   it has forgotten the pool, its handle and all views as well, and they were collected.
 * - To another thread the pool goes as a task's argument, by `share`, or as {@link NumaPool.handle}; a
 *   block by {@link NumaPool.detach}.
 *
 * No method blocks. `bench/memory/pools.mjs` measures acquire and release. In native code is a lock-free
 * list with numbered heads (Treiber's stack), described in `native/core/memory/free_list.h`.
 *
 * @example
 * const pool = new NumaPool({ blockSize: 65_536, blocksPerNode: 256 });
 * {
 *   using block = pool.acquire();
 *   block.view.set(packet);
 *   send(block.view);
 * }
 * console.log(pool.stats().utilization); // 0
 */
export class NumaPool<V = Uint8Array> implements Disposable {
  readonly blockSize: number;
  readonly blocksPerNode: number;
  readonly #handle: NumaPoolHandle<V>;
  readonly #layout: PoolLayout;
  readonly #source: BlockSource;
  /** -1: the node where the thread runs. */
  readonly #preferred: number;
  readonly #View: ViewConstructor<V>;
  /** Of the machine, also those without memory; empty where there is but one to take memory from. */
  readonly #nodes: ReadonlySet<number>;
  /** By slot, in chunks: a thread makes views only of blocks that it meets. */
  readonly #views: (V | undefined)[][];

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for wrong options.
   * @throws MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY` when a node does not have the memory.
   */
  constructor(options: NumaPoolOptions<V>) {
    const attached = options instanceof Attachment;
    const handle = attached ? (options.handle as NumaPoolHandle<V>) : createHandle(options);
    const { blockSize, blocksPerNode, preferredNode, view, regions, homes } = handle;
    const { orders, rows } = encodeHomes(homes, regions);
    const generation = new Int32Array(1);
    const buffers = regions.map(({ buffer }) => buffer);
    const access = native.numaPool.open(
      structuredClone(buffers).map((buffer) => new Uint8Array(buffer, 0, buffer.byteLength)),
      blockSize,
      blocksPerNode,
      !attached,
      orders,
      rows,
      generation,
      buffers,
    );
    const nodes = regions.map(({ node }) => node);
    this.#nodes = new Set(nodes.length === 1 ? [] : homes.map(({ node }) => node));
    this.blockSize = blockSize;
    this.blocksPerNode = blocksPerNode;
    this.#handle = handle;
    this.#layout = layoutOf(blockSize, blocksPerNode);
    const first = new Uint8Array(regions[0]?.buffer ?? new SharedArrayBuffer(0), 0, 1);
    this.#source = { access, generation, blocksPerNode, nodes, first, closed: false };
    this.#preferred = preferredNode ?? -1;
    this.#View = viewNamed(view) as ViewConstructor<V>;
    const chunks = Math.ceil((nodes.length * blocksPerNode) / viewsPerChunk);
    this.#views = Array.from({ length: chunks }, () => []);
  }

  /**
   * The pool that a handle from another thread stands for.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for what is not a handle, MoiraiError
   * `ERR_MOIRAI_CORRUPT` for one whose memory holds no such pool.
   */
  static attach<V = Uint8Array>(handle: NumaPoolHandle<V>): NumaPool<V> {
    return new NumaPool<V>(new Attachment(checkHandle(handle)) as never);
  }

  /** For other threads of this process: the whole of it is shared memory and numbers. */
  handle(): NumaPoolHandle<V> {
    return this.#handle;
  }

  /** @internal How it goes to another thread: as that thread's own object for the same blocks. */
  [sharing](): Departure {
    return { kind: 'NumaPool', value: this.#handle };
  }

  /**
   * A block for the caller alone, until it is released.
   *
   * @throws MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY` when every block of every node is in use,
   * `ERR_MOIRAI_CLOSED` after `close`.
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for a node that the machine has not.
   */
  acquire(options?: AcquireOptions): NumaBlock<V> {
    const block = this.tryAcquire(options);
    if (block === undefined) {
      throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', 'every block of the pool is in use');
    }
    return block;
  }

  /** Like {@link NumaPool.acquire}; undefined when every block is in use. */
  tryAcquire(options?: AcquireOptions): NumaBlock<V> | undefined {
    const source = this.#source;
    const node = options === undefined ? this.#preferred : this.#nodeOf(options);
    const slot = source.access.acquire(node);
    if (slot < 0) return nothing(slot);
    const view = this.#views[(slot / viewsPerChunk) | 0]?.[slot % viewsPerChunk];
    return new NumaBlock(source, slot, source.generation[0] as number, view ?? this.#viewOf(slot));
  }

  /**
   * Gives a block back, from the thread that has it.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for a block of another pool or one that
   * is not held any more: released already, or by an object from before. Nothing has changed.
   */
  release(block: NumaBlock<V>): void {
    giveBack(checkBlock(block), this.#source);
  }

  /**
   * Takes the block out of this thread's hands, to be adopted by another: the number can be sent there by
   * any means. A block on its way belongs to nobody, so it is lost if nobody adopts it.
   *
   * @throws as {@link NumaPool.release}.
   */
  detach(block: NumaBlock<V>): bigint {
    return takeOff(checkBlock(block), this.#source);
  }

  /**
   * Takes over a block that {@link NumaPool.detach} has given a number, once.
   *
   * @throws RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for a number that stands for no block on its way.
   */
  adopt(id: bigint): NumaBlock<V> {
    if (typeof id !== 'bigint') throw invalidType('id', 'a bigint from detach', id);
    const { access, generation } = this.#source;
    const slot = Number(BigInt.asUintN(32, id >> 32n));
    const given = Number(BigInt.asIntN(32, id));
    if (BigInt.asUintN(63, id) !== id || !access.adopt(slot, given)) {
      throw invalidRange('id', 'the number of a detached block, adopted once', id);
    }
    return new NumaBlock(this.#source, slot, generation[0] as number, this.#viewOf(slot));
  }

  /** What is in use, where, and how often a node was full; O(nodes). Counts are of all threads. */
  stats(): NumaPoolStats {
    return readStats(this.#source.access, this.#handle.regions, this.blocksPerNode);
  }

  /**
   * Gives the memory back, for all threads: nobody gets a block any more, and those that are held read as
   * zeros. Again does nothing.
   */
  close(): void {
    this.#source.closed = true;
    if (!this.#source.access.close()) return;
    const { firstBlock, bytes } = this.#layout;
    for (const { buffer } of this.#handle.regions) {
      native.memory.discard(new Uint8Array(buffer, 0, bytes), firstBlock, bytes - firstBlock);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #nodeOf(options: AcquireOptions): number {
    // The keys are looked at only where there is no node, which a misspelt key comes with.
    const { node } = options;
    if (node === undefined) {
      checkOptions('options', options, ['node']);
      return this.#preferred;
    }
    if (this.#nodes.has(node)) return node;
    return checkNode('options.node', this.#nodes, node);
  }

  #viewOf(slot: number): V {
    const chunk = this.#views[(slot / viewsPerChunk) | 0] ?? [];
    const { firstBlock, stride } = this.#layout;
    const region = this.#handle.regions[Math.floor(slot / this.blocksPerNode)] as PoolRegion;
    const offset = firstBlock + (slot % this.blocksPerNode) * stride;
    const length = this.blockSize / (this.#View.BYTES_PER_ELEMENT ?? 1);
    return (chunk[slot % viewsPerChunk] ??= new this.#View(region.buffer, offset, length));
  }
}

function checkBlock<V>(block: NumaBlock<V>): NumaBlock<V> {
  if (!(block instanceof NumaBlock)) throw invalidType('block', 'a block of this pool', block);
  return block;
}

/** What stands for no block: nothing where all are in use, else an error. */
function nothing(code: number): undefined {
  if (code === -1) return undefined;
  if (code === -2) throw new MoiraiError('ERR_MOIRAI_CLOSED', 'the pool was closed');
  throw new MoiraiError('ERR_MOIRAI_CORRUPT', "somebody has written over the pool's own memory");
}

/** One object for one pool in a thread, as long as its memory is known there: views are kept in it. */
const known = new WeakMap<SharedArrayBuffer, NumaPool<unknown>>();

registerKind('NumaPool', {
  attach: (handle: NumaPoolHandle<unknown>) => {
    const { regions } = checkHandle(handle);
    const before = regions[0] && known.get(regions[0].buffer);
    if (before !== undefined) return before;
    const pool = NumaPool.attach(handle);
    for (const { buffer } of regions) known.set(buffer, pool);
    return pool;
  },
});
