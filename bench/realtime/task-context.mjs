// What a TaskContext costs, in ns a call, beside the targets: medians of slices of a hundred thousand calls.
//
//   npm run bench:task-context [-- --quick]
//
// Writes bench/results/task-context.json and .md, with --quick, which only shows that all of it runs, into
// build/bench. Exit code 1: a target is missed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RtConstraints, TaskContext } from 'moirai';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';
import { table } from './report.mjs';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const calls = 100_000;
const slices = options.quick ? 5 : 501;

const constraints = RtConstraints.fifo(80);
const contexts = Array.from({ length: 256 }, (_, i) =>
  new TaskContext(`task ${i}`).withPeriod(1_000_000 + i, 1000 * (i + 1)).withDeadline(800_000 - i),
);
const made = Array.from({ length: 256 });
/** Keeps what is computed from being left out. */
let sum = 0;

/**
 * Each with a loop of its own, so that one call is compiled for one thing, and with a sum of its own: to add to
 * `sum` in each turn is to allocate its new value in each, at 6 to 10 ns.
 */
const work = {
  'the loop by itself, which is in the others': () => {
    let found = 0;
    for (let i = 0; i < calls; i++) found += contexts[i & 255] === undefined ? 0 : 1;
    sum += found;
  },
  'new TaskContext(id)': () => {
    for (let i = 0; i < calls; i++) made[i & 255] = new TaskContext('speed');
  },
  'the same with period, deadline and constraints': () => {
    for (let i = 0; i < calls; i++) {
      made[i & 255] = new TaskContext('speed')
        .withPeriod(1_000_000, 150_000)
        .withDeadline(800_000)
        .withRtConstraints(constraints);
    }
  },
  'meetsDeadline(elapsed)': () => {
    let met = 0;
    for (let i = 0; i < calls; i++) met += contexts[i & 255].meetsDeadline(i * 16) ? 1 : 0;
    sum += met;
  },
  utilization: () => {
    let all = 0;
    for (let i = 0; i < calls; i++) all += contexts[i & 255].utilization;
    sum += all;
  },
};
/** ns, the loop included. */
const targets = { 'new TaskContext(id)': 50, 'meetsDeadline(elapsed)': 10, utilization: 20 };

function slice(body) {
  const begin = process.hrtime.bigint();
  body();
  return Number(process.hrtime.bigint() - begin) / calls;
}

const seen = Object.fromEntries(Object.keys(work).map((name) => [name, []]));
const others = watchOthers();
// The first rounds are for the compiler.
for (let round = -10; round < slices; round++) {
  for (const [name, body] of Object.entries(work)) {
    const ns = slice(body);
    if (round >= 0) seen[name].push(ns);
  }
}
if (sum === 0 || made[0] === undefined) throw new Error('nothing was computed');

const costs = Object.entries(seen).map(([name, all]) => {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.floor((sorted.length - 1) * part)];
  return { name, ns: median(all), p10: at(0.1), p90: at(0.9), target: targets[name] };
});
const machine = { ...describeMachine(['moirai']), ...others() };
const isMet = ({ ns, target }) => target === undefined || ns <= target;
const page = [
  '# What a TaskContext costs',
  '',
  `${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}${machine.modified ? ' with changes' : ''}, ${machine.date.slice(0, 10)}; other processes took ${machine.others.toFixed(2)} CPUs. Medians of ${slices} slices`,
  `of ${calls.toLocaleString('en')} calls. Written by \`npm run bench:task-context\`.`,
  '',
  table(
    ['', 'ns', 'tenth to ninth decile', 'target', ''],
    costs.map(({ name, ns, p10, p90, target }) => [
      name.includes(' by ') || name.startsWith('the same') ? name : `\`${name}\``,
      ns.toFixed(1),
      `${p10.toFixed(1)} to ${p90.toFixed(1)}`,
      target === undefined ? '' : `≤ ${target}`,
      target === undefined ? '' : isMet({ ns, target }) ? 'met' : '**missed**',
    ]),
  ),
  '',
].join('\n');
const out = join(root, options.quick ? 'build/bench' : 'bench/results');
mkdirSync(out, { recursive: true });
const file = join(out, 'task-context.json');
writeFileSync(file, JSON.stringify({ machine, calls, slices, costs }));
formatFile(file);
writeFileSync(join(out, 'task-context.md'), page);
console.log(page);
if (!options.quick && !costs.every(isMet)) process.exitCode = 1;
