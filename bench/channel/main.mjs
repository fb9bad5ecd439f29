// Messages from one thread to another: how many a second, and how long one takes there and back.
//
//   npm run bench:channel [-- --rounds 7] [-- --quick]
//
// Each contender and round is a process of its own, threads on two CPUs; rounds alternate, medians are
// kept in bench/results/channel.json.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createChannel, topology } from 'moirai';
import { chooseCpus, createPinned } from '../executor/placement.mjs';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';
import { latency, throughput } from './contenders.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, quick: { type: 'boolean', default: false } },
});
const roundMs = options.quick ? 30 : 400;

/** Messages a second, in a round of `roundMs` after one to warm up. */
async function measureThroughput(contender, cpus) {
  const { run, stop } = contender(cpus);
  let count = 1000;
  let spent = 0;
  for (const target of [roundMs / 4, roundMs / 4, roundMs]) {
    count = Math.max(1000, Math.round(count * Math.min(20, target / (spent || target / 20))));
    const start = performance.now();
    await run(count);
    spent = performance.now() - start;
  }
  await stop();
  return (count / spent) * 1000;
}

/** Microseconds there and back: [p50, p99]. */
async function measureLatency(contender, cpus, pauseMs) {
  const { trip, stop } = contender(cpus);
  const trips = options.quick ? 200 : pauseMs > 0 ? 400 : 20_000;
  const times = new Float64Array(trips);
  for (let i = 0; i < 500; i++) await trip(i);
  for (let i = 0; i < trips; i++) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const start = performance.now();
    await trip(i);
    times[i] = (performance.now() - start) * 1000;
  }
  await stop();
  times.sort();
  return [times[trips >> 1], times[Math.floor(trips * 0.99)]];
}

/** What one process measures: `throughput NAME`, or `spinning NAME` and `parked NAME` of latency. */
async function child([what, name]) {
  const cpus = chooseCpus(topology());
  createChannel().sender.close(); // before this thread is bound: asks how many CPUs there are
  createPinned(cpus, () => undefined);
  const result =
    what === 'throughput'
      ? await measureThroughput(throughput[name], cpus)
      : await measureLatency(latency[name], cpus, what === 'parked' ? 2 : 0);
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

function measure(what, name) {
  const words = [fileURLToPath(import.meta.url), what, name, ...(options.quick ? ['--quick'] : [])];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${what} ${name}: ${stderr}`);
  return JSON.parse(stdout);
}

function main() {
  const rounds = options.quick ? 1 : Number(options.rounds);
  const cases = [
    ...Object.keys(throughput).map((name) => ['throughput', name]),
    ...['spinning', 'parked'].flatMap((what) => Object.keys(latency).map((name) => [what, name])),
  ];
  const results = new Map(cases.map((one) => [one, []]));
  const others = watchOthers();
  for (let round = 0; round < rounds; round++) {
    for (const one of cases) results.get(one).push(measure(...one));
  }
  const report = { machine: describeMachine(['moirai']), rounds, busy: others(), throughput: {} };
  for (const [[what, name], values] of results) {
    if (what === 'throughput') {
      const perSecond = Math.round(median(values));
      report.throughput[name] = perSecond;
      console.log(`${name.padEnd(40)}${(perSecond / 1e6).toFixed(2)} M/s`);
    } else {
      const p50 = Number(median(values.map(([p]) => p)).toFixed(2));
      const p99 = Number(median(values.map(([, p]) => p)).toFixed(2));
      (report[what] ??= {})[name] = { p50, p99 };
      console.log(`${`${name}, ${what}`.padEnd(40)}p50 ${p50} µs, p99 ${p99} µs`);
    }
  }
  console.log(report.busy);
  const folder = join(root, options.quick ? 'build/bench' : 'bench/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'channel.json'), JSON.stringify(report));
  formatFile(join(folder, 'channel.json'));
}

if (positionals.length > 0) await child(positionals);
else main();
