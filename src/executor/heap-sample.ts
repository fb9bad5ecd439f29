// A worker's look at its own heap, when the native side says that one is due.
import { getHeapStatistics } from 'node:v8';
import type { NativeSeat } from '../native.js';

/** Of the scratch array: not 0 when a sample is due. */
const heapDue = 7;

export function tellHeapIfDue(native: NativeSeat, scratch: Float64Array): void {
  if (scratch[heapDue] !== 0) native.tellHeap(getHeapStatistics().used_heap_size);
}
