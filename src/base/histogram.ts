import { histogramSvg } from './histogram-svg.js';

/** Values from `from` on and below `to`, in the histogram's unit. */
export interface HistogramBucket {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/**
 * How values are distributed, as counted in buckets: a snapshot that does not change any more.
 *
 * `count`, `min`, `mean` and `max` are exact; percentiles are within 1.6 % of the exact ones. All
 * values are in `unit`. Of an empty histogram everything but `count` is NaN.
 *
 * @example
 * const { running } = executor.stats();
 * console.log(`half of the tasks took less than ${running.p50} ${running.unit}`);
 */
export class Histogram {
  /** What its numbers are in, as `'µs'`. */
  readonly unit: string;
  /** How many values there are. */
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Bucket by bucket, smallest first: lower and upper bound, count. As counted, before scaling. */
  readonly #buckets: Float64Array;
  readonly #scale: number;

  /**
   * @internal
   * @param counted [least, greatest, sum, number of buckets, then lower bound, upper bound and count of
   * each bucket with values in it, smallest first]; values are integers
   * @param scale what a value is to be multiplied with to be in `unit`
   */
  constructor(unit: string, counted: Float64Array, scale: number) {
    const [least = 0, greatest = 0, sum = 0, buckets = 0] = counted;
    this.unit = unit;
    this.#scale = scale;
    this.#buckets = counted.slice(4, 4 + 3 * buckets);
    let count = 0;
    for (let i = 2; i < this.#buckets.length; i += 3) count += this.#buckets[i] ?? 0;
    this.count = count;
    this.min = count === 0 ? Number.NaN : least * scale;
    this.max = count === 0 ? Number.NaN : greatest * scale;
    this.mean = count === 0 ? Number.NaN : (sum / count) * scale;
  }

  /** Half of the values are not above it. */
  get p50(): number {
    return this.percentile(50);
  }

  get p90(): number {
    return this.percentile(90);
  }

  get p99(): number {
    return this.percentile(99);
  }

  /** 999 of 1000 values are not above it. */
  get p999(): number {
    return this.percentile(99.9);
  }

  /** The smallest value that `percent` (0 to 100) of the values are not above, to within 1.6 %. */
  percentile(percent: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.min(this.count, Math.max(1, Math.ceil((percent / 100) * this.count)));
    let seen = 0;
    for (let i = 0; i < this.#buckets.length; i += 3) {
      const [from = 0, to = 0, count = 0] = this.#buckets.subarray(i, i + 3);
      seen += count;
      // The middle of the whole numbers in the bucket, and never outside of what was seen.
      const middle = ((from + to - 1) / 2) * this.#scale;
      if (seen >= rank) return Math.min(this.max, Math.max(this.min, middle));
    }
    return this.max;
  }

  /** The buckets with values in them, smallest first. */
  get buckets(): readonly HistogramBucket[] {
    return Array.from({ length: this.#buckets.length / 3 }, (_, index) => {
      const [from = 0, to = 0, count = 0] = this.#buckets.subarray(3 * index, 3 * index + 3);
      return { from: from * this.#scale, to: to * this.#scale, count };
    });
  }

  /** A small picture: how often which value is, on a logarithmic axis, with the percentiles. */
  toSVG(title = ''): string {
    return histogramSvg(this, title);
  }

  toJSON(): object {
    const { unit, count, min, mean, p50, p90, p99, p999, max } = this;
    return { unit, count, min, mean, p50, p90, p99, p999, max };
  }
}
