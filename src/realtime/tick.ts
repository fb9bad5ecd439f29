// What a tick is told of itself. One object for all ticks of a thread, over numbers that native code
// writes before each: a tick costs no allocation, and reads only what it wants to know.

/**
 * The argument of a tick function; valid until the function returns. Times are microseconds of
 * CLOCK_MONOTONIC, the clock of process.hrtime(), to the nanosecond.
 *
 * @example
 * let skipped = 0;
 * export function control(tick: Tick): void {
 *   if (tick.lateUs > 100) skipped += 1;
 * }
 */
export class Tick {
  readonly #times: Float64Array;

  /** @internal */
  constructor(times: Float64Array) {
    this.#times = times;
  }

  /** When it was due: `phaseUs` plus a multiple of the period, whatever happened before; with `phaseLock`, what the outside clock makes of it. */
  get expectedUs(): number {
    return this.#times[0] as number;
  }

  /** When its thread came to it. */
  get actualUs(): number {
    return this.#times[1] as number;
  }

  /** By how much the thread was late. */
  get lateUs(): number {
    return this.actualUs - this.expectedUs;
  }

  /**
   * For `phaseLock`: this tick's `expectedUs` is by so much later than the beat of the outside clock;
   * negative: sooner. Of any beat, as only the phase counts. The last call of a tick is used; what is no number is not.
   */
  adjust(lateUs: number): void {
    this.#times[3] = lateUs;
    this.#times[4] = Math.abs(lateUs) < 1e12 ? 1 : 0;
  }

  /** The number of the tick, from 1; releases that were skipped do not count. */
  get number(): number {
    return this.#times[2] as number;
  }
}
