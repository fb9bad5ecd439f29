// Worker threads that run tasks.
export {
  Executor,
  type ExecutorEvents,
  type ExecutorStats,
  type WorkerStats,
} from './executor.js';
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
