// Whether a set of periodic tasks can keep its deadlines on one CPU, and which does not by how much.
import { checkBoolean, checkOneOf, checkOptions } from '../base/index.js';
import { deadlineResponseTimes, demandMiss } from './earliest-deadline.js';
import { responseTimes } from './fixed-priority.js';
import {
  checkTasks,
  compareUtilization,
  microseconds,
  Steps,
  type Task,
  type TaskModel,
} from './task-set.js';

/** Who goes first: the shorter period, the shorter deadline, or the job whose deadline is next. */
export type SchedulingPolicy = 'rate-monotonic' | 'deadline-monotonic' | 'deadline';

/** Options of `schedulability`. */
export interface SchedulabilityOptions {
  /** A job gives way to one that goes before it. Default true; false: ticks of one JavaScript thread. */
  readonly preemptive?: boolean | undefined;
  /**
   * Tasks of higher priority on the same CPU, which interrupt all of these: of another thread, as native ticks
   * are. Whether they keep their own deadlines is another question. Default: none.
   */
  readonly above?: readonly TaskModel[] | undefined;
}

/** What `schedulability` finds. */
export interface Schedulability {
  /** Every job meets its deadline, whenever the tasks arrive within what they promise. */
  readonly schedulable: boolean;
  /** Part of a CPU that the tasks ask for, and those above them. */
  readonly utilization: number;
  /**
   * A utilization (of deadlines where they are shorter than periods) up to which the policy always works
   * when it is preemptive, without blocking, jitter and tasks above: n(2^(1/n) - 1) of C. Liu and J. Layland (JACM 20,
   * 1973), 1 for deadlines. Above it the response times decide.
   */
  readonly bound: number;
  /** The hyperbolic bound of E. Bini, G. Buttazzo and G. Buttazzo (2003) holds: as `bound`, less strict. */
  readonly hyperbolic: boolean;
  /**
   * From arrival to end of the slowest job, in microseconds, in the order of the tasks. Infinity: without
   * bound, or not found in some seconds of work.
   */
  readonly responseTimes: readonly number[];
  /** In words: what misses by how much, or how much room there is. */
  readonly reason: string;
}

/**
 * Whether these tasks keep their deadlines on one CPU. Exact for tasks that come no closer than their
 * periods: response times (Tindell 1994; Davis 2007 without preemption), processor demand (QPA, Zhang
 * and Burns 2009) for deadlines; with `blockingUs` under `deadline` safe, not exact. Priorities of equal
 * tasks follow their order. Does not block; microseconds for a handful of tasks, more the closer the
 * utilization is to 1.
 *
 * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
 *
 * @example
 * const { schedulable, reason } = schedulability([
 *   { name: 'current', wcetUs: 100, periodUs: 500 },
 *   { name: 'speed', wcetUs: 400, periodUs: 2000 },
 * ], 'rate-monotonic');
 */
export function schedulability(
  tasks: readonly TaskModel[],
  policy: SchedulingPolicy,
  options?: SchedulabilityOptions,
): Schedulability {
  const set = checkTasks('tasks', tasks);
  const policies = ['rate-monotonic', 'deadline-monotonic', 'deadline'] as const;
  const chosen = checkOneOf('policy', policy, policies);
  const given = checkOptions('options', options, ['preemptive', 'above']);
  const preemptive = checkBoolean('options.preemptive', given.preemptive ?? true);
  const above = checkAbove(given.above);
  const byDeadline = chosen === 'deadline';
  const responses = byDeadline
    ? deadlineResponseTimes(set, preemptive, above, new Steps())
    : inOrder(set, chosen, preemptive, above);
  const verdict = byDeadline
    ? explainDemand(set, preemptive, above, responses)
    : explain(set, above, responses);
  const density = set.map(({ wcet, deadline, period }) => wcet / Math.min(deadline, period));
  return {
    ...verdict,
    utilization: [...above, ...set].reduce((sum, { wcet, period }) => sum + wcet / period, 0),
    bound: byDeadline ? 1 : set.length * (2 ** (1 / set.length) - 1),
    hyperbolic: density.reduce((product, part) => product * (part + 1), 1) <= 2,
    responseTimes: responses.map(microseconds),
  };
}

/** What blocks one of them lets its work come later, as jitter does. */
function checkAbove(above: SchedulabilityOptions['above']): readonly Task[] {
  if (above === undefined || above.length === 0) return [];
  const tasks = checkTasks('options.above', above);
  return tasks.map((task) => ({ ...task, jitter: task.jitter + task.blocking }));
}

function inOrder(
  tasks: readonly Task[],
  policy: 'rate-monotonic' | 'deadline-monotonic',
  preemptive: boolean,
  above: readonly Task[],
): number[] {
  const key = policy === 'rate-monotonic' ? 'period' : 'deadline';
  const order = tasks.map((_, i) => i);
  const of = (i: number): Task => tasks[i] as Task;
  order.sort((a, b) => of(a)[key] - of(b)[key]);
  const sorted = responseTimes(order.map(of), preemptive, above, new Steps());
  const result: number[] = Array.from({ length: tasks.length });
  for (const [rank, i] of order.entries()) result[i] = sorted[rank] as number;
  return result;
}

type Verdict = Pick<Schedulability, 'schedulable' | 'reason'>;

function explain(
  tasks: readonly Task[],
  above: readonly Task[],
  responses: readonly number[],
): Verdict {
  const slack = tasks.map(({ deadline }, i) => deadline - (responses[i] as number));
  const least = slack.indexOf(Math.min(...slack));
  const { name, deadline } = tasks[least] as Task;
  const room = slack[least] as number;
  if (room >= 0) {
    const why = `'${name}' has the least room: ${microseconds(room)} of ${microseconds(deadline)} us`;
    return { schedulable: true, reason: why };
  }
  const late = tasks.filter((_, i) => (slack[i] as number) < 0).map((task) => `'${task.name}'`);
  const others = late.length > 1 ? ` (late: ${late.join(', ')})` : '';
  const response = responses[least] as number;
  const by =
    response === Infinity
      ? `'${name}' has no bound on its response time`
      : `'${name}' needs up to ${microseconds(response)} us, ${microseconds(-room)} more than its deadline`;
  const all =
    compareUtilization([...above, ...tasks]) > 0 ? '; the tasks ask for more than one CPU' : '';
  return { schedulable: false, reason: `${by}${others}${all}` };
}

function explainDemand(
  tasks: readonly Task[],
  preemptive: boolean,
  above: readonly Task[],
  responses: readonly number[],
): Verdict {
  const miss = demandMiss(tasks, preemptive, above, new Steps());
  if (miss === undefined) {
    const verdict = explain(tasks, above, responses);
    // By demand it works; where response times are not known, or safe only, they do not overrule it.
    return verdict.schedulable
      ? verdict
      : { schedulable: true, reason: 'demand is met in every interval' };
  }
  if (miss !== 'undecided') {
    const { interval, demand } = miss;
    const why = `${microseconds(demand)} us of work are due within ${microseconds(interval)} us`;
    return { schedulable: false, reason: `${why}: ${explain(tasks, above, responses).reason}` };
  }
  if (compareUtilization([...above, ...tasks]) > 0) {
    return { schedulable: false, reason: 'the tasks ask for more than one CPU' };
  }
  const why = 'not decided: the CPU is never idle for so long that the tasks cannot be followed';
  return { schedulable: false, reason: why };
}
