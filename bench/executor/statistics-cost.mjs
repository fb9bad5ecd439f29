// What do statistics cost? Empty tasks through two executors that differ in the option `statistics`
// alone, in turns.
//
//   node bench/executor/statistics-cost.mjs [--rounds N] [--ms N] [--window N]
//
// Prints tasks a second of each and the median of the ratios within a round, with its quartiles. The
// second line is the same comparison of two executors with statistics off: what the method itself
// cannot tell apart.
import { parseArgs } from 'node:util';
import { affinity, Executor, topology } from 'moirai';
import { chooseCpus } from './placement.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    ms: { type: 'string', default: '150' },
    window: { type: 'string', default: '1000' },
  },
});
const [rounds, ms, window] = [values.rounds, values.ms, values.window].map(Number);
const tasks = new URL('./tasks.mjs', import.meta.url);
const cpus = chooseCpus(topology());
if (cpus !== undefined) affinity.pin([cpus.main]);

const start = (statistics) =>
  Executor.start({
    tasks,
    threads: 1,
    ...(cpus === undefined ? {} : { pin: 'cpu' }),
    statistics,
    retain: statistics ? 256 : 0,
  });
const executors = [await start(true), await start(false), await start(false)];
const [on, off, control] = executors;

/** Keeps `window` tasks outstanding for about `ms`; tasks a second. */
async function throughput(executor) {
  const begun = performance.now();
  let done = 0;
  let end = 0;
  const lane = async () => {
    while (end === 0) {
      await executor.run.empty();
      if ((++done & 63) === 0 && performance.now() - begun >= ms) end = performance.now();
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
  return (done / (performance.now() - begun)) * 1000;
}

async function compare(a, b) {
  const pairs = [];
  for (let round = -2; round < rounds; round++) {
    // Whoever comes first in a round comes second in the next.
    const first = await throughput(round % 2 === 0 ? a : b);
    const second = await throughput(round % 2 === 0 ? b : a);
    if (round >= 0) pairs.push(round % 2 === 0 ? [first, second] : [second, first]);
  }
  const ratios = pairs.map(([left, right]) => left / right).toSorted((x, y) => x - y);
  const at = (share) => ratios[Math.floor(share * (ratios.length - 1))].toFixed(4);
  const mean = (index) => pairs.reduce((sum, pair) => sum + pair[index], 0) / pairs.length;
  return (
    `${Math.round(mean(0))} and ${Math.round(mean(1))} tasks/s, ` +
    `ratio ${at(0.5)} (quartiles ${at(0.25)} to ${at(0.75)})`
  );
}

console.log(`statistics on and off: ${await compare(on, off)}`);
console.log(`off and off:           ${await compare(control, off)}`);
await Promise.all(executors.map((executor) => executor.close()));
