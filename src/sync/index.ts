// Locks and what else threads wait on, in one process and between processes.
export { MutexGuard } from './guard.js';
export { Mutex, type MutexOptions } from './mutex.js';
export type { SharedOptions } from './place.js';
