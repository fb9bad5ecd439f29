// Ticks that are late for the reason that the plan has for their release, and in time otherwise.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { workerData } from 'node:worker_threads';
import { native } from '../../../dist/native.js';
import { kinds, leadUs, periodOf } from './plan.mjs';

const { plan, environment, role, file } = workerData;
const everything = environment === 'fifo' && role === 'victim';
const { periodUs, usualUs, longUs, overUs } = periodOf[environment];
const now = () => native.realtime.now() / 1000;

/** Computes for so long by the CPU's time, whatever else runs: rounds that were counted beforehand. */
const table = new Float64Array(8192).fill(1.000001);
const sink = new Float64Array(1);
function rounds(count) {
  let sum = 0;
  for (let i = 0; i < count; i++) for (let k = 0; k < table.length; k++) sum += table[k];
  sink[0] = sum;
}
let roundUs = Infinity;
for (let i = 0; i < 30; i++) {
  const from = now();
  rounds(20);
  roundUs = Math.min(roundUs, (now() - from) / 20);
}
const compute = (us) => rounds(Math.ceil(us / roundUs));
const spinUntil = (us) => {
  while (now() < us) rounds(1);
};

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
const live = everything ? Array.from({ length: 400_000 }, (_, i) => ({ i })) : [];
const cell = new Int32Array(new SharedArrayBuffer(4));

// What no lock covers: anonymous memory that was given back, and a file that is not in memory any more.
const pageBytes = 4096;
const anonymousBytes = everything ? 96 << 20 : pageBytes;
const anonymous = new Uint8Array(
  new SharedArrayBuffer(anonymousBytes, { maxByteLength: anonymousBytes }),
  0,
  anonymousBytes,
);
const mapping = file === undefined ? undefined : native.region.map(file.descriptor, file.bytes);
const mapped = file === undefined ? undefined : new Uint8Array(mapping.buffer, 0, file.bytes);

/** Pages here and there, so that the kernel reads each of them by itself. */
function touchFile() {
  let page = 1;
  for (let i = 0; i < 400; i++) {
    page = (page * 1103 + 577) % (file.bytes / pageBytes);
    sink[0] += mapped[page * pageBytes];
  }
  native.memory.discard(mapped, 0, file.bytes);
}

const acts = {
  gc,
  'long-tick': () => compute(longUs),
  'page-fault': () => {
    for (let at = 0; at < anonymousBytes; at += pageBytes) anonymous[at] = 1;
    native.memory.discard(anonymous, 0, anonymousBytes);
  },
  'page-fault of a file': () => touchFile(),
  blocked: () => Atomics.wait(cell, 0, 0, longUs / 1000),
  throttling: () => compute(overUs),
  budget: () => compute(overUs),
};

const planned = (expectedUs) => {
  const index = Math.round(expectedUs / periodUs) - plan[0];
  return index < 1 ? undefined : kinds[(plan[index] ?? 0) - 1];
};

/** The one that is to be explained. */
export function victim({ expectedUs }) {
  compute(usualUs);
  acts[planned(expectedUs)]?.();
  if (planned(expectedUs + periodUs) === 'event-loop') {
    setImmediate(() => spinUntil(expectedUs + periodUs + longUs));
  }
}

/** In the same thread, before the victim. */
export function neighbour({ expectedUs }) {
  if (planned(expectedUs + leadUs) === 'other-tick') compute(leadUs + longUs);
}

/** In another thread of a higher priority: before the victim, and when it has begun. */
export function early({ expectedUs }) {
  if (planned(expectedUs + leadUs) === 'late-wakeup') spinUntil(expectedUs + leadUs + longUs);
}
export function hog({ expectedUs }) {
  if (planned(expectedUs) === 'preemption') spinUntil(expectedUs + longUs);
}

/** Kept, so that collections have something to look at. */
export const kept = live;
