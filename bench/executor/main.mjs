// What does a task cost through an executor, beside other pools and a bare MessagePort?
//
//   npm run bench [-- --quick] [-- --rounds N] [-- --only TEXT] [-- --out FOLDER]
//
// Prints tables and writes executor.json, executor.md and executor.svg into bench/results. In each
// round every contender gets each job in a process of its own, one after the other; what is reported
// is the median of the rounds, and for ratios the median of the ratios within a round. Ends with exit
// code 1 when a target is missed. --quick only shows that all of it runs: one short round, a process
// for each contender, several at a time, no verdict, results into build/bench. --only runs the jobs whose key contains
// the text, and judges nothing either. How to run it so that the figures count: bench/README.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { topology } from 'moirai';
import { describeMachine, formatFile, load, root, watchOthers } from '../machine.mjs';
import { chart } from './chart.mjs';
import { contenders } from './contenders.mjs';
import { idleFlags, watchIdle } from './idle-watch.mjs';
import { chooseCpus } from './placement.mjs';
import { jobs } from './plan.mjs';
import { ask } from './processes.mjs';
import { markdown, text } from './report.mjs';
import { summarize } from './summary.mjs';
import { judge } from './verdicts.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    out: { type: 'string' },
  },
});
const quick = options.quick;
const partial = quick || options.only !== undefined;
const rounds = Number(options.rounds ?? (quick ? 1 : 5));
const out = options.out ?? join(root, partial ? 'build/bench' : 'bench/results');
const settings = {
  warmUpMs: quick ? 10 : 150,
  serialMs: quick ? 20 : 600,
  serialSamples: quick ? 1000 : 50_000,
  throughputMs: quick ? 20 : 300,
  burstsMs: quick ? 0 : 800,
  unevenMs: quick ? 5 : 100,
  unevenRepeats: quick ? 1 : 3,
  queuedTasks: quick ? 2000 : 60_000,
  startUps: quick ? 1 : 4,
  idleSeconds: quick ? 1 : 10,
  settleSeconds: quick ? 0.5 : 3,
};
const flags = ['--expose-gc'];
const cpus = chooseCpus(topology());
const packages = [...new Set(Object.values(contenders).map(({ package: name }) => name))];

async function main() {
  const began = performance.now();
  const measured = { rounds: [], idle: undefined };
  for (let round = 0; round < rounds; round++) {
    process.stdout.write(`round ${round + 1}/${rounds}: load average ${load().toFixed(2)}`);
    const others = watchOthers();
    const results = { jobs: await jobsRound() };
    if (options.only === undefined) {
      results.oneCpu = await oneCpuRound();
      results.startUps = await startUpRound();
      results.fixedCost = await ask('fixed-cost.mjs', '', { flags });
    }
    results.load = others();
    measured.rounds.push(results);
    const { others: taken, stolen } = results.load;
    process.stdout.write(
      `, other processes took ${taken.toFixed(2)} CPUs, the hypervisor ${stolen.toFixed(2)}\n`,
    );
  }
  if (options.only === undefined) {
    process.stdout.write(`idle: ${settings.idleSeconds} s\n`);
    measured.idle = await watchIdle(settings);
  }
  write(measured, (performance.now() - began) / 1000);
}

function write(measured, seconds) {
  const report = {
    machine: describeMachine(packages.filter((name) => name !== undefined)),
    method: { quick, rounds, cpus: cpus ?? null, ...settings, idleFlags, seconds },
    contenders: Object.fromEntries(
      Object.entries(contenders).map(([name, { note }]) => [name, note ?? '']),
    ),
    ...summarize(measured),
    verdicts: [],
    measured,
  };
  if (options.only === undefined) report.verdicts = judge(report);
  console.log(`\n${text(report)}`);
  console.log(`${seconds.toFixed(0)} s`);
  mkdirSync(out, { recursive: true });
  const json = join(out, 'executor.json');
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  formatFile(json);
  writeFileSync(join(out, 'executor.md'), markdown(report));
  if (options.only === undefined) writeFileSync(join(out, 'executor.svg'), chart(report));
  console.log(`written: ${json}, executor.md, executor.svg`);
  if (!partial && report.verdicts.some((verdict) => !verdict.met)) process.exitCode = 1;
}

/** Every job with its contenders: { job's key: { contender: what measure.mjs says } }. */
async function jobsRound() {
  const results = {};
  const work = [];
  for (const job of jobs.filter(({ key }) => key.includes(options.only ?? ''))) {
    results[job.key] = {};
    for (const contender of job.contenders ?? Object.keys(contenders)) {
      results[job.key][contender] = undefined; // in this order
      work.push({ contender, job });
    }
  }
  const parts = quick ? perContender(work) : work.map((item) => [item]);
  const lanes = Array.from({ length: quick ? availableParallelism() : 1 }, async () => {
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const [{ contender }] = part;
      const request = { contender, jobs: part.map(({ job }) => job), cpus, settings };
      const answers = await ask('measure.mjs', request, { flags });
      for (const [index, { job }] of part.entries()) results[job.key][contender] = answers[index];
    }
  });
  await Promise.all(lanes);
  return results;
}

/** A process for each contender, not for each job: where the figures do not count. */
function perContender(work) {
  return Object.keys(contenders).map((name) => work.filter(({ contender }) => contender === name));
}

/** Main and worker share one CPU: { contender: its latencies }. */
async function oneCpuRound() {
  const results = {};
  const job = { kind: 'rates', workload: 'empty', workers: 1, serial: true, windows: [] };
  for (const contender of ['moirai run', 'MessagePort']) {
    const request = { contender, jobs: [job], settings };
    [results[contender]] = await ask('measure.mjs', request, { onlyCpu: cpus?.main ?? 0 });
  }
  return results;
}

/** A list for each: { who: [{ import, ready }, …] }, one after the other within each. */
async function startUpRound() {
  const whole = Object.keys(contenders).filter(
    (name) => contenders[name].package !== undefined && !aliases.has(name),
  );
  const results = Object.fromEntries([...whole, 'bare Workers'].map((who) => [who, []]));
  for (let i = 0; i < settings.startUps; i++) {
    for (const [who, list] of Object.entries(results)) list.push(await ask('pool-start.mjs', who));
  }
  return results;
}

/** Other ways to use a package that is there already. */
const aliases = new Set(['moirai spawn', 'piscina tuned']);

await main();
