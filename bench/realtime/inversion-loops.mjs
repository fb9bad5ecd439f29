// The three threads of a priority inversion: what each does once a period, and when it ran.
// workerData: { mutex: handle, log: SharedArrayBuffer, periodUs, work: { low, middle, high } } (ms)
import { workerData } from 'node:worker_threads';
import { attach } from 'moirai';

const mutex = attach(workerData.mutex);
const log = new Float64Array(workerData.log);
/** From performance.now() to CLOCK_MONOTONIC: of several looks at both clocks the shortest. */
const { origin } = Array.from({ length: 9 }, () => {
  const before = performance.now();
  const clock = Number(process.hrtime.bigint()) / 1e6;
  return { origin: clock - before, took: performance.now() - before };
}).reduce((best, look) => (look.took < best.took ? look : best));
/** A thread that sees no time for so long did not run. */
const gapMs = 0.2;

/** The log: how many entries, then [round, kind, from, to], times in ms of CLOCK_MONOTONIC. */
const runs = 0;
const waits = 1;
const holds = 2;

function note(round, kind, from, to) {
  const at = 1 + 4 * log[0];
  if (at + 4 > log.length) return;
  log.set([round, kind, from + origin, to + origin], at);
  log[0] += 1;
}

/** Works for so long by the time in which it had the CPU. */
function work(round, ms) {
  let left = ms;
  let begin = performance.now();
  let last = begin;
  while (left > 0) {
    const now = performance.now();
    if (now - last > gapMs) {
      note(round, runs, begin, last);
      begin = now;
    } else {
      left -= now - last;
    }
    last = now;
  }
  note(round, runs, begin, last);
}

function locked(round, ms) {
  const before = performance.now();
  const guard = mutex.lock();
  const had = performance.now();
  note(round, waits, before, had);
  work(round, ms);
  note(round, holds, had, performance.now());
  guard.unlock();
}

/** The same for all three in a period. */
function roundOf(tick) {
  return Math.floor(tick.expectedUs / workerData.periodUs);
}

export function low(tick) {
  locked(roundOf(tick), workerData.work.low);
}

export function middle(tick) {
  work(roundOf(tick), workerData.work.middle);
}

export function high(tick) {
  locked(roundOf(tick), workerData.work.high);
}
