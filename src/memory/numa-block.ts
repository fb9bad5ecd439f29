// A block in somebody's hands.
import { invalidRange, MoiraiError } from '../base/index.js';
import type { NativeNumaPool } from '../native.js';

/** What a block knows of its pool. */
export interface BlockSource {
  readonly access: NativeNumaPool;
  /** Where a call of `access` leaves the generation. */
  readonly generation: Int32Array;
  readonly blocksPerNode: number;
  readonly nodes: readonly number[];
  /** The first region: two sources with the same are of the same pool. */
  readonly first: Uint8Array;
  closed: boolean;
}

/** What the pool does with blocks, and nobody else. */
export let giveBack: <V>(block: NumaBlock<V>, source: BlockSource) => void;
export let takeOff: <V>(block: NumaBlock<V>, source: BlockSource) => bigint;

/**
 * A block of a {@link NumaPool}, from when it was acquired until it is released or detached. The object
 * is made anew each time, small as it is, so that one from before can be told from the present one; the
 * view in it is kept and comes again with the block.
 */
export class NumaBlock<V = Uint8Array> implements Disposable {
  readonly #source: BlockSource;
  readonly #slot: number;
  readonly #generation: number;
  #view: V | undefined;

  /** @internal Made by {@link NumaPool}. */
  constructor(source: BlockSource, slot: number, generation: number, view: V) {
    this.#source = source;
    this.#slot = slot;
    this.#generation = generation;
    this.#view = view;
  }

  /**
   * The block's memory: as long as the pool's `blockSize`, with whatever the last user has left in it.
   * Do not use it after the block was released: it is somebody else's then.
   *
   * @throws MoiraiError `ERR_MOIRAI_CLOSED` once the block was released or detached by this thread, or the
   * pool was closed by it.
   */
  get view(): V {
    const view = this.#view;
    if (view === undefined || this.#source.closed) throw gone(this.#source.closed);
    return view;
  }

  /** The NUMA node on which the memory lies. */
  get node(): number {
    const { nodes, blocksPerNode } = this.#source;
    return nodes[Math.floor(this.#slot / blocksPerNode)] ?? 0;
  }

  /** Releases the block unless that was done: for `using`. */
  [Symbol.dispose](): void {
    if (this.#view !== undefined) giveBack(this, this.#source);
  }

  static {
    giveBack = (block, source) => {
      block.#check(source);
      if (!block.#source.access.release(block.#slot, block.#generation)) throw notHeld(block);
      block.#view = undefined;
    };
    takeOff = (block, source) => {
      block.#check(source);
      const own = block.#source;
      if (!own.access.detach(block.#slot, block.#generation)) throw notHeld(block);
      block.#view = undefined;
      const generation = own.generation[0] ?? 0;
      return (BigInt(block.#slot) << 32n) | BigInt(generation >>> 0);
    };
  }

  #check(source: BlockSource): void {
    // Another object of this thread for the same pool will do.
    if (this.#source !== source && !this.#source.access.isSame(source.first)) {
      throw invalidRange('block', 'one of this pool', this);
    }
    if (this.#view === undefined) throw notHeld(this);
  }
}

function notHeld(block: unknown): RangeError {
  return invalidRange('block', 'one that is held: not released or detached already', block);
}

function gone(closed: boolean): MoiraiError {
  const what = closed ? 'the pool was closed' : 'the block was released or detached';
  return new MoiraiError('ERR_MOIRAI_CLOSED', what);
}
