// How long after the end of the last tick the safe state is called, however the ticks came to an end: the
// bound is the timeout and a look of the watchdog, a quarter of it, and what its thread takes to wake up.
//
//   npm run bench:safe-state [-- --rounds 50] [--timeout 20000] [--write]
//
// hangs: the tick never returns. blocked: the same, and the owner's thread does nothing but wait in between.
// exits: process.exit in the tick ends the thread. throws: the tick throws. hoards: the isolate runs out of
// memory and is ended by V8. `--write` keeps the result as bench/results/safe-state.json and .md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { affinity, RealtimeContext, RtConstraints } from 'moirai';
import { describeMachine, load, root } from '../machine.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    timeout: { type: 'string', default: '20000' },
    write: { type: 'boolean', default: false },
  },
});
const [rounds, timeoutUs] = [options.rounds, options.timeout].map(Number);
const looks = 4;
const boundUs = timeoutUs + timeoutUs / looks;

/** Microseconds from the end of the last tick to the call of the safe state. */
async function once(mode, how) {
  const memory = new SharedArrayBuffer(16);
  const times = new BigInt64Array(memory);
  const cpu = affinity.get().at(-1);
  const end = how === 'blocked' ? 'hangs' : how;
  const rt = await RealtimeContext.start({
    tasks: new URL('./safe-state-loops.mjs', import.meta.url),
    policy: RtConstraints.fifo(60),
    cpu,
    mode,
    workerData: { memory, how: end, ticks: 20 },
    required: false,
  });
  const tripped = Promise.withResolvers?.() ?? withResolvers();
  rt.periodic('control', {
    periodUs: 1000,
    watchdog: { timeoutUs, safeState: 'brake', onTrip: tripped.resolve },
    onError: () => undefined,
  });
  if (how === 'blocked') {
    while (Atomics.load(times, 0) === 0n) await new Promise((resolve) => setTimeout(resolve, 1));
    while (Atomics.load(times, 1) === 0n) Atomics.wait(times, 1, 0n, 1);
  }
  const { why } = await tripped.promise;
  const us = Number(times[1] - times[0]) / 1000;
  const { policy } = rt.granted;
  await rt.close();
  return { us, why, policy };
}

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const results = [];
for (const mode of ['exclusive', 'cooperative']) {
  for (const how of ['hangs', 'blocked', 'exits', 'throws', 'hoards']) {
    const runs = [];
    for (let round = 0; round < rounds; round++) runs.push(await once(mode, how));
    const sorted = runs.map(({ us }) => us).sort((a, b) => a - b);
    const [p50, max] = [sorted[Math.ceil(rounds / 2) - 1], sorted.at(-1)];
    const late = runs.filter(({ us }) => us > boundUs).length;
    const why = Object.fromEntries(
      [...new Set(runs.map((run) => run.why))].map((word) => [
        word,
        runs.filter((run) => run.why === word).length,
      ]),
    );
    results.push({ mode, how, runs: rounds, p50, max, late, why, policy: runs[0].policy });
  }
}

const ms = (us) => (us / 1000).toFixed(2);
const told = (why) =>
  Object.entries(why)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
const table = [
  '| mode | the tick | p50 ms | max ms | beyond the bound | told as |',
  '| --- | --- | --- | --- | --- | --- |',
  ...results.map(
    ({ mode, how, p50, max, late, why }) =>
      `| ${mode} | ${how} | ${ms(p50)} | ${ms(max)} | ${late} | ${told(why)} |`,
  ),
].join('\n');
const worst = Math.max(...results.map(({ max }) => max));
const summary =
  `Timeout ${ms(timeoutUs)} ms, bound ${ms(boundUs)} ms and a wake-up; the slowest of ` +
  `${results.length * rounds}: ${ms(worst)} ms, load average ${load().toFixed(1)}.`;
console.log(`${table}\n\n${summary}`);
const report = {
  machine: describeMachine(['moirai']),
  plan: { rounds, timeoutUs, boundUs },
  results,
};
mkdirSync(`${root}build/bench`, { recursive: true });
const json = `${JSON.stringify(report, undefined, 2)}\n`;
writeFileSync(`${root}build/bench/safe-state.json`, json);
if (options.write) {
  const { machine } = report;
  const where = `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}`;
  const words = `\`npm run bench:safe-state -- --rounds ${rounds} --write\`; ${where}.`;
  const lines = ['# From the last tick to the safe state', words, summary, table];
  writeFileSync(`${root}bench/results/safe-state.json`, json);
  writeFileSync(`${root}bench/results/safe-state.md`, `${lines.join('\n\n')}\n`);
}
