// One contender in a process of its own: ticks for some seconds, then prints how late they were.
//
//   node bench/realtime/contender.mjs NAME SECONDS PERIOD_US PHASE_US PRIORITY CPU
import { setTimeout as sleep } from 'node:timers/promises';
import { affinity, RealtimeContext, RtConstraints } from 'moirai';
import { driftOf, summarizeAll } from './distances.mjs';

const [name, ...numbers] = process.argv.slice(2);
const [seconds, periodUs, phaseUs, priority, cpu] = numbers.map(Number);

/** Distance from the grid that begins with the first call. */
async function interval() {
  affinity.set([cpu]);
  const late = [];
  const nowUs = () => Number(process.hrtime.bigint()) / 1000;
  await new Promise((resolve) => {
    let first;
    const timer = setInterval(() => {
      const now = nowUs();
      first ??= now;
      late.push(Math.abs(now - first - late.length * periodUs));
      if (now - first < seconds * 1e6) return;
      clearInterval(timer);
      resolve();
    }, periodUs / 1000);
  });
  return { ...summarizeAll(late), driftUs: driftOf(late) };
}

async function context({ policy, ...options }) {
  const notes = new SharedArrayBuffer(8 * (3 + Math.ceil((seconds + 5) * 1e6) / periodUs));
  const rt = await RealtimeContext.start({
    tasks: new URL('./loops.mjs', import.meta.url),
    policy,
    workerData: notes,
    dmaLatencyUs: 0, // as cyclictest has it
    required: false,
    ...options,
  });
  const task = rt.periodic('control', { periodUs, phaseUs });
  await sleep(seconds * 1000);
  await task.stop();
  await rt.close();
  const { skipped, misses, causes, execution } = task.stats();
  const [count = 0, firstUs = 0, lastUs = 0] = new Float64Array(notes);
  const late = new Float64Array(notes, 24, count);
  return {
    granted: rt.granted.policy,
    degraded: rt.granted.degraded.map(({ why }) => why),
    skipped,
    misses,
    causes,
    execution,
    ...summarizeAll(late),
    driftUs: driftOf(late),
    // From the first release to the last: that many periods, and a rest that must be 0.
    periods: Math.round((lastUs - firstUs) / periodUs),
    offGridUs: lastUs - firstUs - Math.round((lastUs - firstUs) / periodUs) * periodUs,
  };
}

const fifo = { policy: RtConstraints.fifo(priority), cpu };
const contenders = {
  exclusive: () => context({ ...fifo, mode: 'exclusive' }),
  cooperative: () => context({ ...fifo, mode: 'cooperative' }),
  'exclusive-spin': () => context({ ...fifo, mode: 'exclusive', spinUs: 30 }),
  'cooperative-spin': () => context({ ...fifo, mode: 'cooperative', spinUs: 30 }),
  deadline: () =>
    context({ policy: RtConstraints.deadline({ runtimeUs: 0.3 * periodUs, periodUs }) }),
  setInterval: interval,
};
console.log(JSON.stringify(await contenders[name]()));
