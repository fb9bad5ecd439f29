// Whether a task may join those of its context: by the analysis without preemption, since ticks of one
// thread do not interrupt each other.
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

/** Why a task was refused: the `cause` of an `ERR_MOIRAI_NOT_SCHEDULABLE` of `periodic`. */
export interface AdmissionReport extends Omit<Schedulability, 'responseTimes'> {
  readonly policy: 'rate-monotonic' | 'deadline';
  /** All tasks with a `wcetUs`, the refused one last. */
  readonly tasks: readonly AdmissionTask[];
}

/** @throws MoiraiError `ERR_MOIRAI_NOT_SCHEDULABLE` with an AdmissionReport as its `cause`. */
function admit(
  policy: AdmissionReport['policy'],
  running: readonly KnownTask[],
  candidate: KnownTask,
): void {
  const tasks = [...running, candidate];
  const { responseTimes, ...verdict } = schedulability(tasks, policy, { preemptive: false });
  if (verdict.schedulable) return;
  const report: AdmissionReport = {
    policy,
    ...verdict,
    tasks: tasks.map((task, i) => {
      const responseUs = responseTimes[i] ?? Infinity;
      return { ...task, responseUs, lateUs: Math.max(0, responseUs - task.deadlineUs) };
    }),
  };
  const message = `'${candidate.name}' is not admitted: ${verdict.reason}`;
  throw new MoiraiError('ERR_MOIRAI_NOT_SCHEDULABLE', message, { cause: report });
}

/** The same of a thread's tasks, of which those without a cost are not analysed. */
export function admitAmong(
  tasks: Iterable<PeriodicTask>,
  name: string,
  options: CheckedTask,
  byPeriod: boolean,
): void {
  const candidate = modelOf(name, options);
  if (candidate === undefined) return;
  const running = [...tasks].flatMap(
    (task) => modelOf(`${task.name} (${task.slot})`, task.options) ?? [],
  );
  admit(byPeriod ? 'rate-monotonic' : 'deadline', running, candidate);
}

function modelOf(name: string, options: CheckedTask): KnownTask | undefined {
  const { wcetUs, shortestPeriodUs: periodUs, deadlineUs, blockingUs, jitterUs } = options;
  return wcetUs === undefined
    ? undefined
    : { name, wcetUs, periodUs, deadlineUs, blockingUs, jitterUs };
}
