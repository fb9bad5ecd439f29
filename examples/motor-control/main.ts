// A motor whose speed is controlled a thousand times a second, by a real-time context and by setInterval,
// while the main thread has other things to do:
//
//   npm run example:motor [-- SECONDS [FILE.svg]]
import { writeFileSync } from 'node:fs';
import { byInterval } from './by-interval.js';
import { periodUs, type Sample } from './drive.js';
import { band, figuresOf, type Figures } from './figures.js';
import { office } from './office.js';
import { onThread } from './on-a-thread.js';
import { plot } from './plot.js';

const seconds = Number(process.argv[2] ?? 4);
const file = process.argv[3] ?? 'motor.svg';
const periods = Math.round((seconds * 1e6) / periodUs);
/** When the load grows. */
const step = seconds / 2;

async function inTurn(): Promise<[string, Sample[]][]> {
  using _work = office();
  const { samples, refused } = await onThread(periods, step);
  for (const why of refused) console.error(why);
  return [
    ['real-time context', samples],
    ['setInterval', await byInterval(periods, step)],
  ];
}

const runs = await inTurn();
const figures = runs.map(([, samples]) => figuresOf(samples, step));
const row = (name: string, cell: (figures: Figures) => string): void => {
  console.log(`${name.padEnd(38)}${figures.map((each) => cell(each).padStart(20)).join('')}`);
};
console.log(`${''.padEnd(38)}${runs.map(([name]) => name.padStart(20)).join('')}`);
row('calls', ({ calls }) => String(calls));
row('from call to call, µs, p50', ({ period }) => period.p50.toFixed(0));
row('                       p99', ({ period }) => period.p99.toFixed(0));
row('                       max', ({ period }) => period.max.toFixed(0));
row('error, rad/s, root mean square', ({ rms }) => rms.toFixed(2));
row('error after the load grew, at most', ({ worst }) => worst.toFixed(1));
row(`within ${band} rad/s after, ms`, ({ settledMs }) => settledMs?.toFixed(0) ?? 'never again');

writeFileSync(
  file,
  plot(
    runs.map(([name, samples]) => ({ name, samples })),
    seconds,
    step,
  ),
);
console.log(`plotted in ${file}`);
