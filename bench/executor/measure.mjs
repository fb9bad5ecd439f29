// One contender with one workload in a process of its own; started by main.mjs. Prints one line of
// JSON: latencies of a serial run in microseconds, tasks a second by tasks in flight, and where the
// threads were.
import { contenders } from './contenders.mjs';
import { threadMasks } from './placement.mjs';
import { workloads } from './workloads.mjs';

const request = JSON.parse(process.argv[2]);
const { cpus, settings } = request;
const { input, isRight } = workloads[request.workload];
const now = performance.now.bind(performance);

const before = threadMasks();
const call = await contenders[request.contender].start(request.workload, cpus);
await check();

await throughput(1, 0, settings.warmUpMs);
const result = { latency: await serial(), perSecond: {}, threads: threads() };
for (const window of request.windows) {
  result.perSecond[window] = await throughput(window, settings.warmUpMs, settings.throughputMs);
}
// Whatever is still in flight is not waited for.
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

async function check() {
  for (let i = 0; i < 100; i++) {
    const value = input(i);
    const answer = await call(value);
    if (!isRight(value, answer)) throw new Error(`wrong answer: ${JSON.stringify(answer)}`);
  }
}

async function serial() {
  const samples = new Float64Array(settings.serialSamples);
  const end = now() + settings.serialMs;
  let count = 0;
  while (count < samples.length) {
    const value = input(count);
    const start = now();
    await call(value);
    const stop = now();
    samples[count++] = stop - start;
    if (stop >= end) break;
  }
  const sorted = samples.subarray(0, count).toSorted();
  const at = (share) => sorted[Math.min(count - 1, Math.floor(count * share))] * 1000;
  return { samples: count, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

/**
 * Keeps `window` tasks in flight: each that ends begins the next. Counts what ends within `ms`, from
 * `warmUpMs` after all are in flight; reads the clock at every 64th.
 */
async function throughput(window, warmUpMs, ms) {
  const run = { going: true };
  let begun = 0;
  let ended = 0;
  let from = Number.POSITIVE_INFINITY;
  let endedBefore = -1;
  let perSecond = 0;
  const look = () => {
    const time = now();
    if (endedBefore < 0) {
      if (time < from) return;
      from = time;
      endedBefore = ended;
    } else if (run.going && time >= from + ms) {
      run.going = false;
      perSecond = ((ended - endedBefore) / (time - from)) * 1000;
    }
  };
  const lane = async () => {
    while (run.going) {
      await call(input(begun++));
      if ((++ended & 63) === 0) look();
    }
  };
  const lanes = Array.from({ length: window }, lane);
  from = now() + warmUpMs;
  const isLast = window === request.windows.at(-1);
  await (isLast ? Promise.race(lanes) : Promise.all(lanes));
  return perSecond;
}

/** Threads that were not there before the contender started, by the CPUs they may use. */
function threads() {
  const masks = threadMasks();
  const main = masks.get(process.pid);
  return { main, others: [...masks].filter(([id]) => !before.has(id)).map(([, mask]) => mask) };
}
