// One build in a process of its own, forked by pairs.mjs: starts its executor, warms every figure up,
// says so, and then measures one slice for each message.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { slices } from './figures.mjs';
import { watchRunDelay } from './run-delay.mjs';

const { build, cpus, warmUpMs } = JSON.parse(process.argv[2]);
const tasks = new URL('../executor/tasks.mjs', import.meta.url);

// Nanoseconds that a planted build loses for each task, on the owner's side and on the worker's.
const planted = new Float64Array(new SharedArrayBuffer(16));
globalThis.planted = planted;

const { affinity, Executor } = await import(pathToFileURL(join(build, 'dist/index.js')).href);
if (cpus !== undefined) affinity.pin([cpus.main]);
const executor = await Executor.start({
  tasks,
  threads: 1,
  pin: cpus === undefined ? 'none' : 'cpu',
  workerData: planted,
});
const measure = slices(executor);
for (const slice of Object.values(measure)) await slice(warmUpMs);
const runDelay = watchRunDelay(cpus);

/** Nanoseconds a task, and for what share of the slice its threads had to wait for a CPU. */
async function answer({ figure, ms, delay }) {
  planted.set(delay);
  gc({ type: 'minor' });
  const [start, waited] = [performance.now(), runDelay()];
  const ns = await measure[figure](ms);
  const disturbance = (runDelay() - waited) / ((performance.now() - start) * 1e6);
  process.send({ ns, disturbance });
}

process.on('message', (request) => void answer(request));
process.once('disconnect', () => process.exit(0));
process.send('ready');
