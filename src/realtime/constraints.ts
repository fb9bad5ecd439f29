// What a thread is to be scheduled by, as an immutable description: nothing is asked of the kernel here.
import { checkInteger, checkOptions, invalidRange, invalidType } from '../base/index.js';

/** SCHED_FIFO: runs until it waits, or somebody of a higher priority can run. */
export interface FifoConstraints {
  readonly policy: 'fifo';
  /** 1 to 99, the highest. */
  readonly priority: number;
}

/** SCHED_RR: as `fifo`, and equals take turns. */
export interface RoundRobinConstraints {
  readonly policy: 'round-robin';
  readonly priority: number;
  /** The length of a turn in microseconds. The kernel has one for the whole machine. */
  readonly timeSliceUs: number;
}

/** SCHED_DEADLINE: `runtimeUs` within `deadlineUs` of each period's begin, before all other policies. */
export interface DeadlineConstraints {
  readonly policy: 'deadline';
  readonly runtimeUs: number;
  readonly deadlineUs: number;
  readonly periodUs: number;
}

/** SCHED_FIFO with a priority that is higher the shorter the period. */
export interface RateMonotonicConstraints {
  readonly policy: 'rate-monotonic';
  readonly periodUs: number;
  readonly priority: number;
}

/** A scheduling policy and its numbers; made by the functions of the same name. */
export type RtConstraints =
  | FifoConstraints
  | RoundRobinConstraints
  | DeadlineConstraints
  | RateMonotonicConstraints;

/** Times of SCHED_DEADLINE, in microseconds: `runtimeUs` ≤ `deadlineUs` ≤ `periodUs`. */
export interface DeadlineTimes {
  /** CPU time in each period; a thread that uses it up waits for the next one. */
  readonly runtimeUs: number;
  /** Default: the period. */
  readonly deadlineUs?: number | undefined;
  /** 100 µs to 4 s, as the kernel has it by default. */
  readonly periodUs: number;
}

/** The longest period of a loop: an hour. */
export const longestPeriodUs = 3.6e9;

/**
 * Scheduling policies for `RealtimeContext.start`. Each function checks its numbers and gives a frozen
 * description; whether the kernel grants it is seen at the start. Does not block; any thread.
 *
 * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, naming the argument.
 *
 * @example
 * RtConstraints.fifo(80);
 * RtConstraints.deadline({ runtimeUs: 200, periodUs: 1000 });
 */
export const RtConstraints = {
  /** See sched(7). `priority`: 1 to 99; kernel threads for interrupts have 50 by default. */
  fifo(priority: number): FifoConstraints {
    return make({ policy: 'fifo', priority: checkPriority('priority', priority) });
  },

  /**
   * `timeSliceUs`: the turn among equals that is wanted. What the kernel has is one number for all
   * (kernel.sched_rr_timeslice_ms); the context says which in `granted.timeSliceUs`.
   */
  roundRobin(timeSliceUs: number, priority: number): RoundRobinConstraints {
    return make({
      policy: 'round-robin',
      priority: checkPriority('priority', priority),
      timeSliceUs: checkUs('timeSliceUs', timeSliceUs, 1, 1e8),
    });
  },

  /** The kernel's Documentation/scheduler/sched-deadline.rst. Its thread cannot be pinned. */
  deadline(times: DeadlineTimes): DeadlineConstraints {
    if (times === undefined) throw invalidType('times', 'an object of microseconds', times);
    const given = checkOptions('times', times, ['runtimeUs', 'deadlineUs', 'periodUs']);
    const periodUs = checkUs('times.periodUs', given.periodUs, 100, 4e6);
    const deadline = given.deadlineUs ?? periodUs;
    const deadlineUs = checkUs('times.deadlineUs', deadline, 1.024, periodUs);
    // The kernel's own least runtime is 1,024 ns.
    const runtimeUs = checkUs('times.runtimeUs', given.runtimeUs, 1.024, deadlineUs);
    return make({ policy: 'deadline', runtimeUs, deadlineUs, periodUs });
  },

  /**
   * A priority from the period alone, so that threads of different programs are in order as well: levels
   * 2 to 90 with a constant ratio between their periods, 100 µs to 10 s, which loses least where levels
   * are fewer than periods (J. Lehoczky and L. Sha, SIGMETRICS 1986). Periods within 14 % may be equals.
   */
  rateMonotonic(periodUs: number): RateMonotonicConstraints {
    checkUs('periodUs', periodUs, 1, longestPeriodUs);
    return make({
      policy: 'rate-monotonic',
      periodUs,
      priority: rateMonotonicPriority(periodUs),
    });
  },
} as const;

const made = new WeakSet<object>();

function make<C extends RtConstraints>(constraints: C): C {
  made.add(constraints);
  return Object.freeze(constraints);
}

/** Of what RtConstraints has made everything is known to be right. */
export function checkConstraints(argument: string, value: unknown): RtConstraints {
  if (typeof value === 'object' && value !== null && made.has(value)) return value as RtConstraints;
  throw invalidType(argument, 'made by RtConstraints', value);
}

function rateMonotonicPriority(periodUs: number): number {
  const [shortest, longest, highest, lowest] = [100, 1e7, 90, 2];
  const share = Math.log(periodUs / shortest) / Math.log(longest / shortest);
  const level = Math.round(highest - (highest - lowest) * share);
  return Math.min(highest, Math.max(lowest, level));
}

function checkPriority(argument: string, value: unknown): number {
  return checkInteger(argument, value, 1, 99);
}

/** Microseconds, to the nanosecond. */
export function checkUs(argument: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw invalidType(argument, 'microseconds', value);
  if (!(value >= min && value <= max)) {
    throw invalidRange(argument, `${min} to ${max} microseconds`, value);
  }
  return value;
}
