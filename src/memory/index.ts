// Memory with a place on the machine: policies, buffers bound to nodes, what is where.
export type { AllocateOptions } from './allocate.js';
export type { MoveResult } from './move.js';
export {
  NumaBuffer,
  type RangePolicyOptions,
  type SharedView,
  type ViewConstructor,
} from './numa-buffer.js';
export { numa, type Numa } from './numa.js';
export { NumaBlock } from './numa-block.js';
export { NumaPool, type AcquireOptions } from './numa-pool.js';
export type { NumaPoolHandle, NumaPoolOptions } from './numa-pool-handle.js';
export type { NumaPoolNodeStats, NumaPoolStats } from './numa-pool-stats.js';
export { ObjectPool } from './object-pool.js';
export type { ObjectPoolOptions, ObjectPoolStats } from './object-pool-options.js';
export type { Placement, PlaceOptions } from './place.js';
export type { CheckedPolicy, MemoryPolicy, PolicyMode } from './policy.js';
export type { MemoryCapability, Shortfall } from './shortfall.js';
export { SharedRegion, type RegionOptions, type RegionViewConstructor } from './shared-region.js';
/** For modules that lay out such files themselves. */
export * as regionFiles from './region-files.js';
export type { HeldMemory, MemoryStatistics, NodeStatistics } from './statistics.js';
export type { ScopedPolicy, ThreadPlacement } from './thread-policy.js';
