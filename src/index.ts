export {
  affinity,
  currentCpu,
  currentNode,
  type Affinity,
  type PinnedAffinity,
} from './affinity/index.js';
export {
  Histogram,
  MoiraiError,
  type ErrorCode,
  type HistogramBucket,
  type MoiraiErrorOptions,
  type WaitOptions,
} from './base/index.js';
export * from './channel/index.js';
export * from './executor/index.js';
export * from './sync/index.js';
export { attach, share, type Shareable, type Shared } from './share/index.js';
export * from './realtime/index.js';
export {
  capabilities,
  type Capabilities,
  type Capability,
  type CapabilityCause,
  type CapabilityName,
  type CapabilityState,
} from './capabilities/index.js';
export {
  numa,
  NumaBlock,
  NumaBuffer,
  NumaPool,
  ObjectPool,
  SharedRegion,
  type AcquireOptions,
  type AllocateOptions,
  type CheckedPolicy,
  type HeldMemory,
  type MemoryCapability,
  type MemoryPolicy,
  type MemoryStatistics,
  type MoveResult,
  type NodeStatistics,
  type Numa,
  type NumaPoolHandle,
  type NumaPoolNodeStats,
  type NumaPoolOptions,
  type NumaPoolStats,
  type ObjectPoolOptions,
  type ObjectPoolStats,
  type PlaceOptions,
  type Placement,
  type PolicyMode,
  type RangePolicyOptions,
  type RegionOptions,
  type RegionViewConstructor,
  type ScopedPolicy,
  type SharedView,
  type Shortfall,
  type ThreadPlacement,
  type ViewConstructor,
} from './memory/index.js';
export {
  loadTopology,
  topology,
  type Cache,
  type CacheType,
  type Core,
  type Cpu,
  type CpuGroup,
  type CpuKind,
  type CpuKindGroup,
  type HugePages,
  type MemoryAccess,
  type NumaNode,
  type Topology,
} from './topology/index.js';
