/**
 * For code that runs inside tasks.
 *
 * @module moirai/worker
 */
import { workerContext } from './executor/worker-context.js';
import { Transferred } from './executor/transferred.js';
import type { Transferable } from './executor/options.js';

const context = workerContext();

/** The value given as `workerData` to `Executor.start`, cloned once for this worker. */
export const workerData: unknown = context.workerData;

/** This worker's number, from 0. A worker that replaces a lost one has its number. */
export const workerIndex: number = context.workerIndex;

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
