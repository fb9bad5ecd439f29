// Locks and what else threads wait on or share, in one process and between processes.
export { Condition } from './condition.js';
export { debugLocks } from './lock-order.js';
export { MutexGuard } from './guard.js';
export { Mutex, type MutexOptions } from './mutex.js';
export type { SharedOptions } from './place.js';
export { SharedMap, type SharedMapKey, type SharedMapOptions } from './shared-map.js';
export { SharedStack, type SharedStackOptions, type StackValue } from './shared-stack.js';
