// What the machine is and what this process may use of it, read from sysfs, procfs and cgroups.
export { findCgroups } from './cgroups.js';
export { loadTopology, topology } from './live.js';
export { cpusByDistance, distanceClass, victimOrder } from './proximity.js';
export { SystemFiles } from './system-files.js';
export type { Topology } from './topology.js';
export type {
  Cache,
  CacheType,
  Core,
  Cpu,
  CpuGroup,
  CpuKind,
  CpuKindGroup,
  HugePages,
  MemoryAccess,
  NumaNode,
} from './types.js';
