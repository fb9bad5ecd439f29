// Hands an executor's statistics to whoever collects them, while there is something to tell.
import type { ExecutorStats } from './reports.js';

/**
 * Takes an executor's statistics: to a file, a time series database, a dashboard.
 *
 * `record` is called on the executor's own thread, about every interval while tasks are submitted or
 * outstanding, once more when none were for an interval, and when the executor is closed. What it
 * throws is reported once, as an `error` event or a process warning, and otherwise ignored; a promise
 * that it gives is not looked at.
 *
 * @example
 * const sink: MetricsSink = { record: ({ tasks, running }) => console.log(tasks.done, running.p99) };
 * const executor = await Executor.start({ tasks, metrics: { sink, interval: 5000 } });
 */
export interface MetricsSink {
  record(stats: ExecutorStats): void;
}

/** The option `metrics`. */
export interface MetricsOptions {
  readonly sink: MetricsSink;
  /** Milliseconds between two records. Default 1000. */
  readonly interval?: number | undefined;
}

/**
 * A timer that runs only while something happens, and never keeps the process alive: an idle executor
 * has none.
 */
export class SinkFeeder {
  readonly #sink: MetricsSink;
  readonly #interval: number;
  readonly #read: () => ExecutorStats;
  readonly #report: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #active = false;
  #closed = false;
  #reported = false;

  constructor(
    { sink, interval = 1000 }: MetricsOptions,
    read: () => ExecutorStats,
    report: (error: unknown) => void,
  ) {
    this.#sink = sink;
    this.#interval = interval;
    this.#read = read;
    this.#report = report;
  }

  /** A task is submitted. */
  readonly touch = (): void => {
    this.#active = true;
    if (this.#timer === undefined && !this.#closed) this.#arm();
  };

  #arm(): void {
    this.#timer = setTimeout(() => this.#tick(), this.#interval);
    this.#timer.unref();
  }

  #tick(): void {
    this.#timer = undefined;
    const stats = this.#read();
    const wasActive = this.#active || stats.outstanding > 0;
    this.#active = false;
    // The last record is that of the first interval in which nothing happened.
    if (wasActive) this.#arm();
    this.#record(stats);
  }

  #record(stats: ExecutorStats): void {
    try {
      this.#sink.record(stats);
    } catch (error) {
      if (this.#reported) return;
      this.#reported = true;
      this.#report(error);
    }
  }

  /** The last record, if there ever was something to tell. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#record(this.#read());
  }
}
