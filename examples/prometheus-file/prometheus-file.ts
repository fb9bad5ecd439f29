// A metrics sink of one's own: writes an executor's statistics in Prometheus's text format to a file, for
// node_exporter's textfile collector or any web server to hand out.
import { renameSync, writeFileSync } from 'node:fs';
import type { ExecutorStats, Histogram, MetricsSink } from 'moirai';

export class PrometheusFile implements MetricsSink {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Whoever reads the file sees the whole of one record: it takes the other's place at once. */
  record(stats: ExecutorStats): void {
    const partial = `${this.#path}.partial`;
    writeFileSync(partial, exposition(stats));
    renameSync(partial, this.#path);
  }
}

/** The text of one record. Times are in seconds, as Prometheus has them. */
function exposition(stats: ExecutorStats): string {
  const lines: string[] = [];
  const describe = (name: string, type: string, help: string): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  };

  describe('tasks_outstanding', 'gauge', 'Tasks that are queued or running.');
  lines.push(`tasks_outstanding ${stats.outstanding}`);

  describe('tasks_total', 'counter', 'Tasks that have ended, by how.');
  const { done, failed, cancelled, lost } = stats.tasks;
  for (const [outcome, count] of Object.entries({ done, failed, cancelled, lost })) {
    lines.push(`tasks_total{outcome="${outcome}"} ${count}`);
  }

  describe('task_waiting_seconds', 'summary', 'Between queued and begun, by priority.');
  for (const [priority, histogram] of Object.entries(stats.waiting)) {
    lines.push(...summary('task_waiting_seconds', histogram, `priority="${priority}"`));
  }
  describe('task_running_seconds', 'summary', 'Between begun and finished.');
  lines.push(...summary('task_running_seconds', stats.running));

  describe('worker_cpu_seconds_total', 'counter', "CPU time of a worker's thread.");
  for (const { worker, cpuTime } of stats.workers) {
    lines.push(`worker_cpu_seconds_total{worker="${worker}"} ${cpuTime / 1000}`);
  }
  describe('steals_total', 'counter', 'Tasks taken from other workers, by distance.');
  for (const [distance, count] of Object.entries(stats.stealsByDistance)) {
    lines.push(`steals_total{distance="${distance}"} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Percentiles, sum and count; the histogram is in µs. */
function summary(name: string, histogram: Histogram, label?: string): string[] {
  const labels = (...pairs: (string | undefined)[]): string => {
    const present = pairs.filter((pair) => pair !== undefined);
    return present.length === 0 ? '' : `{${present.join()}}`;
  };
  const { count, mean, p50, p90, p99, p999 } = histogram;
  const quantiles = Object.entries({ '0.5': p50, '0.9': p90, '0.99': p99, '0.999': p999 });
  return [
    ...quantiles.map(([q, us]) => `${name}${labels(label, `quantile="${q}"`)} ${us / 1e6}`),
    `${name}_sum${labels(label)} ${count === 0 ? 0 : (mean * count) / 1e6}`,
    `${name}_count${labels(label)} ${count}`,
  ];
}
