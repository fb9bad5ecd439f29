// The textbook priority inversion: of three real-time threads on one CPU the low one holds a mutex, the high
// one waits for it, and the middle one, which needs no mutex, computes. Without priority inheritance the
// middle one keeps the low one from letting go, so the high one waits for both; with it the high one waits
// for the rest of the critical section. (Sha, Rajkumar, Lehoczky: Priority Inheritance Protocols, IEEE
// Transactions on Computers 39 (9), 1990.)
//
//   npm run bench:inversion [-- --rounds 20] [-- --cpu N] [-- --quick]
//
// Each period of 100 ms: low at 0 ms takes the mutex for 10 ms of work; high at 4 ms wants it; middle at
// 5 ms works for 30 ms. So the CPU is idle for more than half of the time, whatever happens. Writes
// bench/results/inversion.json and inversion.svg, with --quick into build/bench.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { affinity, Mutex, RealtimeContext, RtConstraints, share } from 'moirai';
import { describeMachine, formatFile, load, median, root } from '../machine.mjs';
import { plot } from './inversion-plot.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    cpu: { type: 'string', default: String(affinity.get().at(-1)) },
    quick: { type: 'boolean', default: false },
  },
});
const rounds = options.quick ? 3 : Number(options.rounds);
const cpu = Number(options.cpu);
const periodUs = 100_000;
const work = { low: 10, middle: 30, high: 1 };
const threads = {
  high: { priority: 30, phaseUs: 4000 },
  middle: { priority: 20, phaseUs: 5000 },
  low: { priority: 10, phaseUs: 0 },
};
const kinds = ['runs', 'waits', 'holds'];
/** Rounds in which code is compiled. */
const warmUp = 2;

/** What the threads did: [{ thread, round, kind, from, to }], ms of CLOCK_MONOTONIC. */
async function observe(mutexOptions) {
  const mutex = new Mutex(mutexOptions);
  const observed = await Promise.all(
    Object.entries(threads).map(async ([name, { priority, phaseUs }]) => {
      const log = new SharedArrayBuffer(8 * (1 + 4 * 16 * (rounds + warmUp + 4)));
      const context = await RealtimeContext.start({
        tasks: new URL('./inversion-loops.mjs', import.meta.url),
        policy: RtConstraints.fifo(priority),
        cpu,
        workerData: { mutex: share(mutex), log, periodUs, work },
      });
      return { name, phaseUs, log: new Float64Array(log), context };
    }),
  );
  const tasks = observed.map(({ context, name, phaseUs }) =>
    context.periodic(name, { periodUs, phaseUs }),
  );
  while (tasks.some((task) => task.stats().ticks < rounds + warmUp + 1)) await sleep(20);
  await Promise.all(observed.map(({ context }) => context.close()));
  return observed.flatMap(({ name: thread, log }) =>
    Array.from({ length: log[0] }, (_, i) => {
      const [round, kind, from, to] = log.subarray(1 + 4 * i, 5 + 4 * i);
      return { thread, round, kind: kinds[kind], from, to };
    }),
  );
}

/** Per round how long the high one waited, and the round in the middle of these as a picture of all. */
function summarize(entries) {
  const waits = entries.filter(({ thread, kind }) => thread === 'high' && kind === 'waits');
  // In every one of these all three began.
  const numbers = Object.keys(threads).map(
    (name) => new Set(entries.filter(({ thread }) => thread === name).map(({ round }) => round)),
  );
  const whole = waits.filter(({ round }) => numbers.every((one) => one.has(round)));
  const counted = whole.slice(warmUp, warmUp + rounds);
  const byLength = counted.toSorted((a, b) => a.to - a.from - (b.to - b.from));
  const lengths = byLength.map(({ from, to }) => round3(to - from));
  const { round } = byLength[Math.floor((byLength.length - 1) / 2)];
  const beginMs = (round * periodUs) / 1000;
  return {
    highWaitsMs: { median: round3(median(lengths)), max: lengths.at(-1), each: lengths },
    timeline: entries
      .filter((entry) => entry.round === round)
      .map(({ thread, kind, from, to }) => ({
        thread,
        kind,
        fromMs: round3(from - beginMs),
        toMs: round3(to - beginMs),
      })),
  };
}

const round3 = (ms) => Math.round(ms * 1000) / 1000;

const report = {
  machine: { ...describeMachine(), load: load() },
  cpu,
  periodMs: periodUs / 1000,
  workMs: work,
  threads,
  rounds,
  plain: summarize(await observe({})),
  inheriting: summarize(await observe({ priorityInheritance: true })),
};
for (const name of ['plain', 'inheriting']) {
  const { median: middle, max } = report[name].highWaitsMs;
  console.log(
    `${name.padEnd(12)} the high one waited ${middle} ms (median of ${rounds}), at most ${max}`,
  );
}
const folder = join(root, options.quick ? 'build/bench' : 'bench/results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'inversion.json'), JSON.stringify(report));
formatFile(join(folder, 'inversion.json'));
writeFileSync(join(folder, 'inversion.svg'), plot(report));
