// Percentiles of plain numbers, by rank, under the names that a Histogram has.
export function percentiles(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (percent) => sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  return {
    count: sorted.length,
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: sorted.at(-1),
  };
}
