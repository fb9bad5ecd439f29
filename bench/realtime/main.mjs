// How late ticks are, beside cyclictest at the same priority and on the same CPU: in turns, so that what
// the machine does meanwhile meets all of them; idle, and with stress-ng on the other CPUs.
//
//   node bench/realtime/main.mjs [--rounds 6] [--seconds 10] [--period 1000] [--priority 80] [--cpu N]
//
// Writes build/bench/realtime.json. Figures count when nothing else runs (bench/README.md).
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { affinity } from 'moirai';
import { describeMachine, load, root } from '../machine.mjs';
import { cyclictest, hasCyclictest } from './cyclictest.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '10' },
    period: { type: 'string', default: '1000' },
    priority: { type: 'string', default: '80' },
    cpu: { type: 'string', default: String(affinity.get().at(-1)) },
  },
});
const [rounds, cpu] = [Number(options.rounds), Number(options.cpu)];
const plan = {
  seconds: Number(options.seconds),
  periodUs: Number(options.period),
  priority: Number(options.priority),
  cpu,
};

/** What a contender's own process says. */
async function inProcess(name) {
  const { seconds, periodUs, priority } = plan;
  const program = `${root}bench/realtime/contender.mjs`;
  const words = [program, name, seconds, periodUs, priority, cpu].map(String);
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return JSON.parse(text);
}

const contenders = {
  ...(hasCyclictest ? { cyclictest: () => cyclictest(plan) } : {}),
  exclusive: () => inProcess('exclusive'),
  cooperative: () => inProcess('cooperative'),
  setInterval: () => inProcess('setInterval'),
};
if (!hasCyclictest) console.log('cyclictest is left out: it is not installed (Debian: rt-tests)');

const others = affinity.get().filter((id) => id !== cpu);
const hasStress = spawnSync('stress-ng', ['--version']).error === undefined;
const stressed = hasStress && others.length > 0;
if (!stressed) console.log('load is left out: no stress-ng, or no other CPU');

function startLoad() {
  const count = String(others.length);
  const words = ['--taskset', others.join(','), '--cpu', count, '--vm', '1', '--vm-bytes', '64m'];
  return spawn('stress-ng', [...words, '--quiet', '--timeout', '1h'], { stdio: 'ignore' });
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
const results = [];
for (const kind of stressed ? ['idle', 'loaded'] : ['idle']) {
  const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const background = kind === 'loaded' ? startLoad() : undefined;
      runs[name].push(await run());
      if (background === undefined) continue;
      const gone = new Promise((resolve) => background.on('close', resolve));
      background.kill('SIGINT');
      await gone;
    }
  }
  for (const [name, all] of Object.entries(runs)) {
    const late = Object.fromEntries(
      ['p50', 'p99', 'max'].map((key) => [key, median(all.map((run) => run.late[key]))]),
    );
    results.push({ kind, name, late, runs: all });
  }
}

const us = (value) => (value === undefined ? '-' : value.toFixed(1)).padStart(12);
console.log(`late by µs, medians of ${rounds} rounds of ${plan.seconds} s; load average ${load()}`);
const heading = ['p50', 'p99', 'max'].map((key) => key.padStart(12)).join('');
console.log(`${'load'.padEnd(8)}${'contender'.padEnd(14)}${heading}  p50, p99 × cyclictest`);
for (const { kind, name, late } of results) {
  const best = results.find((other) => other.kind === kind && other.name === 'cyclictest')?.late;
  const times = (key) => (best === undefined ? '-' : (late[key] / best[key]).toFixed(2));
  const row = `${kind.padEnd(8)}${name.padEnd(14)}${us(late.p50)}${us(late.p99)}${us(late.max)}`;
  console.log(`${row}  ${times('p50')}, ${times('p99')}`);
}
mkdirSync(`${root}build/bench`, { recursive: true });
const report = { machine: describeMachine(['moirai']), plan: { ...plan, rounds }, results };
writeFileSync(`${root}build/bench/realtime.json`, `${JSON.stringify(report, undefined, 2)}\n`);
