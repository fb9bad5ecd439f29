// The options about what is measured and remembered.
import { checkBoolean, checkInteger, checkOptions, invalidType } from '../base/index.js';
import type { MetricsOptions } from './metrics-sink.js';

/** What is measured and remembered of tasks. */
export interface StatisticsOptions {
  /**
   * Whether times are taken: how long tasks wait and run, with what depends on it (histograms, times in
   * views, `TaskHandle.metrics`, `measure`) and workers' heap samples. Counters are there either way.
   * Default true.
   */
  readonly statistics?: boolean | undefined;
  /**
   * How many finished tasks are remembered for `tasksView`, as many that are done and as many others: 0
   * to 1,048,576, at 40 bytes each. Default 256.
   */
  readonly retain?: number | undefined;
  /** Where statistics go regularly. */
  readonly metrics?: MetricsOptions | undefined;
}

export const statisticsKeys = ['statistics', 'retain', 'metrics'] as const;

export interface CheckedStatistics {
  readonly statistics: boolean;
  readonly retain: number;
  readonly metrics: MetricsOptions | undefined;
}

const maxRetained = 2 ** 20;
const maxInterval = 2 ** 31 - 1;

export function checkStatistics({
  statistics = true,
  retain = 256,
  metrics,
}: StatisticsOptions): CheckedStatistics {
  return {
    statistics: checkBoolean('options.statistics', statistics),
    retain: checkInteger('options.retain', retain, 0, maxRetained),
    metrics: metrics === undefined ? undefined : checkMetrics(metrics),
  };
}

function checkMetrics(given: MetricsOptions): MetricsOptions {
  const { sink, interval = 1000 } = checkOptions('options.metrics', given, ['sink', 'interval']);
  const record: unknown = (sink as { record?: unknown } | null | undefined)?.record;
  if (sink === undefined || typeof record !== 'function') {
    throw invalidType('options.metrics.sink', 'an object with a function record', sink);
  }
  return { sink, interval: checkInteger('options.metrics.interval', interval, 1, maxInterval) };
}
