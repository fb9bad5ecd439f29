// Plants causes in one environment and prints, as JSON, for each what was planted and what the miss said.
//
//   node bench/realtime/plantings/child.mjs ENVIRONMENT AMOUNTS SEED CPU
import { spawn, spawnSync } from 'node:child_process';
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { affinity, RealtimeContext, RtConstraints } from 'moirai';
import { root } from '../../machine.mjs';
import { enter } from './groups.mjs';
import { kinds, leadUs, nameOf, periodOf, plannedReleases } from './plan.mjs';

const [environment, amounts, seed, cpuText] = process.argv.slice(2);
const cpu = Number(cpuText);
const { periodUs, deadlineUs } = periodOf[environment];
const planned = plannedReleases(JSON.parse(amounts), Number(seed));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const nowUs = () => Number(process.hrtime.bigint()) / 1000;

const last = planned.at(-1)[0];
const plan = new Int32Array(new SharedArrayBuffer(4 * (last + 10)));
for (const [at, kind] of planned) plan[at] = kinds.indexOf(kind) + 1;
const startOf = (index) => (plan[0] + index) * periodUs;

const path = `${root}build/bench/planted.bin`;
const bytes = 32 << 20;
/** What is not in memory any more has to be read from the disk: coreutils' dd gives that advice. */
const dropFile = () =>
  spawn('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'], { stdio: 'ignore' });
let file;
if (environment === 'fifo') {
  writeFileSync(path, Buffer.alloc(bytes, 1));
  spawnSync('sync', [path]);
  file = { descriptor: openSync(path, 'r+'), bytes };
}

const leave = enter(environment);
const context = (policy, others = {}) =>
  RealtimeContext.start({
    tasks: new URL('./ticks.mjs', import.meta.url),
    policy,
    workerData: { plan, environment, role: 'victim', file },
    ...others,
  });

const policies = {
  deadline: () => context(RtConstraints.deadline({ runtimeUs: 10_000, periodUs: 50_000 })),
  // What is refused here is on purpose: a group without a budget for real-time threads.
  quota: () => context(RtConstraints.fifo(60), { cpu, required: false }),
};
const rt = await (policies[environment] ?? (() => context(RtConstraints.fifo(60), { cpu })))();

/** Where the deadline is what the task does anyway: moving a thread costs microseconds. */
async function usualUs() {
  const run = async (ticks, period) => {
    const task = rt.periodic('victim', { periodUs: period, phaseUs: 0 });
    while (task.stats().ticks < ticks) await sleep(20);
    await task.stop();
    return task.stats().response.percentile(25);
  };
  await run(300, 2000); // compiled by then
  return run(50, periodUs);
}

const found = new Map();
const options = {
  phaseUs: 0,
  periodUs,
  deadlineUs: deadlineUs ?? (await usualUs()),
  onMiss: (miss) => found.set(Math.round(miss.expectedUs / periodUs) - plan[0], miss),
};
const contexts = [rt];
if (environment === 'fifo') {
  const workerData = { plan, environment, role: 'hog' };
  const hogs = await context(RtConstraints.fifo(70), { cpu, workerData, youngGenerationMb: 64 });
  contexts.push(hogs);
  hogs.periodic('early', { periodUs, phaseUs: periodUs - leadUs });
  hogs.periodic('hog', { periodUs, phaseUs: 500 });
  rt.periodic('neighbour', { periodUs, phaseUs: periodUs - leadUs });
  dropFile();
}
if (environment === 'quota') leave(true);
const victim = rt.periodic('victim', options);
plan[0] = Math.ceil((nowUs() + 500_000) / periodUs);

let mover;
if (environment === 'migration') {
  const other = affinity.get().find((id) => id !== cpu);
  const program = new URL('./mover.py', import.meta.url).pathname;
  const words = ['-c', String(other), 'chrt', '-f', '50', 'python3', program];
  mover = spawn('taskset', words, { stdio: ['pipe', 'inherit', 'inherit'] });
  const { threadId } = rt.granted;
  for (const [at] of planned) {
    mover.stdin.write(`${Math.round((startOf(at) + 120) * 1000)} ${threadId} ${other}\n`);
    mover.stdin.write(`${Math.round((startOf(at) + periodUs / 2) * 1000)} ${threadId} ${cpu}\n`);
  }
}

for (const [at, kind] of planned) {
  if (kind !== 'page-fault of a file') continue;
  await sleep((startOf(at - 1) - nowUs()) / 1000);
  dropFile();
}
await sleep((startOf(last + 4) - nowUs()) / 1000 + 300);
const { ticks, misses, causes } = victim.stats();
await Promise.all(contexts.map((one) => one.close()));
mover?.stdin.end();
leave();
if (file !== undefined) rmSync(path);
const plantings = planned.map(([at, kind]) => ({
  kind: nameOf(kind),
  named: found.get(at)?.causes[0] ?? 'no miss',
  miss: found.get(at),
}));
const others = misses - plantings.filter(({ miss }) => miss !== undefined).length;
const { policy } = rt.granted;
console.log(
  JSON.stringify({ environment, policy, ticks, misses, others, causes, options, plantings }),
);
