// Misses with a known cause, planted at random among ticks that are in time: how many are named right.
//
//   npm run campaign:causes [-- --count 200] [--seed N] [--cpu N] [--least 95] [--write]
//
// What is planted, and how (bench/realtime/plantings/):
//   gc            a full collection of a heap of 400,000 objects
//   page-fault    96 MiB that were given back are touched; pages of a file that the cache has dropped
//   preemption    a thread of a higher priority computes from 0.5 ms after the tick's begin on
//   late-wakeup   the same from 2 ms before its release on
//   other-tick    another task of the thread computes from 2 ms before its release on
//   event-loop    a timer of the module does
//   blocked       Atomics.wait
//   long-tick     12 ms instead of 1
//   migration     sched_setaffinity from another process, in the middle of a tick
//   throttling    more than the real-time budget of its control group, or than an ordinary quota
//   budget        more than the runtime of SCHED_DEADLINE
// Right is a miss whose first cause is the planted one; no miss is wrong. Ends with 1 below `least` percent.
// `--write` keeps the result as bench/results/causes.json and .md.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { affinity, capabilities } from 'moirai';
import { describeMachine, load, root } from '../machine.mjs';
import { whyNot } from './plantings/groups.mjs';
import { environments } from './plantings/plan.mjs';

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    cpu: { type: 'string', default: String(affinity.get().at(-1)) },
    least: { type: 'string', default: '95' },
    write: { type: 'boolean', default: false },
  },
});
const [count, seed, least] = [options.count, options.seed, options.least].map(Number);
console.log(`seed ${seed}`);

function refused(environment) {
  const { fifo, deadline } = capabilities();
  const needed = environment === 'deadline' ? deadline : fifo;
  if (needed.state === 'refused') return needed.reason;
  if (environment === 'migration' && affinity.get().length < 2) return 'one CPU only';
  return whyNot(environment);
}
const possible = Object.entries(environments).filter(([environment]) => {
  const why = refused(environment);
  if (why !== undefined) console.log(`${environment} is left out: ${why}`);
  return why === undefined;
});
if (possible.length === 0) process.exit(0);

/** As many as were asked for, in the shares that the plan has; the rest goes to the first kinds. */
function share() {
  const all = possible.flatMap(([environment, kinds]) =>
    Object.entries(kinds).map(([kind, weight]) => ({ environment, kind, weight })),
  );
  const weights = all.reduce((sum, { weight }) => sum + weight, 0);
  const exact = all.map(({ weight }) => (count * weight) / weights);
  const amounts = exact.map((value) => Math.max(1, Math.floor(value)));
  let left = count - amounts.reduce((sum, value) => sum + value, 0);
  for (let i = 0; left > 0; i = (i + 1) % amounts.length, left--) amounts[i] += 1;
  return possible.map(([environment]) => {
    const own = all.map((one, i) => [one, amounts[i]]);
    const kinds = own.flatMap(([one, n]) =>
      one.environment === environment ? [[one.kind, n]] : [],
    );
    return [environment, Object.fromEntries(kinds)];
  });
}

async function plant(environment, amounts, number) {
  const program = `${root}bench/realtime/plantings/child.mjs`;
  const words = [program, environment, JSON.stringify(amounts), seed + number, options.cpu];
  const child = spawn(process.execPath, words.map(String), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${environment} ended with ${code}`);
  return JSON.parse(text);
}

mkdirSync(`${root}build/bench`, { recursive: true });
const runs = [];
for (const [number, [environment, amounts]] of share().entries()) {
  runs.push(await plant(environment, amounts, number));
}

const plantings = runs.flatMap((run) => run.plantings);
const wrong = runs.flatMap((run) =>
  run.plantings
    .filter(({ kind, named }) => kind !== named)
    .map((planting) => ({ environment: run.environment, ...planting })),
);
for (const { environment, kind, named, miss } of wrong) {
  const { partsUs, preemptions, waits } = miss ?? {};
  const seen = JSON.stringify({ ...partsUs, preemptions, waits });
  console.log(`wrong, ${environment}: ${kind} was named ${named} ${seen}`);
}

/** Planted causes by row, named ones by column. */
const planted = [...new Set(plantings.map(({ kind }) => kind))];
const named = [
  ...planted,
  ...new Set(wrong.map((one) => one.named).filter((name) => !planted.includes(name))),
];
const cell = (kind, name) =>
  plantings.filter((one) => one.kind === kind && one.named === name).length;
const table = [
  `| planted \\ named | ${named.join(' | ')} |`,
  `| --- |${' --- |'.repeat(named.length)}`,
  ...planted.map(
    (kind) => `| ${kind} | ${named.map((name) => cell(kind, name) || '').join(' | ')} |`,
  ),
].join('\n');
const right = plantings.length - wrong.length;
const percent = (100 * right) / plantings.length;
const summary = `${right} of ${plantings.length} planted misses named right: ${percent.toFixed(1)} %`;
const others = runs.reduce((sum, run) => sum + run.others, 0);
const ticks = runs.reduce((sum, run) => sum + run.ticks, 0);
const rest = `${others} of ${ticks} ticks missed without anything planted`;
console.log(`${table}\n\n${summary}; ${rest}; load average ${load()}`);

const report = {
  machine: describeMachine(['moirai']),
  plan: { count, seed, cpu: Number(options.cpu) },
  right,
  planted: plantings.length,
  matrix: Object.fromEntries(
    planted.map((kind) => [
      kind,
      Object.fromEntries(named.map((name) => [name, cell(kind, name)])),
    ]),
  ),
  runs,
};
const json = `${JSON.stringify(report, undefined, 2)}\n`;
writeFileSync(`${root}build/bench/causes.json`, json);
if (options.write) {
  const { machine } = report;
  const where = `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}`;
  const lines = [
    '# Planted causes of misses',
    `\`npm run campaign:causes -- --count ${count} --seed ${seed} --write\`; ${where}.`,
    `${summary}; ${rest}.`,
    table,
  ];
  const kept = { ...report, runs: runs.map((run) => ({ ...run, plantings: undefined })) };
  writeFileSync(`${root}bench/results/causes.json`, `${JSON.stringify(kept, undefined, 2)}\n`);
  writeFileSync(`${root}bench/results/causes.md`, `${lines.join('\n\n')}\n`);
}
if (percent < least) process.exitCode = 1;
