// What does a task cost through an executor, beside piscina, tinypool and a bare MessagePort?
//
//   npm run bench [-- --quick] [-- --rounds N] [-- --out FOLDER]
//
// Prints tables and writes executor.json and executor.md into bench/results. In each round every
// contender gets each workload in a process of its own, one after the other; what is reported is the
// median of the rounds, and for ratios the median of the ratios within a round. Ends with exit code 1
// when a target is missed. --quick only shows that all of it runs: one short round, no verdict,
// results into build/bench.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { topology } from 'moirai';
import { describeMachine, formatFile, load, root, watchOthers } from '../machine.mjs';
import { contenders } from './contenders.mjs';
import { chooseCpus } from './placement.mjs';
import { markdown, summarize, text } from './report.mjs';
import { workloads } from './workloads.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    out: { type: 'string' },
  },
});
const quick = options.quick;
const rounds = Number(options.rounds ?? (quick ? 1 : 5));
const out = options.out ?? join(root, quick ? 'build/bench' : 'bench/results');
const windows = [1, 64, 10_000];
const settings = quick
  ? { warmUpMs: 20, serialMs: 50, serialSamples: 2000, throughputMs: 50 }
  : { warmUpMs: 150, serialMs: 600, serialSamples: 50_000, throughputMs: 300 };
const idleWorkers = 8;
const idleTasks = 10_000;
const idleSeconds = quick ? 1 : 10;
const settleSeconds = quick ? 0.5 : 3;
/**
 * V8's own: each isolate collects garbage once more 8, 16 or 24 s after it has worked, for some
 * milliseconds. It would fall into the window, and is not what is asked.
 */
const idleFlags = ['--no-memory-reducer'];

const cpus = chooseCpus(topology());
const program = (name) => fileURLToPath(new URL(name, import.meta.url));

async function main() {
  const began = performance.now();
  const measured = { rounds: [], oneCpu: [], idle: [] };
  for (let round = 0; round < rounds; round++) {
    process.stdout.write(`round ${round + 1}/${rounds}: load average ${load().toFixed(2)}`);
    const others = watchOthers();
    measured.rounds.push(await workloadRound());
    measured.oneCpu.push(await oneCpuRound());
    const seen = others();
    measured.rounds[round].load = seen;
    process.stdout.write(
      `, other processes took ${seen.others.toFixed(2)} CPUs, the hypervisor ${seen.stolen.toFixed(2)}\n`,
    );
  }
  process.stdout.write(`idle: ${idleSeconds} s\n`);
  measured.idle = await idle();

  const report = {
    machine: describeMachine(['moirai', 'piscina', 'tinypool']),
    method: {
      quick,
      rounds,
      cpus: cpus ?? null,
      windows,
      ...settings,
      idleSeconds,
      settleSeconds,
      idleFlags,
    },
    contenders: Object.fromEntries(
      Object.entries(contenders).map(([name, { note }]) => [name, note ?? '']),
    ),
    ...summarize(measured),
    measured,
  };
  console.log(`\n${text(report)}`);
  console.log(`${((performance.now() - began) / 1000).toFixed(0)} s`);
  mkdirSync(out, { recursive: true });
  const json = join(out, 'executor.json');
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  formatFile(json);
  writeFileSync(join(out, 'executor.md'), markdown(report));
  console.log(`written: ${json} and executor.md`);
  if (!quick && report.verdicts.some((verdict) => !verdict.met)) process.exitCode = 1;
}

/** Every contender with every workload: { workload: { contender: result } }. */
async function workloadRound() {
  const results = {};
  for (const workload of Object.keys(workloads)) {
    results[workload] = {};
    for (const contender of Object.keys(contenders)) {
      results[workload][contender] = await measure({
        contender,
        workload,
        cpus,
        windows,
        settings,
      });
    }
  }
  return results;
}

/** Main and worker share one CPU: { contender: latency }. */
async function oneCpuRound() {
  const results = {};
  for (const contender of ['moirai run', 'MessagePort']) {
    const request = { contender, workload: 'empty', windows: [], settings };
    results[contender] = (await measure(request, cpus?.main ?? 0)).latency;
  }
  return results;
}

async function measure(request, onlyCpu) {
  const child = start('measure.mjs', request, { onlyCpu });
  let line = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (line += chunk));
  const [code, signal] = await once(child, 'close');
  if (code !== 0) {
    throw new Error(`${request.contender}, ${request.workload}: ended with ${code ?? signal}`);
  }
  return JSON.parse(line);
}

function start(name, request, { onlyCpu, flags = [] } = {}) {
  const command = [process.execPath, ...flags, program(name), JSON.stringify(request)];
  if (onlyCpu !== undefined) command.unshift('taskset', '-c', String(onlyCpu));
  return spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** All at the same time: they do nothing. */
async function idle() {
  const kinds = ['executor', 'timers', 'bare'];
  const ms = (idleSeconds + settleSeconds + 60) * 1000;
  const subjects = [];
  for (const kind of kinds) {
    const request = { kind, workers: idleWorkers, tasks: idleTasks, ms };
    const child = start('idle.mjs', request, { flags: idleFlags });
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
        workers: idleWorkers,
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

await main();
