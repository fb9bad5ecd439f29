// The lock of a task's releases to an outside clock: its options and what it says of itself. The controller
// is native/core/realtime/phase_lock.h.
import { checkInteger, checkOptions } from '../base/index.js';
import { checkUs } from './constraints.js';

/**
 * Keeps the releases of a task at the beat of an outside clock (the distributed clock of a field bus, a
 * camera, GPS) by a proportional-integral controller, which hears of the clock by `tick.adjust` or
 * `task.adjust`. A period then differs from `periodUs`, within these bounds, and releases are no multiples of
 * it any more. Between measurements, and without them, the drift that was learned goes on.
 *
 * Method: as SOEM's ec_sync, with gains 2/N and 1/N², which do not swing.
 */
export interface PhaseLockOptions {
  /**
   * N: what is left of an error shrinks to 37 % in so many measurements. The more, the less of their jitter
   * gets into the releases, and the later a change of the drift is followed. 2 to 100,000, default 32.
   */
  readonly settleTicks?: number | undefined;
  /** By how much a period may differ from `periodUs`: less than half of it. Default: a hundredth. */
  readonly maxStepUs?: number | undefined;
  /** By how much the clocks may differ in rate, parts per million: 1 to 10,000, default 1000. */
  readonly maxDriftPpm?: number | undefined;
  /** `locked` while the mean error is within it. Default: a hundredth of the period. */
  readonly toleranceUs?: number | undefined;
}

/** How a task keeps to its outside clock. */
export interface PhaseLockStats {
  /** The mean error of the last measurements is within the tolerance, and they still come. */
  readonly locked: boolean;
  /** The last measurement: how late the release was against the outside clock. */
  readonly errorUs: number;
  /** By how much the outside clock is slower than CLOCK_MONOTONIC, as learned: parts per million. */
  readonly driftPpm: number;
  /** Measurements that were used: the last one of each tick. */
  readonly measurements: number;
}

const ns = (us: number): number => Math.round(us * 1000);

/** What `NativeRealtimeLoop.add` takes of it: ticks, and ns. */
export function checkPhaseLock(
  options: PhaseLockOptions | undefined,
  periodUs: number,
): readonly [settle: number, maxStep: number, maxRate: number, tolerance: number] {
  if (options === undefined) return [0, 0, 0, 0];
  const at = 'options.phaseLock';
  const given = checkOptions(at, options, [
    'settleTicks',
    'maxStepUs',
    'maxDriftPpm',
    'toleranceUs',
  ]);
  const settle = checkInteger(`${at}.settleTicks`, given.settleTicks ?? 32, 2, 100_000);
  const hundredth = periodUs / 100;
  const half = periodUs / 2;
  const maxStepUs = checkUs(`${at}.maxStepUs`, given.maxStepUs ?? hundredth, 0.001, half - 0.002);
  const ppm = checkInteger(`${at}.maxDriftPpm`, given.maxDriftPpm ?? 1000, 1, 10_000);
  const toleranceUs = checkUs(`${at}.toleranceUs`, given.toleranceUs ?? hundredth, 0.001, half);
  return [settle, ns(maxStepUs), ns((periodUs * ppm) / 1e6), ns(toleranceUs)];
}

/** A measurement as the record takes it, in ns; throws for what is none. */
export function checkLateness(lateUs: number): number {
  return ns(checkUs('lateUs', lateUs, -longestUs, longestUs));
}
const longestUs = 1e12;
