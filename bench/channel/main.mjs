// Messages from one thread to another: how many a second, and how long one takes there and back.
//
//   npm run bench:channel [-- --rounds 7] [-- --quick]
//
// Each contender and round is a process of its own, threads on two CPUs; rounds alternate, medians are
// kept in bench/results/channel.json and channel.md, beside rings in C++ where the peers are installed. Ends
// with exit code 1 when a target is missed. --quick only shows that all of it runs, results into
// build/bench.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createChannel, topology } from 'moirai';
import { chooseCpus, createPinned } from '../executor/placement.mjs';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';
import { latency, spinningOnly, throughput } from './contenders.mjs';
import { buildNativeRings, measureNativeRings, nativeVersions } from './native-rings.mjs';
import { markdown, verdicts } from './report.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, quick: { type: 'boolean', default: false } },
});
const roundMs = options.quick ? 30 : 400;

/** Messages a second, in a round of `roundMs` after one to warm up. */
async function measureThroughput(contender, cpus) {
  const { run, stop } = contender(cpus);
  const time = async (count) => {
    const start = performance.now();
    await run(count);
    return performance.now() - start;
  };
  // Ever more until a round takes its time: what is fast needs several steps, and is compiled meanwhile.
  let count = 1000;
  let spent = await time(count);
  while (spent < roundMs / 4) {
    count = Math.ceil(count * Math.min(20, roundMs / 3 / spent));
    spent = await time(count);
  }
  count = Math.ceil((count * roundMs) / spent);
  spent = await time(count);
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
      : await measureLatency(latency[name] ?? spinningOnly[name], cpus, what === 'parked' ? 2 : 0);
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

function measure(what, name) {
  const words = [fileURLToPath(import.meta.url), what, name, ...(options.quick ? ['--quick'] : [])];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${what} ${name}: ${stderr}`);
  return JSON.parse(stdout);
}

/** The medians, and between what they lie. */
function summarize(samples, spread) {
  return Object.fromEntries(
    [...samples].map(([name, values]) => {
      spread[name] = [Math.min(...values), Math.max(...values)].map(Math.round);
      return [name, Math.round(median(values))];
    }),
  );
}

const collect = (map, name, value) => map.set(name, [...(map.get(name) ?? []), value]);

function main() {
  const rounds = options.quick ? 1 : Number(options.rounds);
  const nativeLeftOut = buildNativeRings();
  if (nativeLeftOut !== undefined) console.log(`rings in C++ are left out: ${nativeLeftOut}`);
  const cpus = chooseCpus(topology());
  const rates = new Map();
  const nativeRates = new Map();
  const times = { spinning: new Map(), parked: new Map() };
  const others = watchOthers();
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(throughput)) {
      collect(rates, name, measure('throughput', name));
    }
    if (nativeLeftOut === undefined) {
      const found = measureNativeRings(cpus, options.quick ? 0.01 : 0.1);
      // They ran in random order.
      for (const name of Object.keys(found).toSorted()) collect(nativeRates, name, found[name]);
    }
    for (const name of Object.keys({ ...spinningOnly, ...latency })) {
      collect(times.spinning, name, measure('spinning', name));
    }
    for (const name of Object.keys(latency)) collect(times.parked, name, measure('parked', name));
  }
  const percentiles = (map) =>
    Object.fromEntries(
      [...map].map(([name, values]) => {
        const [p50, p99] = [0, 1].map((i) => Number(median(values.map((v) => v[i])).toFixed(2)));
        return [name, { p50, p99 }];
      }),
    );
  const machine = describeMachine(['moirai', 'ringbuf.js']);
  if (nativeLeftOut === undefined) Object.assign(machine.versions, nativeVersions());
  const spread = {};
  const report = {
    machine,
    rounds,
    busy: others(),
    throughput: summarize(rates, spread),
    ...(nativeLeftOut === undefined
      ? { native: summarize(nativeRates, spread) }
      : { nativeLeftOut }),
    spread,
    spinning: percentiles(times.spinning),
    parked: percentiles(times.parked),
  };
  report.verdicts = verdicts(report);
  const text = markdown(report);
  console.log(text);
  const folder = join(root, options.quick ? 'build/bench' : 'bench/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'channel.json'), JSON.stringify(report));
  formatFile(join(folder, 'channel.json'));
  writeFileSync(join(folder, 'channel.md'), text);
  if (!options.quick && report.verdicts.some(({ met }) => !met)) process.exitCode = 1;
}

if (positionals.length > 0) await child(positionals);
else main();
