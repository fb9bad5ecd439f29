// One contender with one job in a process of its own (several jobs where the figures do not count);
// started by main.mjs. Prints one line of JSON: for each job the numbers that its way of measuring
// gives, and where the threads were.
import { bursts } from './bursts.mjs';
import { contenders } from './contenders.mjs';
import { threadMasks } from './placement.mjs';
import { drain, queued } from './queued.mjs';
import { rates } from './rates.mjs';
import { uneven } from './uneven.mjs';
import { workloads } from './workloads.mjs';

const kinds = { rates, bursts, uneven, queued, drain };
const { contender, jobs, cpus, settings } = JSON.parse(process.argv[2]);

const answers = [];
for (const job of jobs) answers.push(await measure(job));
// Whatever is still in flight is not waited for.
process.stdout.write(`${JSON.stringify(answers)}\n`, () => process.exit(0));

async function measure(job) {
  const { task, input, isRight } = workloads[job.workload];
  const { workers } = job;
  const before = threadMasks();
  // Several workers are more threads than two CPUs: the kernel may place them.
  const place = { task, workers, cpus: workers === 1 ? cpus : undefined };
  const call = await contenders[contender].start(place);
  for (let i = 0; i < 20; i++) {
    const value = input(i);
    const answer = await call(value);
    if (!isRight(value, answer)) throw new Error(`wrong answer: ${JSON.stringify(answer)}`);
  }
  const numbers = await kinds[job.kind]({ call, input, job, settings });
  return { numbers, threads: threadsSince(before) };
}

/** Threads that were not there before the contender started, by the CPUs they may use. */
function threadsSince(before) {
  const masks = threadMasks();
  const main = masks.get(process.pid);
  return { main, others: [...masks].filter(([id]) => !before.has(id)).map(([, mask]) => mask) };
}
