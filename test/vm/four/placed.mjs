// An executor with a worker on each CPU of the four nodes, all of which have run and are idle.
import { setTimeout } from 'node:timers/promises';
import { Executor } from 'moirai';

export const nodes = [0, 1, 2, 3];
const workers = 8;
const tasks = new URL('placed-tasks.mjs', import.meta.url);

/** For one test, which closes it at its end. */
export async function startPlaced(t, options) {
  const gate = new Int32Array(new SharedArrayBuffer(64));
  const places = { threads: workers, pin: 'core', ...options };
  const executor = await Executor.start({ tasks, workerData: gate, ...places });
  t.after(() => executor.close({ force: true }));
  const release = await holdAll(executor, gate);
  await release();
  while (executor.stats().outstanding > 0) await setTimeout(5);
  await setTimeout(200); // the last ones look for more before they sleep
  return { executor, gate };
}

/** Every worker is kept busy until what this gives is called. */
export async function holdAll(executor, gate) {
  gate.fill(0);
  const held = Array.from({ length: workers }, () => executor.spawn('hold', []));
  while (Atomics.load(gate, 0) < workers) await setTimeout(5);
  return () => {
    Atomics.store(gate, 1, 1);
    Atomics.notify(gate, 1);
    return Promise.all(held);
  };
}
