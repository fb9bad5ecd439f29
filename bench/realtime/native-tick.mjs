// How late ticks are while the isolate of their context collects garbage in full without a pause: those of a C
// function (nativePeriodic), and those of an export of WebAssembly in a context of its own; afterwards
// cyclictest, without collections, of the same priority. All on one CPU.
//
//   npm run bench:native-tick [-- --seconds 30] [--period 1000] [--cpu N] [--write]
//
// Builds the addon of test/realtime/fixtures/native-addon first. `--write` keeps the result as
// bench/results/native-tick.json and .md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { affinity, RealtimeContext, RtConstraints } from 'moirai';
import { buildNativeAddon } from '../../test/realtime/fixtures/build-native-addon.mjs';
import { createMemory } from '../../test/realtime/fixtures/wasm-controller.mjs';
import { describeMachine, root, watchOthers } from '../machine.mjs';
import { cyclictest, cyclictestRefused } from './cyclictest.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    period: { type: 'string', default: '1000' },
    cpu: { type: 'string', default: String(affinity.get().at(-1)) },
    write: { type: 'boolean', default: false },
  },
});
const [seconds, periodUs, cpu] = [options.seconds, options.period, options.cpu].map(Number);
const priority = 80;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const fixture = (name) => new URL(`../../test/realtime/fixtures/${name}.mjs`, import.meta.url);
const addon = buildNativeAddon();
const ticks = createRequire(import.meta.url)(addon.path);

const numbers = new BigInt64Array(new SharedArrayBuffer(5 * 8));
const common = { cpu, required: false };
const collecting = await RealtimeContext.start({
  ...common,
  tasks: fixture('collecting'),
  policy: RtConstraints.fifo(priority - 1), // native ticks have the next higher priority
  youngGenerationMb: 16,
  workerData: numbers.buffer,
});
const compiled = await RealtimeContext.start({
  ...common,
  tasks: fixture('wasm-loop'),
  policy: RtConstraints.fifo(priority),
  workerData: createMemory(),
});
const watch = watchOthers();
const native = collecting.nativePeriodic(ticks.count, { periodUs, memory: numbers.subarray(2) });
// Beside each other, not at the same time.
const wasm = compiled.periodic('tick', { periodUs, phaseUs: periodUs / 4 });
const collects = collecting.periodic('collect', { periodUs: 50_000 });
await sleep(seconds * 1000);
await Promise.all([native.stop(), wasm.stop(), collects.stop()]);
const granted = compiled.granted.policy;
await Promise.all([collecting.close(), compiled.close()]);
addon.remove();

const [collections, during] = [...numbers].map(Number);
const line = (name, { wakeup, execution, ticks: count, skipped, causes }) => ({
  name,
  p50: wakeup.p50,
  p99: wakeup.p99,
  max: wakeup.max,
  executionP50: execution.p50,
  ticks: count,
  skipped,
  causes,
});
const results = [line('C', native.stats()), line('WebAssembly', wasm.stats())];
const refused = cyclictestRefused(priority);
if (refused === undefined) {
  const plan = { seconds, periodUs, phaseUs: 0, priority, cpu };
  const { late, ticks: cycles } = await cyclictest(plan);
  results.push({ name: 'cyclictest', p50: late.p50, p99: late.p99, max: late.max, ticks: cycles });
} else {
  console.log(`cyclictest is left out: ${refused}`);
}

const us = (value) => value?.toFixed(1) ?? '';
const table = [
  '| ticks | p50 µs | p99 µs | max µs | the tick itself p50 µs | ticks | skipped |',
  '| --- | --- | --- | --- | --- | --- | --- |',
  ...results.map(
    ({ name, p50, p99, max, executionP50, ticks: count, skipped = 0 }) =>
      `| ${name} | ${us(p50)} | ${us(p99)} | ${us(max)} | ${us(executionP50)} | ${count} | ${skipped} |`,
  ),
].join('\n');
const { execution } = collects.stats();
const { others, stolen } = watch();
const summary =
  `${collections} collections in full of ${us(execution.p50)} µs at p50 on the same CPU, in which ${during} of ` +
  `the ticks in C came; policy ${granted}. cyclictest ran afterwards, without collections. Meanwhile others ` +
  `took ${others.toFixed(2)} CPUs, the hypervisor ${stolen.toFixed(2)}.`;
console.log(`${table}\n\n${summary}`);
const machine = describeMachine(['moirai']);
const report = {
  machine,
  plan: { seconds, periodUs, cpu, priority },
  collections,
  during,
  collection: execution,
  policy: granted,
  others,
  stolen,
  results,
};
mkdirSync(`${root}build/bench`, { recursive: true });
const json = `${JSON.stringify(report, undefined, 2)}\n`;
writeFileSync(`${root}build/bench/native-tick.json`, json);
if (options.write) {
  const where = `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}`;
  const words = `\`npm run bench:native-tick -- --seconds ${seconds} --write\`; ${where}.`;
  const lines = ['# How late ticks are while isolates collect garbage', words, summary, table];
  writeFileSync(`${root}bench/results/native-tick.json`, json);
  writeFileSync(`${root}bench/results/native-tick.md`, `${lines.join('\n\n')}\n`);
}
