// Response times under fixed priorities: each task against those before it in the order.
//
// Preemptive: K. Tindell, A. Burns, A. Wellings, "An extendible approach for analyzing fixed priority
// hard real-time tasks" (Real-Time Systems 6, 1994): jobs of one task may overlap, with blocking and
// release jitter. Not preemptive: R. Davis, A. Burns, R. Bril, J. Lukkien, "Controller Area Network
// (CAN) schedulability analysis: refuted, revisited and revised" (Real-Time Systems 35, 2007): a job
// that has started is finished, so what is looked for is the start of each job of a busy period.
// Tasks of a thread above, on the same CPU, interrupt a job that has started: how that goes on after its
// start is that of preemption thresholds (U. Keskin, R. Bril, J. Lukkien, "Exact response-time analysis
// for fixed-priority preemption-threshold scheduling", ETFA 2010), with everybody's threshold below theirs.
// Time is counted in whole nanoseconds, so a job that holds the CPU has started at least one before.
import { compareUtilization, fixpoint, latest, type Steps, type Task } from './task-set.js';

/**
 * Worst response times in the order of `tasks`, highest priority first; Infinity: without bound. `above`: what
 * interrupts them all.
 */
export function responseTimes(
  tasks: readonly Task[],
  preemptive: boolean,
  above: readonly Task[],
  steps: Steps,
): number[] {
  return tasks.map((task, i) => {
    const before = tasks.slice(0, i);
    const higher = [...above, ...before];
    const load = compareUtilization([...higher, task]);
    const behind = preemptive ? [] : tasks.slice(i + 1);
    const held = task.blocking + Math.max(0, ...behind.map(({ wcet }) => wcet - 1));
    const disturbed = held > 0 || task.jitter > 0 || higher.some(({ jitter }) => jitter > 0);
    if (load > 0 || (load === 0 && disturbed)) return Infinity;
    return preemptive
      ? preemptiveResponse(task, higher, held, steps)
      : startedResponse(task, before, above, held, steps);
  });
}

function preemptiveResponse(
  task: Task,
  higher: readonly Task[],
  held: number,
  steps: Steps,
): number {
  let worst = 0;
  let from = task.wcet;
  for (let job = 0; ; job++) {
    const own = held + (job + 1) * task.wcet;
    const end = fixpoint(Math.max(from, own), latest, steps, (t) => own + arrivals(higher, t));
    worst = Math.max(worst, task.jitter + end - job * task.period);
    if (end + task.jitter <= (job + 1) * task.period || worst === Infinity) return worst;
    from = end; // the next one ends later
  }
}

function startedResponse(
  task: Task,
  before: readonly Task[],
  above: readonly Task[],
  held: number,
  steps: Steps,
): number {
  const higher = [...above, ...before];
  const level = [...higher, task];
  const busy = fixpoint(held + task.wcet, latest, steps, (t) => held + arrivals(level, t));
  if (busy === Infinity) return Infinity;
  const jobs = Math.ceil((busy + task.jitter) / task.period);
  let worst = 0;
  let from = 0;
  for (let job = 0; job < jobs; job++) {
    const own = held + job * task.wcet;
    // Whoever becomes ready at the very instant of the start goes first.
    const start = fixpoint(
      Math.max(from, own),
      latest,
      steps,
      (t) => own + arrivals(higher, t + 1),
    );
    const work = own + arrivals(before, start + 1) + task.wcet;
    const end = start === Infinity ? start : interrupted(work, above, steps);
    worst = Math.max(worst, task.jitter + end - job * task.period);
    if (worst === Infinity) return worst;
    from = start;
  }
  return worst;
}

/** When so much work is done that the tasks above interrupt. */
export function interrupted(work: number, above: readonly Task[], steps: Steps): number {
  if (above.length === 0) return work;
  return fixpoint(work, latest, steps, (t) => work + arrivals(above, t));
}

/** Work that becomes ready in the first t nanoseconds, when all come as close together as they can. */
export function arrivals(tasks: readonly Task[], t: number): number {
  let work = 0;
  for (const { period, jitter, wcet } of tasks) work += Math.ceil((t + jitter) / period) * wcet;
  return work;
}
