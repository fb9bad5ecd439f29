// How long a burst takes from its first task begun to its last one settled, workers rested before.
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from './rates.mjs';

const size = 1000;
const pauseMs = 5;
const warmUps = 5;
const atLeast = 10;

/** In milliseconds: p50, p99 over the bursts of this process. */
export async function bursts({ call, input, settings }) {
  const times = [];
  const tasks = new Array(size);
  const end = performance.now() + settings.burstsMs;
  for (let i = 0; i < warmUps + atLeast || performance.now() < end; i++) {
    const start = performance.now();
    for (let j = 0; j < size; j++) tasks[j] = call(input(j));
    await Promise.all(tasks);
    if (i >= warmUps) times.push(performance.now() - start);
    await sleep(pauseMs);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { bursts: times.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}
