export {
  affinity,
  currentCpu,
  currentNode,
  type Affinity,
  type PinnedAffinity,
} from './affinity/index.js';
export { Histogram, MoiraiError, type ErrorCode, type HistogramBucket } from './base/index.js';
export * from './executor/index.js';
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
  NumaBuffer,
  type AllocateOptions,
  type MemoryCapability,
  type MemoryPolicy,
  type Numa,
  type Placement,
  type PolicyMode,
  type ScopedPolicy,
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
