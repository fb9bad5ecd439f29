// Worker threads that run tasks.
export type { Codec } from '../codec/index.js';
export { Executor } from './executor.js';
export type { ExecutorEvents, ExecutorStats, WorkerStats } from './reports.js';
export type {
  CloseOptions,
  ExecutorOptions,
  MapOptions,
  SpawnOptions,
  Transferable,
} from './options.js';
export { TaskHandle, type TaskStatus } from './task-handle.js';
export type {
  TaskArguments,
  TaskItem,
  TaskModule,
  TaskName,
  TaskResult,
  TaskRunner,
} from './task-types.js';
