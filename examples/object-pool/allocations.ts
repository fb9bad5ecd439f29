// What is allocated while a function runs, as V8 itself counts it.
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export interface Allocations {
  /** Bytes on the heap and in array buffers together. */
  readonly bytes: number;
  /** Runs of the garbage collector. */
  readonly collections: number;
}

const inUse = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/**
 * Calls `step` so often and adds up by how much the memory in use has grown from call to call. A call in
 * which the collector worked would count too little or less than nothing: it is left out.
 */
export async function allocationsOf(
  steps: number,
  step: (index: number) => void,
): Promise<Allocations> {
  collectGarbage();
  let collections = 0;
  const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
  observer.observe({ entryTypes: ['gc'] });
  let bytes = 0;
  for (let index = 0; index < steps; index++) {
    const before = inUse();
    step(index);
    bytes += Math.max(0, inUse() - before);
  }
  await sleep(50); // entries come by the event loop
  observer.disconnect();
  return { bytes, collections };
}
