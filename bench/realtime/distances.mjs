// What is said of how far calls were from the ideal grid. Distances are in µs.

/** Whole µs up to 100, then so that a step is at most 10 %. Always rounded down, as cyclictest counts. */
export function bucketOf(us) {
  if (us < 100) return Math.floor(us);
  const step = 10 ** (Math.floor(Math.log10(us)) - 1);
  return Math.floor(us / step) * step;
}

/** `counts`: a Map from a distance to how often it was. */
export function summarize(counts) {
  const sorted = [...counts].toSorted(([a], [b]) => a - b);
  const count = sorted.reduce((sum, [, times]) => sum + times, 0);
  const at = (percent) => {
    const rank = Math.max(1, Math.ceil((percent / 100) * count));
    let seen = 0;
    return sorted.find(([, times]) => (seen += times) >= rank)?.[0];
  };
  const histogram = new Map();
  for (const [us, times] of sorted) {
    histogram.set(bucketOf(us), (histogram.get(bucketOf(us)) ?? 0) + times);
  }
  return {
    ticks: count,
    late: { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: sorted.at(-1)?.[0] },
    histogram: [...histogram],
  };
}

export function summarizeAll(distances) {
  const counts = new Map();
  for (const us of distances) counts.set(us, (counts.get(us) ?? 0) + 1);
  return summarize(counts);
}

/** By how many µs the last thousand calls (of fewer: the last tenth) were later than the first. */
export function driftOf(distances) {
  const few = Math.min(1000, Math.ceil(distances.length / 10));
  const middle = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  return middle(distances.slice(-few)) - middle(distances.slice(0, few));
}
