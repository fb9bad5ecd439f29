// What an executor is to those who use one side of it only.
import type { CloseOptions, MapOptions, SpawnOptions } from './options.js';
import type { ExecutorStats } from './reports.js';
import type { CancelOptions, TaskHandle, TaskStatus } from './task-handle.js';
import type {
  TaskArguments,
  TaskItem,
  TaskModule,
  TaskName,
  TaskResult,
  TaskRunner,
} from './task-types.js';
import type { TaskView, TaskViewKind } from './task-view.js';

/** Who gives tasks. See `Executor` for each method. */
export interface TaskSpawner<M extends TaskModule> {
  readonly run: TaskRunner<M>;
  spawn<K extends TaskName<M>>(
    name: K,
    args: TaskArguments<M, K>,
    options?: SpawnOptions,
  ): TaskHandle<TaskResult<M, K>>;
  call<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  map<K extends TaskName<M>>(
    name: K,
    source: Iterable<TaskItem<M, K>> | AsyncIterable<TaskItem<M, K>>,
    options?: MapOptions,
  ): AsyncGenerator<TaskResult<M, K>, void, undefined>;
}

/** Who watches tasks, whoever gave them. */
export interface TaskManager {
  readonly queued: number;
  taskStatus(id: number): TaskStatus | undefined;
  cancelTask(id: number, reason?: unknown, options?: CancelOptions): boolean;
  tasksView(kind: TaskViewKind): readonly TaskView[];
  stats(): ExecutorStats;
}

/** Who decides how many workers there are, and when it is over. */
export interface ExecutorControl extends AsyncDisposable {
  readonly threads: number;
  readonly isClosing: boolean;
  resize(threads: number): Promise<void>;
  idle(): Promise<void>;
  close(options?: CloseOptions): Promise<void>;
}
