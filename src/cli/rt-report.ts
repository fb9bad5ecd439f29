// What `moirai rt` has to say: as an object for JSON, and as text.
import type { Granted, Histogram, PeriodicStats } from '../index.js';
import type { Latencies } from './cyclictest.js';
import type { RtValues } from './rt-options.js';
import type { Style } from './style.js';
import { textHistogram } from './text-histogram.js';

const columns = ['min', 'p50', 'p90', 'p99', 'p999', 'max'] as const;
type Column = (typeof columns)[number];

/** cyclictest's figures and ours divided by them, or why there are none. */
export type Comparison =
  | { readonly problem: string }
  | {
      readonly latencies: Latencies;
      readonly ratios: Readonly<Partial<Record<Column, number>>>;
    };

export interface RtReport {
  readonly periodUs: number;
  readonly loadUs: number;
  readonly seconds: number;
  readonly mode: 'exclusive' | 'cooperative';
  /** For people: policy, priority, CPUs, mode, as the kernel has them. */
  readonly thread: string;
  readonly granted: Granted;
  readonly ticks: number;
  readonly misses: number;
  readonly overruns: number;
  readonly skipped: number;
  readonly causes: PeriodicStats['causes'];
  /** Microseconds. */
  readonly wakeup: object;
  readonly period: object;
  readonly execution: object;
  readonly cyclictest?: Comparison;
}

export function reportOf(
  { 'period-us': periodUs, load: loadUs, mode }: RtValues,
  granted: Granted,
  stats: PeriodicStats,
  seconds: number,
  comparison: Comparison | undefined,
): RtReport {
  const { ticks, misses, overruns, skipped, causes } = stats;
  return {
    periodUs,
    loadUs,
    seconds,
    mode,
    thread: threadOf(granted, mode),
    granted,
    ticks,
    misses,
    overruns,
    skipped,
    causes,
    wakeup: { ...stats.wakeup.toJSON(), buckets: stats.wakeup.buckets },
    period: stats.period.toJSON(),
    execution: stats.execution.toJSON(),
    ...(comparison === undefined ? {} : { cyclictest: comparison }),
  };
}

const policyNames = {
  other: 'no real-time policy',
  fifo: 'SCHED_FIFO',
  'round-robin': 'SCHED_RR',
  deadline: 'SCHED_DEADLINE',
} as const;

function threadOf({ policy, priority, cpus, runtimeUs }: Granted, mode: string): string {
  const number = policy === 'deadline' ? ` ${runtimeUs} µs` : priority > 0 ? ` ${priority}` : '';
  return `${policyNames[policy]}${number}, CPU ${cpus.join(', ')}, ${mode}`;
}

export function reportText(report: RtReport, wakeup: Histogram, style: Style): string {
  const { ticks, periodUs, seconds, thread, misses, overruns, skipped, cyclictest } = report;
  const rows: [string, Partial<Record<Column, number>>, number][] = [
    ['wake-up µs', report.wakeup, 1],
    ['execution µs', report.execution, 1],
  ];
  if (cyclictest !== undefined && 'latencies' in cyclictest) {
    rows.push(['cyclictest µs', cyclictest.latencies, 0], ['ratio', cyclictest.ratios, 2]);
  }
  const cell = (text: string): string => text.padStart(10);
  const number = (value: number | undefined, digits: number): string =>
    value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits);
  const heads = columns.map((name) => cell(name === 'p999' ? 'p99.9' : name)).join('');
  const table = rows.map(([name, figures, digits]) => {
    const cells = columns.map((column) => cell(number(figures[column], digits)));
    return `${name.padEnd(14)}${cells.join('')}`;
  });
  const bad = misses + overruns + skipped > 0;
  const causes = Object.entries(report.causes).map(([name, count]) => `${count} × ${name}`);
  const why = causes.length === 0 ? '' : ` (${causes.join(', ')})`;
  const ends = `${misses} missed${why}, ${overruns} overruns, ${skipped} skipped`;
  return [
    `${ticks.toLocaleString('en')} ticks of ${periodUs} µs in ${seconds.toFixed(1)} s: ${thread}`,
    ...report.granted.degraded.map(({ what, why: reason }) =>
      style('yellow', `${what}: ${reason}`),
    ),
    '',
    style('dim', `${''.padEnd(14)}${heads}`),
    ...table,
    '',
    style(bad ? 'yellow' : 'green', ends),
    ...(cyclictest !== undefined && 'problem' in cyclictest ? [cyclictest.problem] : []),
    '',
    style('bold', 'wake-up latency, µs'),
    textHistogram(wakeup),
  ].join('\n');
}
