// The time constraints of one task, collected link by link.
import { invalidRange, invalidType } from '../base/index.js';
import { checkConstraints, longestPeriodUs, type RtConstraints } from './constraints.js';
import type { TaskModel } from './task-set.js';

const longestNs = longestPeriodUs * 1000;

/**
 * A task's name with its deadline, period and policy. Immutable: each `with…` gives a new one. Times are
 * in nanoseconds. Nothing here blocks or asks the kernel; a check is a comparison.
 *
 * @example
 * const speed = new TaskContext('speed')
 *   .withPeriod(1_000_000, 150_000)
 *   .withDeadline(800_000)
 *   .withRtConstraints(RtConstraints.fifo(80));
 * speed.utilization; // 0.15
 * schedulability([speed.model], 'rate-monotonic');
 */
export class TaskContext {
  readonly id: string;
  /** From the release to the end of a job: what was given, else the period, else undefined. */
  readonly deadlineNs: number | undefined;
  readonly periodNs: number | undefined;
  /** Worst-case execution time. */
  readonly wcetNs: number | undefined;
  readonly constraints: RtConstraints | undefined;
  /** Part of a CPU that the task asks for, wcet / period; 0 while either is not known. */
  readonly utilization: number;
  readonly #ownDeadlineNs: number | undefined;

  /** @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` unless `id` is a string with a character. */
  constructor(id: string);
  /** @internal */
  constructor(id: string, parts: Parts);
  constructor(id: string, parts: Parts = none) {
    if (typeof id !== 'string') throw invalidType('id', 'a string', id);
    if (id === '') throw invalidRange('id', 'not empty', id);
    this.id = id;
    this.#ownDeadlineNs = parts.deadlineNs;
    this.deadlineNs = parts.deadlineNs ?? parts.periodNs;
    this.periodNs = parts.periodNs;
    this.wcetNs = parts.wcetNs;
    this.constraints = parts.constraints;
    this.utilization =
      parts.wcetNs === undefined || parts.periodNs === undefined
        ? 0
        : parts.wcetNs / parts.periodNs;
  }

  /**
   * `deadlineNs`: from the release of a job to its end; 1 ns to an hour, and not below the wcet.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   */
  withDeadline(deadlineNs: number): TaskContext {
    checkNs('deadlineNs', deadlineNs, this.wcetNs ?? 1);
    return this.#with({ deadlineNs });
  }

  /**
   * `periodNs`: from one release to the next, 1 ns to an hour. `wcetNs`: CPU time of a job, at most the
   * period and the deadline.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   */
  withPeriod(periodNs: number, wcetNs?: number): TaskContext {
    checkNs('periodNs', periodNs, 1);
    if (wcetNs !== undefined) {
      checkNs('wcetNs', wcetNs, 1, Math.min(periodNs, this.#ownDeadlineNs ?? periodNs));
    }
    return this.#with({ periodNs, wcetNs });
  }

  /** @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for what RtConstraints did not make. */
  withRtConstraints(constraints: RtConstraints): TaskContext {
    return this.#with({ constraints: checkConstraints('constraints', constraints) });
  }

  /** Whether a job that has been there for so long since its release is within its deadline. */
  meetsDeadline(elapsedNs: number): boolean {
    return this.deadlineNs === undefined || elapsedNs <= this.deadlineNs;
  }

  /**
   * For `schedulability`.
   *
   * @throws RangeError `ERR_MOIRAI_INVALID_ARGUMENT` while period or wcet is not known.
   */
  get model(): TaskModel {
    const { id, periodNs, wcetNs, deadlineNs } = this;
    if (periodNs === undefined || wcetNs === undefined) {
      throw invalidRange('model', 'of a task with a period and a wcet (withPeriod)', this.id);
    }
    const deadlineUs = (deadlineNs ?? periodNs) / 1000;
    return { name: id, periodUs: periodNs / 1000, wcetUs: wcetNs / 1000, deadlineUs };
  }

  #with(parts: Partial<Parts>): TaskContext {
    const { id, periodNs, wcetNs, constraints } = this;
    const deadlineNs = this.#ownDeadlineNs;
    return new TaskContext(id, { deadlineNs, periodNs, wcetNs, constraints, ...parts });
  }
}

interface Parts {
  readonly deadlineNs: number | undefined;
  readonly periodNs: number | undefined;
  readonly wcetNs: number | undefined;
  readonly constraints: RtConstraints | undefined;
}

const none: Parts = {
  deadlineNs: undefined,
  periodNs: undefined,
  wcetNs: undefined,
  constraints: undefined,
};

function checkNs(argument: string, value: unknown, min: number, max = longestNs): void {
  if (typeof value !== 'number') throw invalidType(argument, 'nanoseconds', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalidRange(argument, `a whole number of nanoseconds from ${min} to ${max}`, value);
  }
}
