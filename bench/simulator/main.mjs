// One simulation, printed: what would the executor do on a machine that is not here?
//
//   npm run simulate -- --topology 8x16 --pattern tree --task-us 20
//
//   --topology   NODESxCPUS, or a captured machine: a folder with its sys, or a tar file of one
//   --pattern    owner | node | tree | chain | bursts: workload.h says what they are
//   --task-us    how long a task works (20)
//   --tasks      how many (1,000 for each worker)
//   --threads    workers: cores (one a core), cpus, or a number
//   --way        real (the scheduler), random (stealing), shared (one queue); all three without it
//   --owner-ns   what the owner itself takes for each task it submits and for each it takes back
//   --seed       of random stealing
//   --costs      a file with the costs, like bench/results/simulator.json, from which they come otherwise
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../machine.mjs';
import { readMachine } from './machines.mjs';
import { build, plan, simulate } from './simulate.mjs';

const { values } = parseArgs({
  options: {
    topology: { type: 'string', default: '8x16' },
    pattern: { type: 'string', default: 'tree' },
    'task-us': { type: 'string', default: '20' },
    tasks: { type: 'string' },
    threads: { type: 'string', default: 'cores' },
    way: { type: 'string' },
    'owner-ns': { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    costs: { type: 'string', default: join(root, 'bench/results/simulator.json') },
    json: { type: 'boolean', default: false },
  },
});

build('simulator');
const { costs } = JSON.parse(readFileSync(values.costs, 'utf8'));
const { machine } = readMachine(values.topology);
const threads = /^\d+$/.test(values.threads) ? Number(values.threads) : values.threads;
const planned = plan(machine, { threads, ownerNs: Number(values['owner-ns']) });
const results = {};
for (const way of values.way === undefined ? ['real', 'random', 'shared'] : [values.way]) {
  results[way] = await simulate(planned, {
    costs,
    pattern: values.pattern,
    taskUs: Number(values['task-us']),
    tasks: Number(values.tasks ?? 1000 * planned.workers),
    seed: Number(values.seed),
    way,
  });
}
if (values.json) {
  console.log(JSON.stringify({ workers: planned.workers, nodes: planned.nodes, results }));
} else {
  console.log(`${planned.workers} workers on ${planned.nodes} nodes`);
  console.table(results);
}
