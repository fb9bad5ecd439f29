// The tick of `moirai rt`, loaded into the real-time thread: computes for as long as it was told, and
// allocates nothing.
import { performance } from 'node:perf_hooks';
import { workerData } from 'node:worker_threads';

const calibrationRounds = 20_000;
let state = 1;

function compute(rounds: number): void {
  for (let i = 0; i < rounds; i++) state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
}

/** The fastest of some runs: the others were disturbed, or not compiled yet. */
function roundsFor(us: number): number {
  if (us === 0) return 0;
  let fastestMs = Infinity;
  for (let run = 0; run < 50; run++) {
    const began = performance.now();
    compute(calibrationRounds);
    fastestMs = Math.min(fastestMs, performance.now() - began);
  }
  return Math.round((us / 1000 / fastestMs) * calibrationRounds);
}

const rounds = roundsFor(workerData as number);

export function tick(): void {
  compute(rounds);
}
