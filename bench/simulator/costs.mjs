// What the simulated operations cost, measured on this machine:
//
//   node bench/simulator/costs.mjs       prints what was measured and what the simulator takes from it
import { join } from 'node:path';
import { topology } from 'moirai';
import { chooseCpus } from '../executor/placement.mjs';
import { median } from '../machine.mjs';
import { build, release, run, simulate } from './simulate.mjs';

/**
 * CPUs of one node as the simulator reads them: the owner's, and one with a worker for each other. In real
 * time the owner goes before a worker on its CPU (real.cc).
 */
export function smallMachine(workers, ownerAside, inRealTime = false) {
  const first = ownerAside ? 1 : 0;
  const seats = [...Array(workers).keys()].map((seat) => {
    const others = Array.from({ length: workers - 1 }, (_, i) => (seat + 1 + i) % workers);
    const order = [2 ** 31, ...others.map((other) => other + 2 ** 24)];
    return ['seat', 0, first + seat, order.length, ...order].join(' ');
  });
  const cpus = Array.from({ length: workers + first }, (_, cpu) => `cpu 0 ${cpu}`);
  const owner = inRealTime ? ['owner 0 0', 'owner_first'] : ['owner 0 0'];
  // As long after the workers fell asleep as in real.cc.
  owner.push('begins 20000000');
  return { text: ['nodes 1', '10', ...cpus, ...seats, ...owner].join('\n') };
}

/** Tasks a second of real workers; with `beside` the owner's CPU has work of its own all the while. */
export async function runReal({ pattern, taskUs, tasks }, ownerCpu, workerCpus, beside = false) {
  const args = [pattern, taskUs * 1000, tasks, ownerCpu, ...workerCpus].map(String);
  if (beside) args.unshift('--beside');
  return JSON.parse(await run(join(release, 'simulator_real'), args));
}

/**
 * Instructions that belong to no access that is counted: how much longer one worker alone takes for a
 * task of 1 us than the simulator says with all other costs. While the other CPU is at work, as it is in
 * what is simulated: two CPUs may be slower than one.
 */
async function measureCode(costs, { main, worker }, rounds) {
  const job = { pattern: 'chain', taskUs: 1, tasks: 10_000 };
  const real = [];
  for (let round = 0; round < rounds; round++) real.push(await runReal(job, main, [worker], true));
  const ns = 1e9 / median(real.map(({ tasksPerSecond }) => tasksPerSecond));
  const { tasksPerSecond } = await simulate(smallMachine(1, true), { ...job, costs });
  return Math.max(0, ns - 1e9 / tasksPerSecond);
}

/** Medians of several processes, each of which takes medians: in ns, by name. */
export async function measure(rounds = 5) {
  const cpus = chooseCpus(topology());
  if (cpus === undefined) throw new Error('two CPUs are needed');
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const args = [String(cpus.main), String(cpus.worker)];
    results.push(JSON.parse(await run(join(release, 'simulator_costs'), args)));
  }
  const measured = Object.fromEntries(
    Object.keys(results[0]).map((name) => [name, median(results.map((each) => each[name]))]),
  );
  measured.code = await measureCode(costsFrom({ ...measured, code: 0 }), cpus, 3 * rounds);
  return measured;
}

/** How long something else had the CPU, each time, within a tenth of a second. */
export async function measureInterruptions(cpu) {
  return JSON.parse(await run(join(release, 'simulator_costs'), [String(cpu)]));
}

/**
 * The same as costs, of all that was measured: how often, and the mean of each tenth of the times, the
 * shortest first. A simulated machine is spared them, but for predictions of what is measured on this one.
 */
export function interruptionsFrom(measured) {
  const gaps = measured.flatMap((each) => each.gaps).sort((a, b) => a - b);
  if (gaps.length < 10) return {};
  const every = measured.reduce((sum, { ns }) => sum + ns, 0) / gaps.length;
  const tenths = Array.from({ length: 10 }, (_, tenth) => {
    const part = gaps.slice((gaps.length * tenth) / 10, (gaps.length * (tenth + 1)) / 10);
    return [`interrupt_${tenth}`, part.reduce((sum, gap) => sum + gap, 0) / part.length];
  });
  return { interrupt_every: every, ...Object.fromEntries(tenths) };
}

/** The simulator's costs. */
export function costsFrom(measured) {
  const same = [
    'hit',
    'update',
    'clock',
    'get_cpu',
    'relax',
    'yield',
    'poll',
    'signal',
    'wake',
    'code',
  ];
  return {
    ...Object.fromEntries(same.map((name) => [name, measured[name]])),
    transfer: measured.load_remote,
    overlap: measured.load_remote_in_a_row / measured.load_remote,
    // Two hardware threads share their caches.
    sibling: measured.hit,
    wake_latency: measured.wake_latency,
    wake_latency_cold: measured.wake_latency_cold,
    wake_busy: measured.wake_busy,
    // What the woken thread did meanwhile: a look at the clock, and it emptied its eventfd.
    displaced: Math.max(0, measured.put_off - measured.clock - measured.signal),
  };
}

if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  build('simulator', 'simulator_costs', 'simulator_real');
  const measured = await measure();
  console.log({ measured, costs: costsFrom(measured) });
}
