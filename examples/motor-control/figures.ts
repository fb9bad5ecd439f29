// What a run was worth.
import type { Sample } from './drive.js';

export interface Figures {
  readonly calls: number;
  /** From call to call, in microseconds. */
  readonly period: { readonly p50: number; readonly p99: number; readonly max: number };
  /** How far the speed was from the target, in radians a second, once it had been reached. */
  readonly rms: number;
  /** The same at most, after the load grew. */
  readonly worst: number;
  /** How long after that the error was never again above `band`; undefined: not before the end. */
  readonly settledMs: number | undefined;
}

/** Radians a second. */
export const band = 2;
/** Starting from rest takes the motor so long, in seconds. */
const startUp = 0.2;

export function figuresOf(samples: readonly Sample[], step: number): Figures {
  const gaps = samples.slice(1).map(({ time }, i) => (time - (samples[i]?.time ?? 0)) * 1e6);
  const sorted = gaps.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  const errors = samples
    .filter(({ time }) => time >= startUp)
    .map(({ time, target, speed }) => ({ time, error: Math.abs(target - speed) }));
  const after = errors.filter(({ time }) => time >= step);
  const lastOutside = after.findLastIndex(({ error }) => error > band);
  const settled = after[lastOutside + 1];
  return {
    calls: samples.length,
    period: { p50: at(0.5), p99: at(0.99), max: at(1) },
    rms: Math.sqrt(errors.reduce((sum, { error }) => sum + error ** 2, 0) / errors.length),
    worst: Math.max(...after.map(({ error }) => error)),
    settledMs: settled === undefined ? undefined : (settled.time - step) * 1000,
  };
}
