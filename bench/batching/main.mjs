// What batching does: throughput beside the same channel without it, from one thread to another; and a
// load that steps up and down a hundredfold, with the size of batches and the delay of every message.
//
//   npm run bench:batching -- [--quick]     writes bench/results/batching.json and batching.svg
//
// Both threads block at the channel when they have to wait. Cases and their counterparts take turns, and
// medians of three are printed. CPU time is that of
// both threads for a message: it says something on a machine that does other things as well. The delay is from the call of trySend to the receiver's next turn, so it has
// the waking of its thread in it.
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { Worker } from 'node:worker_threads';
import { cloneable, createChannel, f64, share, utf8 } from 'moirai';
import { describeMachine } from '../machine.mjs';
import { plot } from './plot.mjs';

const quick = process.argv.includes('--quick');
const rounds = quick ? 1 : 3;
const results = new URL('../results/', import.meta.url);
const order = { id: 7, symbol: 'ABCDEF', price: 101.5, buy: true, venue: 'XY' };

const codecs = {
  'f64()': [f64, 1.5, 4_000_000],
  'utf8(32), 5 characters': [() => utf8(32), 'hello', 500_000],
  'cloneable(64), a number': [() => cloneable(64), 7, 1_000_000],
  'cloneable(256), five fields': [() => cloneable(256), order, 100_000],
};

async function start(receiver, job) {
  const workerData = { receiver: share(receiver), job };
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData });
  await once(worker, 'message');
  return worker;
}

async function throughput(kind, make, value, messages, batching) {
  const room = batching === undefined ? { capacity: 1024 } : { capacity: 64, batching };
  const { sender, receiver } = createChannel({ kind, codec: make(), ...room });
  const worker = await start(receiver, 'count');
  receiver.close();
  const said = once(worker, 'message');
  const began = performance.now();
  const usage = process.cpuUsage();
  for (let i = 0; i < messages; i++) if (!sender.trySend(value)) sender.sendSync(value);
  sender.close();
  const [{ result }] = await said;
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(usage);
  if (result !== messages) throw new Error(`${result} of ${messages} messages arrived`);
  await worker.terminate();
  return { perSecond: messages / seconds, cpuNs: ((user + system) * 1000) / messages };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function compare() {
  const table = [];
  for (const kind of ['spsc', 'mpmc']) {
    for (const [codec, [make, value, count]] of Object.entries(codecs)) {
      const messages = quick ? Math.ceil(count / 20) : count;
      const plain = [];
      const batched = [];
      for (let round = 0; round < rounds; round++) {
        plain.push(await throughput(kind, make, value, messages, undefined));
        batched.push(await throughput(kind, make, value, messages, {}));
      }
      const medians = (runs) => ({
        perSecond: median(runs.map(({ perSecond }) => perSecond)),
        cpuNs: median(runs.map(({ cpuNs }) => cpuNs)),
      });
      const row = { kind, codec, plain: medians(plain), batched: medians(batched) };
      table.push(row);
      const figure = ({ perSecond, cpuNs }) =>
        `${(perSecond / 1e6).toFixed(2)} M/s and ${cpuNs.toFixed(0)} ns of both CPUs`;
      const ratio = (row.batched.perSecond / row.plain.perSecond).toFixed(1);
      const work = (row.plain.cpuNs / row.batched.cpuNs).toFixed(1);
      console.log(
        `${kind} ${codec}: ${figure(row.plain)} alone, ${figure(row.batched)} in batches: ${ratio}×, ${work}× by CPU time`,
      );
    }
  }
  return table;
}

/** Messages a second in each phase, and how long one lasts. */
const phases = [200, 20_000, 200, 20_000, 200];
const phaseMs = 400;
const batching = { maxDelay: 4, target: 2, maxSize: 1000 };

async function steps() {
  const { sender, receiver } = createChannel({ kind: 'mpmc', codec: f64(), batching });
  const worker = await start(receiver, 'delays');
  receiver.close();
  const said = once(worker, 'message');
  const clock = () => Number(process.hrtime.bigint()) / 1e6;
  const sizes = [];
  const rates = [];
  const began = clock();
  let due = 0;
  let last = 0;
  for (;;) {
    const now = clock() - began;
    const phase = Math.floor(now / phaseMs);
    if (phase >= phases.length) break;
    due += ((now - last) / 1000) * phases[phase];
    last = now;
    for (; due >= 1; due--) sender.trySend(clock());
    const { batchSize } = sender.stats();
    sizes.push([now, batchSize]);
    rates.push([now, phases[phase]]);
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
  sender.close();
  const [{ result, stats }] = await said;
  await worker.terminate();
  const delays = result.map(([sent, delay]) => [sent - began, delay]);
  return { sizes, rates, delays, batches: stats.batches };
}

/** How long after each step until the size is, and stays for 20 ms, within a third of what it will be. */
function adaptation(sizes) {
  return phases.slice(1).map((_, index) => {
    const from = (index + 1) * phaseMs;
    const phase = sizes.filter(([ms]) => ms >= from && ms < from + phaseMs);
    const settled = median(phase.filter(([ms]) => ms > from + phaseMs / 2).map(([, size]) => size));
    const fits = ([, size]) => Math.abs(size - settled) <= Math.max(1, settled / 3);
    const first = phase.findIndex(
      ([ms], at) =>
        fits(phase[at]) && phase.slice(at).every((one) => one[0] > ms + 20 || fits(one)),
    );
    return { settled, ms: first < 0 ? null : phase[first][0] - from };
  });
}

const table = await compare();
const { sizes, rates, delays, batches } = await steps();
const adapted = adaptation(sizes);
const all = delays.map(([, delay]) => delay).toSorted((a, b) => a - b);
const at = (part) => all[Math.min(all.length - 1, Math.floor(all.length * part))];
const delay = { p50: at(0.5), p99: at(0.99), max: at(1) };
console.log(`steps: ${all.length} messages in ${batches} batches; delay ms`, delay);
console.log('sizes after each step, and when they were reached, ms', adapted);
if (!quick) {
  // How many wanted a CPU in the last minute: of these figures those of a busy machine say little.
  const machine = { ...describeMachine(), load: loadavg()[0] };
  const report = {
    machine,
    throughput: table,
    steps: { phases, phaseMs, batching, batches, delay, adapted },
  };
  writeFileSync(new URL('batching.json', results), `${JSON.stringify(report, null, 2)}\n`);
  const subtitle = `maxDelay ${batching.maxDelay} ms, target ${batching.target} ms; delay p50 ${delay.p50.toFixed(2)}, p99 ${delay.p99.toFixed(2)} ms; over ${phases.length} phases of ${phaseMs} ms`;
  const rows = [
    { title: 'messages a second', points: rates },
    { title: 'size of a batch', points: sizes },
    {
      title: 'delay of a message, ms (dashed: maxDelay)',
      points: delays.filter((_, i) => i % 5 === 0),
      bound: batching.maxDelay,
    },
  ];
  writeFileSync(
    new URL('batching.svg', results),
    plot('A load that steps a hundredfold', subtitle, rows, phases.length * phaseMs),
  );
}
