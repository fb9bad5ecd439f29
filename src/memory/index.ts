// Memory with a place on the machine: policies, buffers bound to nodes, what is where.
export type { AllocateOptions } from './allocate.js';
export { NumaBuffer, type Placement, type ViewConstructor } from './numa-buffer.js';
export { numa, type Numa } from './numa.js';
export type { MemoryPolicy, PolicyMode } from './policy.js';
export type { MemoryCapability, Shortfall } from './shortfall.js';
export type { ScopedPolicy, ThreadPlacement } from './thread-policy.js';
