// One contender in a process of its own: ticks for some seconds, then prints how late they were, in µs.
//
//   node bench/realtime/contender.mjs exclusive|cooperative|setInterval SECONDS PERIOD_US PRIORITY CPU
import { affinity, RealtimeContext, RtConstraints } from 'moirai';
import { percentiles } from './percentiles.mjs';

const [name, ...numbers] = process.argv.slice(2);
const [seconds, periodUs, priority, cpu] = numbers.map(Number);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Distance from the grid that begins with the first call, and from one call to the next. */
async function interval() {
  affinity.set([cpu]);
  const late = [];
  const steps = [];
  const nowUs = () => Number(process.hrtime.bigint()) / 1000;
  await new Promise((resolve) => {
    let first = 0;
    let last = 0;
    const timer = setInterval(() => {
      const now = nowUs();
      if (first === 0) first = now;
      else {
        late.push(Math.abs(now - first - late.length * periodUs - periodUs));
        steps.push(now - last);
      }
      last = now;
      if (now - first < seconds * 1e6) return;
      clearInterval(timer);
      resolve();
    }, periodUs / 1000);
  });
  return { ticks: late.length + 1, late: percentiles(late), period: percentiles(steps) };
}

async function context() {
  const rt = await RealtimeContext.start({
    tasks: new URL('./loops.mjs', import.meta.url),
    policy: RtConstraints.fifo(priority),
    cpu,
    mode: name,
    dmaLatencyUs: 0, // as cyclictest has it
    required: false,
  });
  const task = rt.periodic('control', { periodUs });
  await sleep(seconds * 1000);
  await task.stop();
  await rt.close();
  const { ticks, skipped, misses, causes, wakeup, period, execution } = task.stats();
  return {
    granted: rt.granted.policy,
    degraded: rt.granted.degraded.map(({ why }) => why),
    ticks,
    skipped,
    misses,
    causes,
    late: wakeup,
    period,
    execution,
  };
}

console.log(JSON.stringify(name === 'setInterval' ? await interval() : await context()));
