// Whether a task may join those of its context: by the analysis without preemption, since ticks of one
// thread do not interrupt each other. Native ticks interrupt those in JavaScript on the same CPU, so these are
// asked with those above them; and again for each native task that is to join.
import { MoiraiError } from '../base/index.js';
import type { CheckedTask } from './options.js';
import type { PeriodicTask } from './periodic-task.js';
import { schedulability, type Schedulability } from './schedulability.js';

/** A task of an `AdmissionReport`. Times are in microseconds, as `TaskModel` has them. */
export interface AdmissionTask {
  readonly name: string;
  readonly wcetUs: number;
  readonly periodUs: number;
  readonly deadlineUs: number;
  readonly blockingUs: number;
  readonly jitterUs: number;
  /** From an arrival to the end of the slowest job. Infinity: without bound, or not found. */
  readonly responseUs: number;
  /** By how much that misses the deadline; 0: it does not. */
  readonly lateUs: number;
}

type KnownTask = Omit<AdmissionTask, 'responseUs' | 'lateUs'>;

/** Why a task was refused: the `cause` of an `ERR_MOIRAI_NOT_SCHEDULABLE` of `periodic` and `nativePeriodic`. */
export interface AdmissionReport extends Omit<Schedulability, 'responseTimes'> {
  readonly policy: 'rate-monotonic' | 'deadline';
  /** All tasks with a `wcetUs` of one thread, of which some would be late. The refused one is the last of these… */
  readonly tasks: readonly AdmissionTask[];
  /** …or, where these are in JavaScript and it is native, of the native ones, which interrupt them on the same CPU. */
  readonly above: readonly Omit<AdmissionTask, 'responseUs' | 'lateUs'>[];
}

/** What must be known of the threads of a context. */
export interface Threads {
  /** Of the thread that the task is to join. */
  readonly tasks: Iterable<PeriodicTask>;
  /** Those that interrupt it on the same CPU. */
  readonly above: Iterable<PeriodicTask>;
  /** Those that it would interrupt. */
  readonly below: Iterable<PeriodicTask>;
  readonly byPeriod: boolean;
}

/**
 * Tasks without a cost are not analysed.
 *
 * @throws MoiraiError `ERR_MOIRAI_NOT_SCHEDULABLE` with an AdmissionReport as its `cause`.
 */
export function admitAmong(threads: Threads, name: string, options: CheckedTask): void {
  const candidate = modelOf(name, options);
  if (candidate === undefined) return;
  const policy = threads.byPeriod ? 'rate-monotonic' : 'deadline';
  const own = [...known(threads.tasks), candidate];
  admit(policy, own, known(threads.above), name);
  const below = known(threads.below);
  if (below.length > 0) admit(policy, below, own, name);
}

function admit(
  policy: AdmissionReport['policy'],
  tasks: readonly KnownTask[],
  above: readonly KnownTask[],
  candidate: string,
): void {
  const found = schedulability(tasks, policy, { preemptive: false, above });
  const { responseTimes, ...verdict } = found;
  if (verdict.schedulable) return;
  const report: AdmissionReport = {
    policy,
    ...verdict,
    tasks: tasks.map((task, i) => {
      const responseUs = responseTimes[i] ?? Infinity;
      return { ...task, responseUs, lateUs: Math.max(0, responseUs - task.deadlineUs) };
    }),
    above,
  };
  const others = above.map((task) => `'${task.name}'`).join(', ');
  const under = above.length > 0 ? `, below ${others}` : '';
  const message = `'${candidate}' is not admitted: ${verdict.reason}${under}`;
  throw new MoiraiError('ERR_MOIRAI_NOT_SCHEDULABLE', message, { cause: report });
}

function known(tasks: Iterable<PeriodicTask>): KnownTask[] {
  return [...tasks].flatMap((task) => modelOf(`${task.name} (${task.slot})`, task.options) ?? []);
}

function modelOf(name: string, options: CheckedTask): KnownTask | undefined {
  const { wcetUs, shortestPeriodUs: periodUs, deadlineUs, blockingUs, jitterUs } = options;
  return wcetUs === undefined
    ? undefined
    : { name, wcetUs, periodUs, deadlineUs, blockingUs, jitterUs };
}
