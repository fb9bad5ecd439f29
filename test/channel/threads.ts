// What the tests of channels have in common: threads at the other end, and failures to look at.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const fixture = new URL('./fixtures/ends.mjs', import.meta.url);

/** A thread that does a job of fixtures/ends.mjs, and its end. */
export function startThread(workerData: { job: string; [end: string]: unknown }): {
  worker: Worker;
  exit: Promise<unknown>;
} {
  const worker = new Worker(fixture, { workerData });
  return { worker, exit: once(worker, 'exit') };
}

/** Whether these are two sequences that grow, merged: no value comes after two greater ones. */
export function areTwoThatGrow(values: readonly number[]): boolean {
  let low = -1;
  let high = -1;
  for (const value of values) {
    if (value >= high) high = value;
    else if (value < low) return false;
    else low = value;
  }
  return true;
}

export function code(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

export async function failure(
  promise: Promise<unknown>,
): Promise<{ code: unknown; value?: unknown }> {
  try {
    await promise;
    return { code: 'none' };
  } catch (error) {
    return error as { code: unknown; value?: unknown };
  }
}
