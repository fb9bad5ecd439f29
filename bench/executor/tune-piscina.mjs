// Which settings are piscina's best for empty tasks? Prints tasks a second for each; what is best is
// `tuned` in contenders.mjs. Not part of a run: node bench/executor/tune-piscina.mjs [rounds]
import { spawnSync } from 'node:child_process';
import { topology } from 'moirai';
import { median } from '../machine.mjs';
import { chooseCpus } from './placement.mjs';
import { startPiscina } from './contenders.mjs';
import { rates } from './rates.mjs';

const windows = [64, 10_000];
const [request] = process.argv.slice(2);

if (request !== undefined && request.startsWith('{')) {
  const { options, cpus } = JSON.parse(request);
  const call = await startPiscina({ task: 'empty', workers: 1, cpus }, options);
  const settings = { warmUpMs: 150, throughputMs: 300 };
  const result = await rates({ call, input: () => undefined, job: { windows }, settings });
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
} else {
  const cpus = chooseCpus(topology());
  const choices = [1, 16, 64, 256, 1024].flatMap((concurrentTasksPerWorker) =>
    ['sync', 'async', 'disabled'].flatMap((atomics) =>
      [false, true].map((fixedQueue) => ({ concurrentTasksPerWorker, atomics, fixedQueue })),
    ),
  );
  const seen = new Map(choices.map((options) => [options, []]));
  for (let round = 0; round < Number(request ?? 3); round++) {
    for (const options of choices) seen.get(options).push(measure(options, cpus));
  }
  for (const [options, rounds] of seen) {
    const rate = (window) => median(rounds.map((round) => round[`rate${window}`])).toFixed(0);
    console.log(JSON.stringify(options), ...windows.map(rate));
  }
}

function measure(options, cpus) {
  const program = [import.meta.filename, JSON.stringify({ options, cpus })];
  const { stdout, status } = spawnSync(process.execPath, program, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${JSON.stringify(options)}: ended with ${status}`);
  return JSON.parse(stdout);
}
