// Is the simulator right about a machine that is there? The same pool on two real threads and on two
// simulated CPUs with costs measured here: tasks a second of both, for sizes of tasks and patterns.
//
//   node bench/simulator/validate.mjs [--runs 40]
//
// Runs are short and take turns, so that a change of the machine meets all; reported are medians. Where it
// is allowed the threads run in real time (SCHED_FIFO), so that other processes take no CPU from them.
import { parseArgs } from 'node:util';
import { topology } from 'moirai';
import { chooseCpus } from '../executor/placement.mjs';
import { median } from '../machine.mjs';
import {
  costsFrom,
  interruptionsFrom,
  measure,
  measureInterruptions,
  runReal,
  smallMachine,
} from './costs.mjs';
import { build, simulate } from './simulate.mjs';

const sizesUs = [1, 5, 20, 100];
/** Two workers, the owner on the CPU of the first; and one worker, the owner on the other CPU. */
const shapes = [
  { pattern: 'chain', workers: 2 },
  { pattern: 'tree', workers: 2 },
  { pattern: 'owner', workers: 2 },
  { pattern: 'owner', workers: 1 },
];
/** Work of each run, for each worker. */
const runUs = 10_000;

export async function validate(costs, runs) {
  const { main, worker } = chooseCpus(topology());
  const jobs = sizesUs.flatMap((taskUs) =>
    shapes.map((shape) => ({
      ...shape,
      taskUs,
      tasks: (shape.workers * runUs) / taskUs,
      seen: [],
    })),
  );
  // Meanwhile, as it changes with what else goes on.
  const interruptions = [];
  for (let round = 0; round < runs; round++) {
    interruptions.push(await measureInterruptions(worker));
    for (const job of jobs) {
      job.seen.push(await runReal(job, main, job.workers === 2 ? [main, worker] : [worker]));
    }
  }
  const here = { ...costs, ...interruptionsFrom(interruptions) };
  const rows = [];
  for (const { pattern, workers, taskUs, tasks, seen } of jobs) {
    const rates = seen.map(({ tasksPerSecond }) => tasksPerSecond).sort((a, b) => a - b);
    const measured = median(rates);
    const inRealTime = seen.every(({ alone }) => alone);
    const machine = smallMachine(workers, workers === 1, inRealTime);
    const predictions = [];
    for (let seed = 1; seed <= 15; seed++) {
      predictions.push(await simulate(machine, { costs: here, pattern, taskUs, tasks, seed }));
    }
    const predicted = median(predictions.map(({ tasksPerSecond }) => tasksPerSecond));
    rows.push({
      pattern,
      workers,
      taskUs,
      predicted,
      measured,
      quartiles: [rates[Math.floor(runs / 4)], rates[Math.floor((3 * runs) / 4)]],
      ratio: Number((predicted / measured).toFixed(3)),
      inRealTime,
    });
  }
  return rows;
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '40' } } });
  build('simulator', 'simulator_costs', 'simulator_real');
  const rows = await validate(costsFrom(await measure()), Number(values.runs));
  console.table(rows);
  const off = rows.filter(({ ratio }) => Math.abs(ratio - 1) > 0.15);
  console.log(`${rows.length - off.length} of ${rows.length} within 15 %`);
  if (off.length > 0) process.exitCode = 1;
}
