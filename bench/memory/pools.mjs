// What does it cost to take a block or an object from a pool and to give it back, beside making one?
//
//   npm run bench:memory [-- --quick] [-- --out FOLDER]
//
// Each subject runs in processes of its own, which take turns. In a process: 64 are taken, then all given
// back, over and over, in slices; the median slice counts, and of the processes the median again. Prints a
// table, writes pools.json and pools.md into bench/results, and ends with exit code 1 when a target is
// missed. --quick only shows that all of it runs, results into build/bench.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';
import { subjects } from './subjects.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    subject: { type: 'string' },
  },
});
const { quick } = options;
const held = 64;
const turns = quick ? 20 : 100; // of a slice
const slices = quick ? 3 : 300;
const rounds = quick ? 1 : 7;

/** { take, give, both }: ns a call (both: of the two), the median of slices. */
function measure({ take, give }) {
  const things = Array.from({ length: held });
  const [taking, giving, all] = [[], [], []];
  for (let slice = 0; slice < slices + 30; slice++) {
    let [taken, given] = [0, 0];
    for (let turn = 0; turn < turns; turn++) {
      const start = performance.now();
      for (let i = 0; i < held; i++) things[i] = take();
      const middle = performance.now();
      if (give !== undefined) for (let i = held - 1; i >= 0; i--) give(things[i]);
      const end = performance.now();
      taken += middle - start;
      given += end - middle;
    }
    if (slice < 30) continue; // until the compiler is done
    const calls = (held * turns) / 1e6;
    taking.push(taken / calls);
    giving.push(given / calls);
    all.push((taken + given) / calls);
  }
  const result = { take: median(taking), both: median(all) };
  return give === undefined ? result : { ...result, give: median(giving) };
}

if (options.subject !== undefined) {
  console.log(JSON.stringify(measure(subjects[options.subject].make())));
} else {
  compare();
}

function compare() {
  const others = watchOthers();
  const names = Object.keys(subjects);
  const seen = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const args = [fileURLToPath(import.meta.url), '--subject', name];
      if (quick) args.push('--quick');
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      seen[name].push(JSON.parse(stdout));
    }
  }
  const took = others();
  const rows = names.map((name) => summarize(name, seen[name]));
  const machine = describeMachine(['moirai', 'reusify']);
  const text = report(rows, machine, took);
  console.log(text);
  write(rows, machine, took, text);
  if (!quick && rows.some(({ missed }) => missed.length > 0)) process.exitCode = 1;
}

function summarize(name, runs) {
  const of = (key) => {
    const values = runs.map((run) => run[key]).filter((value) => value !== undefined);
    if (values.length === 0) return undefined;
    return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
  };
  const found = { take: of('take'), give: of('give'), both: of('both') };
  const { take, give } = subjects[name];
  const targets = { take, give };
  const missed = ['take', 'give'].filter((key) => found[key]?.median > targets[key]);
  return { name, ...found, targets, missed };
}

function report(rows, machine, took) {
  const cell = (figure, target) => {
    if (figure === undefined) return '';
    const bound = target === undefined ? '' : ` (≤ ${target})`;
    const [middle, min, max] = [figure.median, figure.min, figure.max].map((ns) => ns.toFixed(1));
    return `${middle}${bound}, ${min} to ${max}`;
  };
  return [
    '# Pools from JavaScript',
    '',
    `ns a call: the median of ${rounds} processes (the target), least to most. ${held} are held at a time.`,
    'Written by `npm run bench:memory`.',
    '',
    '| | acquire | release | both |',
    '| --- | --: | --: | --: |',
    ...rows.map(
      ({ name, take, give, both, targets }) =>
        `| ${name} | ${cell(take, targets.take)} | ${cell(give, targets.give)} | ${cell(both)} |`,
    ),
    '',
    `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}, reusify`,
    `${machine.versions.reusify}, commit ${machine.commit}${machine.modified ? ' with changes' : ''}. While it ran,`,
    `other processes took ${took.others.toFixed(2)} CPUs.`,
    '',
    'The garbage collector works now and then: what it costs to collect what is made anew is mostly in the',
    'slices above the median. Beside reusify, other pools on npm (generic-pool, tarn) are for connections:',
    'their acquire is asynchronous.',
    '',
  ].join('\n');
}

function write(rows, machine, took, text) {
  const folder = options.out ?? join(root, quick ? 'build/bench' : 'bench/results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'pools.json');
  const method = { quick, rounds, slices, turns, held, others: took };
  writeFileSync(file, `${JSON.stringify({ machine, method, rows }, null, 2)}\n`);
  formatFile(file);
  writeFileSync(join(folder, 'pools.md'), text);
  console.log(`written: ${file}, pools.md`);
}
