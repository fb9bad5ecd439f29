// One CPU, nanosecond by nanosecond, with every combination of phases: the worst responses of a task set.
import type { SchedulingPolicy, TaskModel } from 'moirai';

interface Times {
  readonly wcet: number;
  readonly period: number;
  readonly deadline: number;
}

interface Job {
  readonly task: number;
  readonly arrival: number;
  readonly due: number;
  left: number;
}

/** In nanoseconds; Infinity where the tasks ask for more than the CPU. */
export function worstResponses(
  tasks: readonly TaskModel[],
  policy: SchedulingPolicy,
  preemptive: boolean,
  above: readonly TaskModel[] = [],
): number[] {
  const whole = ({ wcetUs, periodUs, deadlineUs = periodUs }: TaskModel): Times => ({
    wcet: Math.round(wcetUs * 1000),
    period: Math.round(periodUs * 1000),
    deadline: Math.round(deadlineUs * 1000),
  });
  const sets = tasks.map(whole);
  const interrupting = above.map(whole);
  const key = policy === 'rate-monotonic' ? 'period' : 'deadline';
  const rank = sets.map((_, i) => i);
  rank.sort((a, b) => (sets[a] as Times)[key] - (sets[b] as Times)[key]);
  const cycle = [...sets, ...interrupting].reduce(
    (multiple, { period }) => leastCommonMultiple(multiple, period),
    1,
  );

  return sets.map((_, studied) => {
    // Tasks whose load makes up a backlog that grows: by deadline all, by priority those before it.
    const before = rank.slice(0, rank.indexOf(studied) + 1);
    const counted = policy === 'deadline' ? sets : before.map((i) => sets[i] as Times);
    const work = [...counted, ...interrupting].reduce(
      (sum, { wcet, period }) => sum + (wcet * cycle) / period,
      0,
    );
    const behind = sets.filter((__, i) => !before.includes(i) && policy !== 'deadline');
    const held = preemptive
      ? 0
      : Math.max(0, ...(policy === 'deadline' ? sets : behind).map(({ wcet }) => wcet - 1));
    if (work > cycle || (work === cycle && held > 0)) return Infinity;
    // Of two that are as urgent the studied one waits.
    const urgency = (job: Job): number =>
      policy === 'deadline' ? job.due * 2 + (job.task === studied ? 1 : 0) : rank.indexOf(job.task);
    let worst = 0;
    for (const phases of combinations([...sets, ...interrupting].map(({ period }) => period))) {
      const ready: Job[] = [];
      let interruption = 0;
      let running: Job | undefined;
      for (let now = 0; now < 2 * cycle + 20; now++) {
        for (const [task, { wcet, period, deadline }] of sets.entries()) {
          const since = now - (phases[task] as number);
          if (since < 0 || since % period !== 0) continue;
          ready.push({ task, arrival: now, due: now + deadline, left: wcet });
        }
        for (const [i, { wcet, period }] of interrupting.entries()) {
          const since = now - (phases[sets.length + i] as number);
          if (since >= 0 && since % period === 0) interruption += wcet;
        }
        if (interruption > 0) {
          interruption--;
          continue;
        }
        if (preemptive || running === undefined) {
          running = undefined;
          for (const job of ready) {
            if (running === undefined || urgency(job) < urgency(running)) running = job;
          }
        }
        if (running === undefined) continue;
        running.left--;
        if (running.left > 0) continue;
        ready.splice(ready.indexOf(running), 1);
        if (running.task === studied) worst = Math.max(worst, now + 1 - running.arrival);
        running = undefined;
      }
    }
    return worst;
  });
}

function* combinations(lengths: readonly number[]): Generator<number[]> {
  const [first = 0, ...rest] = lengths;
  if (lengths.length === 0) yield [];
  else {
    for (let phase = 0; phase < first; phase++) {
      for (const others of combinations(rest)) yield [phase, ...others];
    }
  }
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
