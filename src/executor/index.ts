// Worker threads that run tasks.
export type { Codec } from '../codec/index.js';
export { Executor } from './executor.js';
export type { TaskFault } from './fault.js';
export type { MetricsOptions, MetricsSink } from './metrics-sink.js';
export type {
  ExecutorEvents,
  ExecutorStats,
  HeapSample,
  HintCounts,
  NodeStats,
  StealCounts,
  DeadlineCounts,
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
export type { ExecutorControl, TaskManager, TaskSpawner } from './roles.js';
export type { CurrentTask } from './current-task.js';
export type { PlacementPolicy, WorkerPlace } from './placement-policy.js';
export { TaskHandle, type CancelOptions, type TaskStatus } from './task-handle.js';
export type { Priority } from './task-order.js';
export type { QueuedTask, QueuePolicy } from './waiting-room.js';
export type {
  TaskArguments,
  TaskItem,
  TaskModule,
  TaskName,
  TaskResult,
  TaskRunner,
} from './task-types.js';
