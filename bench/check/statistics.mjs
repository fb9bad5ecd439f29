// Wilcoxon's signed-rank interval for the median of paired log ratios, with the estimate of Hodges
// and Lehmann: the median of all means of two. Outliers move it little, and that both sides of a pair
// were measured under the same load is what makes the differences symmetric. Hollander, Wolfe,
// Chicken: Nonparametric Statistical Methods, 3rd ed., section 3.3.
import { median } from '../machine.mjs';

/**
 * The ratio and its interval at the two-sided `level`; [0, ∞] where there are too few for that level.
 * O(n² log n).
 */
export function ratioInterval(logRatios, level) {
  const means = [];
  for (const [index, value] of logRatios.entries()) {
    for (const other of logRatios.slice(index)) means.push((value + other) / 2);
  }
  means.sort((a, b) => a - b);
  const n = logRatios.length;
  const z = normalQuantile((1 + level) / 2);
  const rank = Math.floor((n * (n + 1)) / 4 - z * Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24));
  const enough = rank >= 1;
  return {
    ratio: Math.exp(median(means)),
    low: enough ? Math.exp(means[rank - 1]) : 0,
    high: enough ? Math.exp(means[means.length - rank]) : Number.POSITIVE_INFINITY,
    pairs: n,
  };
}

/** Of the standard normal distribution, by bisection of its distribution function. */
function normalQuantile(share) {
  let [low, high] = [-10, 10];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Abramowitz and Stegun 7.1.26: off by less than 1e-7. */
function normalBelow(x) {
  const u = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * u);
  const [a, b, c, d, e] = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];
  const erf = 1 - t * (a + t * (b + t * (c + t * (d + t * e)))) * Math.exp(-u * u);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}
