// Latencies one after the other, and tasks a second by how many are in flight.

const now = performance.now.bind(performance);

/** In microseconds: p50, p99, p999; tasks a second: rate64, rate10000, … */
export async function rates({ call, input, job, settings }) {
  await throughput(call, input, 1, 0, settings.warmUpMs);
  const result = job.serial === true ? await serial(call, input, settings) : {};
  for (const window of job.windows) {
    const isLast = window === job.windows.at(-1);
    const { warmUpMs, throughputMs } = settings;
    result[`rate${window}`] = await throughput(call, input, window, warmUpMs, throughputMs, isLast);
  }
  return result;
}

export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

async function serial(call, input, { serialMs, serialSamples }) {
  const samples = new Float64Array(serialSamples);
  const end = now() + serialMs;
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
  const at = (share) => quantile(sorted, share) * 1000;
  return { samples: count, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

/**
 * Keeps `window` tasks in flight: each that ends begins the next. Counts what ends within `ms`, from
 * `warmUpMs` after all are in flight; reads the clock at every 64th. What is in flight at the end is
 * waited for unless `leave`.
 */
async function throughput(call, input, window, warmUpMs, ms, leave = false) {
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
  await (leave ? Promise.race(lanes) : Promise.all(lanes));
  return perSecond;
}
