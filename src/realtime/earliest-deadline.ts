// Earliest deadline first: whether it works, by processor demand, and the worst response times.
//
// Demand: S. Baruah, L. Rosier, R. Howell (Real-Time Systems 2, 1990), checked by F. Zhang's and
// A. Burns' "Schedulability analysis for real-time systems with EDF scheduling" (IEEE Transactions on
// Computers 58, 2009; QPA), which jumps from a deadline to the demand at it. Not preemptive: L. George,
// N. Rivierre, M. Spuri, "Preemptive and non-preemptive real-time uniprocessor scheduling" (INRIA
// RR-2966, 1996), from which the response times come too. Release jitter moves a deadline that much
// closer to the release. Tasks of a thread above, on the same CPU, take what they can from each interval: work
// is done in time where it is with the most of theirs before its end. A task's own blocking counts from its deadline on: safe, not exact.
import { arrivals, interrupted } from './fixed-priority.js';
import { compareUtilization, fixpoint, latest, type Steps, type Task } from './task-set.js';

/** Why it does not work; undefined: it does. */
export interface DemandMiss {
  /** Length of the interval, from the moment at which all become ready, whose demand is too high. */
  readonly interval: number;
  readonly demand: number;
}

/** The whole set as one busy period sees it. */
class Demand {
  readonly tasks: readonly Task[];
  /** They interrupt all others. */
  readonly above: readonly Task[];
  readonly #preemptive: boolean;

  constructor(tasks: readonly Task[], preemptive: boolean, above: readonly Task[]) {
    this.tasks = tasks;
    this.above = above;
    this.#preemptive = preemptive;
  }

  /** The longest that work with a deadline after t may hold up work with one until t. */
  held(t: number): number {
    let behind = 0;
    let blocking = 0;
    for (const task of this.tasks) {
      if (untilDeadline(task) <= t) blocking = Math.max(blocking, task.blocking);
      else if (!this.#preemptive) behind = Math.max(behind, task.wcet - 1);
    }
    return behind + blocking;
  }

  /** What must be done in the first t nanoseconds at the latest. */
  at(t: number): number {
    let work = this.held(t);
    for (const task of this.tasks) work += jobsDue(task, t) * task.wcet;
    return work;
  }

  /** Before the CPU is idle for the first time; Infinity: never, or not found. */
  busy(steps: Steps): number {
    const longest = Math.max(...this.tasks.map(({ wcet }) => wcet - 1));
    const blocking = Math.max(...this.tasks.map((task) => task.blocking));
    const held = blocking + (this.#preemptive ? 0 : longest);
    const all = [...this.above, ...this.tasks];
    const load = compareUtilization(all);
    const disturbed = held > 0 || all.some(({ jitter }) => jitter > 0);
    if (load > 0 || (load === 0 && disturbed)) return Infinity;
    const first = all.reduce((sum, { wcet }) => sum + wcet, held);
    return fixpoint(first, latest, steps, (t) => held + arrivals(all, t));
  }

  /** The last deadline before t; below 0: there is none. */
  deadlineBefore(t: number): number {
    let last = -1;
    for (const task of this.tasks) {
      const first = untilDeadline(task);
      if (first >= t) continue;
      last = Math.max(last, first + Math.floor((t - 1 - first) / task.period) * task.period);
    }
    return last;
  }
}

function untilDeadline({ deadline, jitter }: Task): number {
  return deadline - jitter;
}

function jobsDue(task: Task, t: number): number {
  return Math.max(0, Math.floor((t - untilDeadline(task)) / task.period) + 1);
}

/** 'undecided': the busy period has no end, or none within the steps. */
export function demandMiss(
  tasks: readonly Task[],
  preemptive: boolean,
  above: readonly Task[],
  steps: Steps,
): DemandMiss | 'undecided' | undefined {
  const demand = new Demand(tasks, preemptive, above);
  const firstDeadline = Math.min(...tasks.map(untilDeadline));
  const busy = demand.busy(steps);
  if (busy === Infinity) return 'undecided';
  // The deadline of a job that is ready at the end of the busy period is not in it.
  let t = demand.deadlineBefore(busy + 1);
  while (t >= firstDeadline) {
    if (!steps.take(tasks.length)) return 'undecided';
    // When that is done: as QPA wants it, it does not decrease with t.
    const work = interrupted(demand.at(t), above, steps);
    if (work === Infinity) return 'undecided';
    if (work > t) return { interval: t, demand: work };
    t = work < t && work >= firstDeadline ? work : demand.deadlineBefore(work < t ? work : t);
  }
  return undefined;
}

/** Worst response times in the order of `tasks`; Infinity: without bound or undecided. */
export function deadlineResponseTimes(
  tasks: readonly Task[],
  preemptive: boolean,
  above: readonly Task[],
  steps: Steps,
): number[] {
  const demand = new Demand(tasks, preemptive, above);
  const busy = demand.busy(steps);
  return tasks.map((task, i) => {
    if (busy === Infinity) return Infinity;
    let worst = 0;
    for (const release of releases(tasks, task, busy)) {
      const response = responseTo(demand, i, release, preemptive, steps);
      worst = Math.max(worst, task.jitter + response);
      if (worst === Infinity) break;
    }
    return worst;
  });
}

/** Releases of a task in a busy period that can be its worst: its deadline is also another's. */
function* releases(tasks: readonly Task[], task: Task, busy: number): Generator<number> {
  for (const other of tasks) {
    const distance = untilDeadline(other) - untilDeadline(task);
    const first = Math.max(0, Math.ceil(-distance / other.period));
    for (let k = first; k * other.period + distance < busy; k++) yield k * other.period + distance;
  }
}

function responseTo(
  demand: Demand,
  index: number,
  release: number,
  preemptive: boolean,
  steps: Steps,
): number {
  const task = demand.tasks[index] as Task;
  const due = release + untilDeadline(task);
  const others = demand.tasks.filter((other, i) => i !== index && jobsDue(other, due) > 0);
  const before = Math.floor(release / task.period) * task.wcet;
  // Preemptive: its end; else its start, before which whatever becomes ready at that instant goes.
  const own = demand.held(due) + before + (preemptive ? task.wcet : 0);
  const late = preemptive ? 0 : 1;
  const { above } = demand;
  const ready = (t: number): number => {
    let work = own;
    for (const other of others) {
      const jobs = Math.ceil((t + late + other.jitter) / other.period);
      work += Math.min(jobs, jobsDue(other, due)) * other.wcet;
    }
    return steps.take(others.length) ? work : Infinity;
  };
  const reached = fixpoint(own, latest, steps, (t) => ready(t) + arrivals(above, t + late));
  const alone = interrupted(task.wcet, above, steps);
  if (preemptive || reached === Infinity) return Math.max(alone, reached - release);
  // Nothing else starts before its end, but those above go on.
  return Math.max(alone, interrupted(ready(reached) + task.wcet, above, steps) - release);
}
