// Everything that docs/architecture/simulator.md says in figures: costs, validation, simulated runs.
//
//   npm run simulate:report [-- --captures FOLDER] [-- --machines 4x2,8x16] [-- --runs 25] [-- --quick]
//     [-- --out FOLDER]
//
// Writes simulator.json and two charts into bench/results. FOLDER holds captured machines as tar files;
// without it only made ones are simulated. --quick shows that all of it runs, into build/bench.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, formatFile, load, root, watchOthers } from '../machine.mjs';
import { barsChart, sizesChart } from './chart.mjs';
import { costsFrom, measure } from './costs.mjs';
import { readMachine } from './machines.mjs';
import { build, plan, simulate } from './simulate.mjs';
import { validate } from './validate.mjs';

const { values } = parseArgs({
  options: {
    captures: { type: 'string' },
    machines: { type: 'string', default: '4x2,8x16,8x64,16x64' },
    runs: { type: 'string', default: '25' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});
const { quick } = values;
const out = values.out ?? join(root, quick ? 'build/bench' : 'bench/results');
const ways = ['real', 'random', 'shared'];
const patterns = ['tree', 'chain', 'owner', 'node', 'bursts'];
const made = quick ? ['4x2'] : values.machines.split(',');
const captured = ['48amd64-4pa2n6c-sparse', '256ppc-8n8s4t', '128arm-2pa2n8cluster4co']
  .map((name) => join(values.captures ?? '', `${name}.tar.bz2`))
  .filter((path) => values.captures !== undefined && existsSync(path));
const sizes = quick ? [5, 20] : [1, 2, 3, 5, 10, 20, 50, 100];

build('simulator', 'simulator_costs', 'simulator_real');
const before = load();
const others = watchOthers();
const measured = await measure(quick ? 1 : 9);
const costs = costsFrom(measured);
const validation = await validate(costs, quick ? 2 : Number(values.runs));
const seen = { before, ...others() };

const jobs = [];
for (const topology of [...made, ...captured]) {
  const { name, machine } = readMachine(topology);
  const planned = plan(machine);
  // The larger the machine, the fewer tasks for each worker: a simulated one takes some microseconds, and
  // far longer where the owner is the limit.
  const each = planned.workers > 512 ? 100 : planned.workers > 128 ? 200 : 1000;
  for (const pattern of patterns) {
    const owner = pattern === 'owner' || pattern === 'node';
    if (owner && planned.workers > 128) continue;
    const few = pattern === 'bursts' ? 20 : quick || owner ? 100 : each;
    const tasks = planned.workers * few;
    for (const way of ways) jobs.push({ name, planned, pattern, way, taskUs: 20, tasks });
  }
  if (name !== (quick ? '4x2' : '8x16')) continue;
  for (const taskUs of sizes.filter((size) => size !== 20)) {
    for (const pattern of ['tree', 'chain']) {
      for (const way of ways) {
        jobs.push({
          name,
          planned,
          pattern,
          way,
          taskUs,
          tasks: planned.workers * (quick ? 100 : each),
        });
      }
    }
  }
}
const results = await inParallel(jobs, async ({ planned, ...job }) => {
  const result = await simulate(planned, { ...job, costs });
  console.log(`${job.name} ${job.pattern} ${job.taskUs} us ${job.way}: ${JSON.stringify(result)}`);
  return { ...job, workers: planned.workers, nodes: planned.nodes, ...result };
});

const find = (name, pattern, taskUs, way) =>
  results.find(
    (r) => r.name === name && r.pattern === pattern && r.taskUs === taskUs && r.way === way,
  );
const shown = quick ? '4x2' : '8x16';
const machine = describeMachine(['moirai']);
const note = `Simulated with costs measured on ${machine.cpu}, commit ${machine.commit}${machine.modified ? ' with changes' : ''}, ${machine.date.slice(0, 10)}.`;
const panels = ['tree', 'chain'].map((pattern) => [
  `${shown}, ${pattern}: sustained throughput, of the ideal`,
  Object.fromEntries(
    ways.map((way) => [
      way,
      sizes.map((us) => [us, Math.max(0, find(shown, pattern, us, way).sustained)]),
    ]),
  ),
]);
const machines = [...new Set(results.map(({ name }) => name))];
const rowsOf = (pattern, only, value) =>
  machines
    .filter((name) => find(name, pattern, 20, 'real') !== undefined)
    .map((name) => [
      name,
      Object.fromEntries(only.map((way) => [way, value(find(name, pattern, 20, way))])),
    ]);
const bars = [
  ...['tree', 'chain', 'owner', 'node'].map((pattern) => [
    `${pattern}, tasks of 20 µs: sustained throughput, of the ideal`,
    'longer is better',
    rowsOf(pattern, ways, ({ sustained }) => Math.max(0, sustained)),
  ]),
  [
    'tree: of 1,000 tasks, stolen from another node',
    'shorter is better',
    rowsOf('tree', ['real', 'random'], ({ stolen, tasks }) => (1000 * stolen[3]) / tasks),
  ],
  [
    'Until nine of ten workers work, after all slept',
    'µs, shorter is better',
    rowsOf('tree', ['real', 'random'], ({ upUs }) => upUs.p90),
  ],
];
mkdirSync(out, { recursive: true });
const file = join(out, 'simulator.json');
const report = { machine, method: { quick, load: seen }, measured, costs, validation, results };
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
formatFile(file);
writeFileSync(join(out, 'simulator-sizes.svg'), sizesChart(panels, note));
writeFileSync(join(out, 'simulator-machines.svg'), barsChart(bars, note));
console.table(validation);
const off = validation.filter(({ ratio }) => Math.abs(ratio - 1) > 0.15);
console.log(`${validation.length - off.length} of ${validation.length} predictions within 15 %`);
console.log(`while it was measured, other processes took ${seen.others.toFixed(2)} CPUs`);
console.log(`written: ${file} and two charts`);

/** As many at a time as there are CPUs: a simulation says the same however long it takes. */
async function inParallel(all, work) {
  const done = [];
  let next = 0;
  const lane = async () => {
    while (next < all.length) {
      const index = next++;
      done[index] = await work(all[index]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  return done;
}
