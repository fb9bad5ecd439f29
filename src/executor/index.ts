// Worker threads that run tasks.
export { Executor } from './executor.js';
export type { TaskFault } from './fault.js';
export type { MetricsOptions, MetricsSink } from './metrics-sink.js';
export type { TaskPriority } from './priorities.js';
export type {
  ExecutorEvents,
  ExecutorStats,
  HeapSample,
  StealCounts,
  TaskCounts,
  WorkerStats,
} from './reports.js';
export type { StatisticsOptions } from './statistics-options.js';
export type { TaskMetrics, TaskView, TaskViewKind } from './task-view.js';
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
