// What a task can ask of the worker it runs in.
import { MoiraiError } from '../base/index.js';

export interface WorkerContext {
  readonly workerData: unknown;
  readonly workerIndex: number;
}

let current: WorkerContext | undefined;

export function setWorkerContext(context: WorkerContext): void {
  current = context;
}

export function workerContext(): WorkerContext {
  if (current === undefined) {
    throw new MoiraiError(
      'ERR_MOIRAI_NOT_SUPPORTED',
      'moirai/worker is for code that runs in an executor\'s worker thread',
    );
  }
  return current;
}
