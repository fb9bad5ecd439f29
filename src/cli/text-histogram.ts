// A histogram as lines of text: rows on a logarithmic scale, bars in proportion to the counts.
import type { Histogram } from '../index.js';

const barWidth = 40;
const mostRows = 18;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/** Where rows begin in each decade, the finest first. */
const series = [[1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1]];

export function textHistogram({ buckets, min, max, count }: Histogram): string {
  if (count === 0) return 'no values\n';
  const bounds = boundsFor(min, max);
  const rows = bounds.slice(1).map((to, index) => ({ from: bounds[index] ?? 0, to, count: 0 }));
  for (const bucket of buckets) {
    const middle = Math.min(max, (bucket.from + bucket.to) / 2);
    const row = rows.find(({ to }) => middle < to) ?? rows.at(-1);
    if (row !== undefined) row.count += bucket.count;
  }
  const tallest = Math.max(...rows.map((row) => row.count));
  const width = Math.max(...bounds.map((bound) => String(bound).length));
  const digits = tallest.toLocaleString('en').length;
  const lines = rows.map((row) => {
    const range = `${String(row.from).padStart(width)} – ${String(row.to).padEnd(width)}`;
    return `${range} ${row.count.toLocaleString('en').padStart(digits)} ${bar(row.count / tallest)}`;
  });
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** One value among millions is seen as well. */
function bar(share: number): string {
  if (share === 0) return '';
  const length = Math.max(1, Math.round(share * barWidth * 8));
  return '█'.repeat(Math.floor(length / 8)) + (eighths[length % 8] ?? '');
}

/** Round numbers around all values; the finest series that gives few rows. */
function boundsFor(min: number, max: number): number[] {
  // Below that there are no clocks.
  const least = Math.max(min, 0.001);
  for (const steps of series) {
    const bounds: number[] = [];
    for (let power = Math.floor(Math.log10(least)); ; power++) {
      for (const step of steps) bounds.push(Number((step * 10 ** power).toPrecision(3)));
      if (10 ** (power + 1) > max) {
        bounds.push(Number((10 ** (power + 1)).toPrecision(3)));
        break;
      }
    }
    const first = Math.max(
      0,
      bounds.findLastIndex((bound) => bound <= min),
    );
    const last = bounds.findIndex((bound) => bound > max);
    const used = bounds.slice(first, last < 0 ? undefined : last + 1);
    if (used.length <= mostRows + 1 || steps.length === 1) return used;
  }
  return [min, max];
}
