// What do statistics cost? Empty tasks through two executors that differ in the option `statistics`
// alone, in turns.
//
//   node bench/executor/statistics-cost.mjs [--rounds N] [--ms N] [--window N]
//
// Prints tasks a second and CPU time a task (of this whole process: main and worker) of each, and the
// median of the ratios within a round, with their quartiles; above 1 statistics are dearer. The control
// is the same comparison of two executors with statistics off: what the method itself cannot tell
// apart. CPU time, and the best tenth of the rounds, are what holds on a machine that has other things
// to do.
import { parseArgs } from 'node:util';
import { affinity, Executor, topology } from 'moirai';
import { chooseCpus } from './placement.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '60' },
    ms: { type: 'string', default: '25' },
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
const subjects = { on: await start(true), off: await start(false), control: await start(false) };

/** Keeps `window` tasks outstanding for about `ms`: µs and CPU µs of a task. */
async function run(executor) {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  let done = 0;
  let going = true;
  const lane = async () => {
    while (going) {
      await executor.run.empty();
      if ((++done & 63) === 0) going = performance.now() - begun < ms;
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
  const { user, system } = process.cpuUsage(cpu);
  return { time: ((performance.now() - begun) * 1000) / done, cpu: (user + system) / done };
}

const names = Object.keys(subjects);
const results = [];
for (let round = -10; round < rounds; round++) {
  // Each of the three comes first, second and last equally often.
  const result = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[(i + round + 12) % names.length];
    result[name] = await run(subjects[name]);
  }
  if (round >= 0) results.push(result);
}

const median = (list) => quantile(list, 0.5);
function quantile(list, share) {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))];
}
for (const name of names) {
  const of = (what, share) =>
    quantile(
      results.map((result) => result[name][what]),
      share,
    );
  console.log(
    `${name.padEnd(8)} ${Math.round(1e6 / of('time', 0.5))} tasks/s, best tenth ${Math.round(1e6 / of('time', 0.1))}; ` +
      `${of('cpu', 0.5).toFixed(3)} µs of CPU a task, best tenth ${of('cpu', 0.1).toFixed(3)}`,
  );
}
for (const name of ['on', 'control']) {
  for (const what of ['time', 'cpu']) {
    const ratios = results.map((result) => result[name][what] / result.off[what]);
    console.log(
      `${name} / off, ${what.padEnd(4)} ${median(ratios).toFixed(3)} ` +
        `(quartiles ${quantile(ratios, 0.25).toFixed(3)} to ${quantile(ratios, 0.75).toFixed(3)})`,
    );
  }
}
await Promise.all(Object.values(subjects).map((executor) => executor.close()));
