// What a pool counts, over all threads.
import type { NativeNumaPool } from '../native.js';
import type { Placement } from './place.js';
import type { PoolRegion } from './pool-regions.js';

/** One node's part of a pool. */
export interface NumaPoolNodeStats {
  readonly node: number;
  /** Whether the memory is where it should be; see `NumaBuffer.placement`. */
  readonly placement: Placement;
  readonly blocks: number;
  readonly inUse: number;
  /** `inUse` by `blocks`, 0 to 1. */
  readonly utilization: number;
  /** Most that were in use at a time. */
  readonly highWater: number;
  /** Acquires for this node that found it full. */
  readonly overflows: number;
  /** Blocks given to those who wanted another node. */
  readonly guests: number;
  /** Blocks taken back from threads that ended with them, or forgot them with the pool. */
  readonly reclaimed: number;
}

export interface NumaPoolStats {
  readonly nodes: readonly NumaPoolNodeStats[];
  readonly blocks: number;
  readonly inUse: number;
  readonly utilization: number;
  /** Blocks that were not on the node asked for. */
  readonly fallbacks: number;
}

/** Of {@link NativeNumaPool.stats}. */
const numbersPerNode = 6;

export function readStats(
  access: NativeNumaPool,
  regions: readonly PoolRegion[],
  blocks: number,
): NumaPoolStats {
  const numbers = new Float64Array(regions.length * numbersPerNode);
  access.stats(numbers);
  const nodes = regions.map(({ node, placement }, i): NumaPoolNodeStats => {
    const own = numbers.subarray(i * numbersPerNode, (i + 1) * numbersPerNode);
    const [inUse = 0, highWater = 0, , overflows = 0, guests = 0, reclaimed = 0] = own;
    const utilization = inUse / blocks;
    return { node, placement, blocks, inUse, utilization, highWater, overflows, guests, reclaimed };
  });
  const all = blocks * nodes.length;
  const inUse = nodes.reduce((sum, each) => sum + each.inUse, 0);
  const fallbacks = nodes.reduce((sum, each) => sum + each.guests, 0);
  return { nodes, blocks: all, inUse, utilization: inUse / all, fallbacks };
}
