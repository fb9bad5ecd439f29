// How late ticks are, beside cyclictest at the same priority, on the same CPU and on the same grid: in turns,
// so that what the machine does meanwhile meets all of them; idle, and with stress-ng on the other CPUs.
// Then whether they drift.
//
//   npm run bench:realtime [-- --rounds 12] [-- --seconds 5] [-- --drift-seconds 60] [-- --period 1000]
//     [-- --phase 500] [-- --priority 80] [-- --cpu N] [-- --only exclusive,cooperative] [-- --quick]
//
// About 19 minutes. Writes bench/results/realtime.json, realtime.md and realtime.svg; with --quick, which
// only shows that everything runs, or with --only, into build/bench. Exit code 1: a target is missed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { affinity } from 'moirai';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';
import { cyclictest, cyclictestRefused } from './cyclictest.mjs';
import { plot } from './plot.mjs';
import { report, us } from './report.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    seconds: { type: 'string', default: '5' },
    'drift-seconds': { type: 'string', default: '60' },
    period: { type: 'string', default: '1000' },
    phase: { type: 'string', default: '500' },
    priority: { type: 'string', default: '80' },
    cpu: { type: 'string', default: String(affinity.get().at(-1)) },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const { quick } = options;
const plan = {
  rounds: quick ? 1 : Number(options.rounds),
  seconds: quick ? 0.5 : Number(options.seconds),
  driftSeconds: quick ? 1 : Number(options['drift-seconds']),
  periodUs: Number(options.period),
  phaseUs: Number(options.phase),
  priority: Number(options.priority),
  cpu: Number(options.cpu),
};
const others = affinity.get().filter((id) => id !== plan.cpu);
const left = [];

/** What a program of this folder prints, in a process of its own. */
async function inProcess(file, ...words) {
  const program = join(root, 'bench/realtime', file);
  const child = spawn(process.execPath, [program, ...words.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${file} ${words.join(' ')} ended with ${code}`);
  return JSON.parse(text);
}

function contender(name, seconds = plan.seconds) {
  const { periodUs, phaseUs, priority, cpu } = plan;
  if (name === 'cyclictest') return cyclictest({ ...plan, seconds });
  return inProcess('contender.mjs', name, seconds, periodUs, phaseUs, priority, cpu);
}

const known = ['exclusive', 'cooperative', 'exclusive-spin', 'cooperative-spin', 'deadline'];
const names = [...known, 'setInterval'].filter(
  (name) => options.only === undefined || options.only.split(',').includes(name),
);
const refused = cyclictestRefused(plan.priority);
if (refused === undefined) names.unshift('cyclictest');
else left.push(`cyclictest, so there are no ratios: ${refused}`);

const hasStress = spawnSync('stress-ng', ['--version']).error === undefined;
const loads = ['idle'];
if (others.length === 0) left.push('load, as there is no CPU but the one that is measured');
else if (hasStress) loads.push('loaded');
else left.push('load, as stress-ng is not installed (Debian: apt install stress-ng)');
for (const line of left) console.log(`left out: ${line}`);

/** Runs with the other CPUs busy. */
async function loaded(run) {
  const count = String(others.length);
  const words = ['--taskset', others.join(','), '--cpu', count, '--vm', '1', '--vm-bytes', '64m'];
  const load = spawn('stress-ng', [...words, '--quiet', '--timeout', '1h'], { stdio: 'ignore' });
  const gone = new Promise((resolve) => load.on('close', resolve));
  try {
    return await run();
  } finally {
    load.kill('SIGINT');
    await gone;
  }
}

const seen = watchOthers();
const results = [];
for (const kind of loads) {
  const runs = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of names) {
      const run = () => contender(name);
      runs[name].push(await (kind === 'loaded' ? loaded(run) : run()));
    }
  }
  for (const [name, all] of Object.entries(runs)) {
    const keys = ['p50', 'p90', 'p99', 'p999', 'max'];
    const late = Object.fromEntries(
      keys.map((key) => [key, median(all.map((run) => run.late[key]))]),
    );
    const ratio = Object.fromEntries(
      keys.map((key) => [key, medianRatio(all, runs.cyclictest ?? [], key)]),
    );
    const pooled = new Map();
    for (const [value, count] of all.flatMap(({ histogram }) => histogram)) {
      pooled.set(value, (pooled.get(value) ?? 0) + count);
    }
    const histogram = [...pooled].toSorted(([a], [b]) => a - b);
    results.push({ kind, name, late, ratio, histogram, rounds: all.map(brief) });
  }
}

/** A run without its histogram, which stands among those of all rounds. */
function brief(run) {
  return { ...run, histogram: undefined };
}

/** To cyclictest in the same round; it says 0 for less than 1 µs. */
function medianRatio(all, reference, key) {
  const ratios = all.flatMap((run, round) => {
    const best = reference[round]?.late[key];
    return best === undefined ? [] : [run.late[key] / Math.max(1, best)];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

for (const why of new Set(results.flatMap(({ rounds }) => rounds.flatMap((run) => run.degraded)))) {
  if (why !== undefined) left.push(`what the kernel refused: ${why}`);
}

const drift = [];
for (const name of ['exclusive', 'cooperative', 'setInterval'].filter((n) => names.includes(n))) {
  drift.push({ name, ...brief(await contender(name, plan.driftSeconds)) });
}

const targets = [];
const demand = (what, is, target, met) => targets.push({ what, is, target, met });
for (const { kind, name, late, ratio } of results) {
  const bound = { exclusive: 1.5, cooperative: 3 }[name];
  if (bound === undefined) continue;
  for (const key of ['p50', 'p99']) {
    if (ratio[key] === undefined) continue;
    const what = `${name}, ${kind}: ${key} × cyclictest's`;
    demand(what, ratio[key].toFixed(2), `≤ ${bound}`, ratio[key] <= bound);
  }
  const free = results.find((other) => other.kind === kind && other.name === 'setInterval');
  if (free === undefined) continue;
  const nearer = free.late.p50 / late.p50;
  const what = `${name}, ${kind}: nearer to the grid than setInterval at p50`;
  demand(what, `${Math.round(nearer).toLocaleString('en')} times`, '≥ 1,000', nearer >= 1000);
}
for (const { name, driftUs, offGridUs, late } of drift) {
  if (offGridUs === undefined) continue;
  // A drift adds up; what wake-ups differ by from one minute to the next does not.
  const met = offGridUs === 0 && Math.abs(driftUs) <= late.p99;
  demand(`${name}: drift`, `${us(driftUs)} µs`, 'on the grid, within p99', met);
}

const machine = { ...describeMachine(['moirai']), ...seen() };
if (refused === undefined) {
  const { stdout, stderr } = spawnSync('cyclictest', ['--help'], { encoding: 'utf8' });
  machine.versions['rt-tests'] = /V ([\d.]+)/u.exec(stdout + stderr)?.[1] ?? 'unknown';
}
const out = join(root, quick || options.only !== undefined ? 'build/bench' : 'bench/results');
mkdirSync(out, { recursive: true });
const file = join(out, 'realtime.json');
const whole = { machine, plan, left, targets, results, drift };
writeFileSync(file, `${JSON.stringify(whole, undefined, 2)}\n`);
formatFile(file);
const page = report(whole);
writeFileSync(join(out, 'realtime.md'), page);
const titles = { idle: 'idle', loaded: 'with stress-ng on the other CPUs' };
const panels = loads.map((kind) => [titles[kind], results.filter((one) => one.kind === kind)]);
const note = `period ${plan.periodUs} µs, FIFO ${plan.priority}; ${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}, ${machine.date.slice(0, 10)}`;
writeFileSync(join(out, 'realtime.svg'), plot(panels, note));
console.log(page);
console.log(`written: ${file}, .md and .svg`);
if (!quick && targets.some(({ met }) => !met)) process.exitCode = 1;
