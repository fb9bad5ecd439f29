// What processes that ought to do nothing take of the CPUs, read from outside; see idle.mjs.
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from './processes.mjs';

const workers = 8;
const tasks = 10_000;

/**
 * V8's own: each isolate collects garbage once more 8, 16 or 24 s after it has worked, for some
 * milliseconds. It would fall into the window, and is not what is asked.
 */
export const idleFlags = ['--no-memory-reducer'];

/** All at the same time: they do nothing. */
export async function watchIdle({ idleSeconds, settleSeconds }) {
  const ms = (idleSeconds + settleSeconds + 60) * 1000;
  const subjects = [];
  for (const kind of ['executor', 'timers', 'bare']) {
    const child = start('idle.mjs', { kind, workers, tasks, ms }, { flags: idleFlags });
    const [line] = await once(createInterface(child.stdout), 'line');
    if (line !== 'ready') throw new Error(`idle ${kind}: ${line}`);
    subjects.push({ kind, child });
  }
  await sleep(settleSeconds * 1000);
  const before = subjects.map(({ child }) => cpuTime(child.pid));
  await sleep(idleSeconds * 1000);
  const after = subjects.map(({ child }) => cpuTime(child.pid));
  return Promise.all(
    subjects.map(async ({ kind, child }, index) => {
      child.stdin.end();
      await once(child, 'close');
      const difference = (key) => after[index][key] - before[index][key];
      return {
        kind,
        workers,
        ticks: difference('ticks'),
        cpuUs: difference('ns') / 1000,
        wakeUps: difference('switches'),
      };
    }),
  );
}

/** A process's CPU time so far as the kernel's clock ticks, in nanoseconds, and in wake-ups. */
function cpuTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
  const sum = { ticks: Number(fields[11]) + Number(fields[12]), ns: 0, switches: 0 };
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    sum.switches += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1] ?? 0);
    sum.ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  }
  return sum;
}
