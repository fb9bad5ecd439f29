// Locks and what else threads wait on or share, in one process and between processes.
export { Barrier, type BarrierOptions } from './barrier.js';
export { Condition } from './condition.js';
export { debugLocks } from './lock-order.js';
export { MutexGuard } from './guard.js';
export { Mutex, type MutexOptions } from './mutex.js';
export { Once } from './once.js';
export type { SharedOptions } from './place.js';
export { ReadGuard, WriteGuard } from './rw-guards.js';
export { RwLock, type RwLockOptions } from './rw-lock.js';
export { Permits, Semaphore, type SemaphoreOptions } from './semaphore.js';
export { SharedMap, type SharedMapKey, type SharedMapOptions } from './shared-map.js';
export { SharedStack, type SharedStackOptions, type StackValue } from './shared-stack.js';
export { WaitGroup } from './wait-group.js';
