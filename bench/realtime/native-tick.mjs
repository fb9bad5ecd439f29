// How late native ticks are while the isolate of their context collects garbage in full without a pause,
// beside JavaScript's ticks of the same context and, afterwards, cyclictest on the same CPU.
//
//   node --expose-gc bench/realtime/native-tick.mjs ADDON.node [--seconds 5] [--period 1000] [--cpu N]
//
// ADDON.node: test/realtime/fixtures/native-addon, built by node-gyp. Prints a line for each, in µs.
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { affinity, RealtimeContext, RtConstraints } from 'moirai';
import { cyclictest, cyclictestRefused } from './cyclictest.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '5' },
    period: { type: 'string', default: '1000' },
    cpu: { type: 'string', default: String(affinity.get().at(-1)) },
  },
});
const [seconds, periodUs, cpu] = [values.seconds, values.period, values.cpu].map(Number);
const addon = createRequire(import.meta.url)(positionals[0]);
const priority = 80;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const numbers = new BigInt64Array(new SharedArrayBuffer(5 * 8));

const rt = await RealtimeContext.start({
  tasks: new URL('../../test/realtime/fixtures/collecting.mjs', import.meta.url),
  policy: RtConstraints.fifo(priority - 1),
  cpu,
  youngGenerationMb: 16,
  workerData: numbers.buffer,
  required: false,
});
const native = rt.nativePeriodic(addon.count, { periodUs, memory: numbers.subarray(2) });
const collects = rt.periodic('collect', { periodUs: 50_000 });
await sleep(seconds * 1000);
await Promise.all([native.stop(), collects.stop()]);
await rt.close();

function print(name, { p50, p99, max }, rest) {
  const figures = [p50, p99, max].map((us) => us.toFixed(1).padStart(10)).join('');
  console.log(`${name.padEnd(14)}${figures}  ${rest}`);
}
console.log(`${''.padEnd(14)}${['p50', 'p99', 'max'].map((name) => name.padStart(10)).join('')}`);
const { wakeup, ticks, skipped } = native.stats();
print('native', wakeup, `${ticks} ticks, ${skipped} skipped, ${numbers[1]} of them in collections`);
const { execution } = collects.stats();
print('a collection', execution, `${numbers[0]} in full`);
const refused = cyclictestRefused(priority);
if (refused === undefined) {
  const { late, ticks: cycles } = await cyclictest({
    seconds,
    periodUs,
    phaseUs: 0,
    priority,
    cpu,
  });
  print('cyclictest', late, `${cycles} cycles, without collections`);
} else {
  console.log(`cyclictest is left out: ${refused}`);
}
