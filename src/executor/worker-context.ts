// What an executor has told the worker that this thread is.

export interface WorkerContext {
  readonly workerData: unknown;
  readonly workerIndex: number;
}

/** Elsewhere a task module can be loaded all the same, as its own tests do. */
let current: WorkerContext = { workerData: undefined, workerIndex: -1 };

export function setWorkerContext(context: WorkerContext): void {
  current = context;
}

export function workerContext(): WorkerContext {
  return current;
}
