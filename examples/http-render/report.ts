// One column for each way of rendering.
import type { IntervalHistogram } from 'node:perf_hooks';
import type { LoadResult } from './load.js';

export interface Measured {
  readonly title: string;
  readonly load: LoadResult;
  /** How late the event loop came to its timers, in milliseconds. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** The histogram has the time between two ticks; the loop was late by what exceeds their period. */
export function lateness(histogram: IntervalHistogram, periodMs: number): Measured['delay'] {
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - periodMs);
  return {
    p50: late(histogram.percentile(50)),
    p99: late(histogram.percentile(99)),
    max: late(histogram.max),
  };
}

export function comparisonTable(columns: readonly Measured[]): string {
  const rows: [string, (measured: Measured) => string][] = [
    ['pictures', ({ load }) => `${load.statuses[200] ?? 0} of ${load.pictures.length}`],
    ['pictures per second', ({ load }) => (load.pictures.length / load.seconds).toFixed(1)],
    ['picture p50', ({ load }) => ms(percentile(load.pictures, 50))],
    ['picture p99', ({ load }) => ms(percentile(load.pictures, 99))],
    ['/health p50', ({ load }) => ms(percentile(load.probes, 50))],
    ['/health p99', ({ load }) => ms(percentile(load.probes, 99))],
    ['event-loop delay p50', ({ delay }) => ms(delay.p50)],
    ['event-loop delay p99', ({ delay }) => ms(delay.p99)],
    ['event-loop delay max', ({ delay }) => ms(delay.max)],
  ];
  const line = (label: string, cells: readonly string[]) =>
    `  ${label.padEnd(20)}${cells.map((cell) => cell.padStart(16)).join('')}`;
  return [
    line(
      '',
      columns.map(({ title }) => title),
    ),
    ...rows.map(([label, cell]) => line(label, columns.map(cell))),
  ].join('\n');
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN;
}
