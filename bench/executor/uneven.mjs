// Tasks of very different length, all given at once: how near the end comes to the earliest one that
// any schedule could reach. A task is over when the clock says so, also while its thread was not on a
// CPU: what is measured is the order and the gaps, not the speed of the machine.

const shortest = 1;
const longest = 1000;

/** The same list for everybody: bounded Pareto, exponent 1/2 (mean 32 µs), by a fixed seed. */
export function lengths(totalUs) {
  let state = 0x9e3779b9;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const list = [];
  for (let sum = 0; sum < totalUs; sum += list.at(-1)) {
    list.push(shortest / (1 - random() * (1 - Math.sqrt(shortest / longest))) ** 2);
  }
  return list;
}

/** The makespan, in milliseconds and as a multiple of the ideal: the median of `repeat` times. */
export async function uneven({ call, job, settings }) {
  const list = lengths(settings.unevenMs * 1000);
  const total = list.reduce((sum, us) => sum + us, 0);
  const ideal = Math.max(total / job.workers, ...list) / 1000;
  const times = [];
  await Promise.all(list.slice(0, 100).map((us) => call(us)));
  for (let i = 0; i < settings.unevenRepeats; i++) {
    const start = performance.now();
    await Promise.all(list.map((us) => call(us)));
    times.push(performance.now() - start);
  }
  const makespan = times.toSorted((a, b) => a - b)[times.length >> 1];
  return { tasks: list.length, idealMs: ideal, makespanMs: makespan, overIdeal: makespan / ideal };
}
