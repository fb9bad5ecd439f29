/**
 * For code that runs inside tasks.
 *
 * @module moirai/worker
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import { storageOf } from './executor/caller-context.js';
import { currentOne, followTasks, type CurrentTask } from './executor/current-task.js';
import { workerContext } from './executor/worker-context.js';
import { Transferred } from './executor/transferred.js';
import type { Transferable } from './executor/options.js';

const context = workerContext();

/**
 * The value given as `workerData` to `Executor.start`, cloned once for this worker. Undefined where this
 * module is loaded outside of a worker.
 */
export const workerData: unknown = context.workerData;

/**
 * This worker's number, from 0. A worker that replaces a lost one has its number. -1 outside of a worker.
 */
export const workerIndex: number = context.workerIndex;

// Whoever loads this module may ask for the current task, so tasks are followed from here on.
followTasks();

export type { CurrentTask };

/**
 * The task that this code runs for, directly or after any `await` in it. Throws NOT_SUPPORTED outside
 * of tasks.
 *
 * @example
 * export async function fetchAll(urls: readonly string[]) {
 *   const { signal } = currentTask();
 *   return Promise.all(urls.map(async (url) => (await fetch(url, { signal })).text()));
 * }
 */
export function currentTask(): CurrentTask {
  return currentOne();
}

/**
 * The storage in which tasks find the caller's value of the AsyncLocalStorage that was given under
 * this name in `Executor.start({ context })`. The value is a copy, taken when the task was spawned.
 *
 * @example
 * const requestId = contextStorage<string>('requestId');
 * export function log(text: string): void {
 *   console.log(requestId.getStore(), text);
 * }
 */
export function contextStorage<T>(name: string): AsyncLocalStorage<T> {
  return storageOf(name) as AsyncLocalStorage<T>;
}

/**
 * Marks a task's result so that the listed objects in it move to the caller instead of being copied.
 *
 * @example
 * export function render(): ArrayBuffer {
 *   const pixels = new ArrayBuffer(1 << 20);
 *   return transfer(pixels, [pixels]);
 * }
 */
export function transfer<T>(value: T, list: readonly Transferable[]): T {
  return new Transferred(value, list) as T;
}
