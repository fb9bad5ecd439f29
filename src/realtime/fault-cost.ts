// What a page fault without I/O costs on this machine: measured, because it differs by ten times between
// bare metal and virtual machines.
import { native } from '../native.js';

const pages = 64;
let known: number | undefined;

/** In ns, with the clearing of the page; measured once, in some 0.5 ms. */
export function faultCostNs(): number {
  known ??= Math.min(measure(), measure(), measure());
  return known;
}

function measure(): number {
  const { memory, realtime } = native;
  const bytes = pages * memory.pageBytes;
  // Growable ones are mapped afresh.
  const buffer = new SharedArrayBuffer(bytes, { maxByteLength: bytes });
  const view = new Uint8Array(buffer, 0, bytes);
  const from = realtime.now();
  memory.touch(view, 0, bytes);
  return (realtime.now() - from) / pages;
}
