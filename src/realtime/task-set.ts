// A set of periodic tasks as the analyses see it: whole nanoseconds, so that every sum is exact.
import { checkOptions, invalidRange, invalidType } from '../base/index.js';

/** A task as `schedulability` takes it. All times in microseconds, to the nanosecond. */
export interface TaskModel {
  /** To be named in the reason; one of each. */
  readonly name: string;
  /** Worst-case execution time. */
  readonly wcetUs: number;
  /** From one arrival to the next, at least. */
  readonly periodUs: number;
  /** From an arrival to the end of its job. Default: the period; it may be longer than that. */
  readonly deadlineUs?: number | undefined;
  /** The longest time that tasks behind it, or anything else once a job, may hold it up. Default 0. */
  readonly blockingUs?: number | undefined;
  /** How late after its arrival a job may become ready. Default 0. */
  readonly jitterUs?: number | undefined;
}

/** The same in nanoseconds. */
export interface Task {
  readonly name: string;
  readonly wcet: number;
  readonly period: number;
  readonly deadline: number;
  readonly blocking: number;
  readonly jitter: number;
}

const nsPerUs = 1000;
/** Eleven days: sums of some thousand of these are exact in a double. */
const longestUs = 1e9;

export function checkTasks(argument: string, value: unknown): Task[] {
  if (!Array.isArray(value)) throw invalidType(argument, 'an array of tasks', value);
  if (value.length === 0 || value.length > 1000) {
    throw invalidRange(argument, '1 to 1,000 tasks', value.length);
  }
  const names = new Set<string>();
  return Array.from(value as unknown[], (task, i) => {
    const at = `${argument}[${i}]`;
    if (task === undefined) throw invalidType(at, 'a task', task);
    const given = checkOptions(at, task as TaskModel, known);
    if (typeof given.name !== 'string') throw invalidType(`${at}.name`, 'a string', given.name);
    if (names.has(given.name)) {
      throw invalidRange(`${at}.name`, 'a name that no other task has', given.name);
    }
    names.add(given.name);
    const period = time(`${at}.periodUs`, given.periodUs, 1);
    return {
      name: given.name,
      wcet: time(`${at}.wcetUs`, given.wcetUs, 1),
      period,
      deadline:
        given.deadlineUs === undefined ? period : time(`${at}.deadlineUs`, given.deadlineUs, 1),
      blocking: time(`${at}.blockingUs`, given.blockingUs ?? 0, 0),
      jitter: time(`${at}.jitterUs`, given.jitterUs ?? 0, 0),
    };
  });
}

const known = ['name', 'wcetUs', 'periodUs', 'deadlineUs', 'blockingUs', 'jitterUs'] as const;

function time(argument: string, value: unknown, least: number): number {
  if (typeof value !== 'number') throw invalidType(argument, 'microseconds', value);
  const ns = Math.round(value * nsPerUs);
  if (!(ns >= least && value <= longestUs)) {
    const allowed = `${least === 0 ? '0' : '0.001'} to ${longestUs} microseconds`;
    throw invalidRange(argument, allowed, value);
  }
  return ns;
}

export function microseconds(ns: number): number {
  return ns / nsPerUs;
}

/** Below 0, 0 or above 0 as the tasks ask for less than one CPU, all of it, or more. Exact. */
export function compareUtilization(tasks: readonly Task[]): number {
  let numerator = 0n;
  let denominator = 1n;
  for (const { wcet, period } of tasks) {
    numerator = numerator * BigInt(period) + BigInt(wcet) * denominator;
    denominator *= BigInt(period);
    const divisor = greatestCommonDivisor(numerator, denominator);
    numerator /= divisor;
    denominator /= divisor;
  }
  if (numerator === denominator) return 0;
  return numerator < denominator ? -1 : 1;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** Work that goes round in circles, cut off: an analysis that takes longer than this is undecided. */
export class Steps {
  #left = 5_000_000;

  /** False: no more. */
  take(count = 1): boolean {
    this.#left -= count;
    return this.#left >= 0;
  }
}

/**
 * The least t > 0 with `next(t) = t`, from below; `next` must not decrease. Infinity: above `limit`, or
 * not found in time.
 */
export function fixpoint(
  from: number,
  limit: number,
  steps: Steps,
  next: (t: number) => number,
): number {
  for (let t = from; ; ) {
    if (!steps.take()) return Infinity;
    const after = next(t);
    if (after <= t) return t;
    if (after > limit) return Infinity;
    t = after;
  }
}

/** No instant of a fixpoint lies beyond; a sum above it is no longer exact. */
export const latest = 2 ** 52;
