// Who takes part. Each starts workers that serve one task of tasks.mjs and gives `call(value)`, a
// promise (or what can be awaited like one) of its result. Imports happen in `start`: a contender's
// process loads nobody else. `cpus` says where the main thread and one worker are to be; without it
// the kernel places all threads.
import { fileURLToPath } from 'node:url';
import { startMessagePort } from './message-port.mjs';
import { createPinned } from './placement.mjs';

const tasks = new URL('./tasks.mjs', import.meta.url);

async function startMoirai({ workers, cpus }) {
  const { affinity, Executor } = await import('moirai');
  if (cpus === undefined) return Executor.start({ tasks, threads: workers, pin: 'none' });
  affinity.pin([cpus.main]);
  return Executor.start({ tasks, threads: workers, pin: 'cpu' });
}

export async function startPiscina({ task, workers, cpus }, options) {
  const { FixedQueue, Piscina } = await import('piscina');
  const { fixedQueue = false, ...others } = options;
  const pool = createPinned(
    cpus,
    () =>
      new Piscina({
        filename: tasks.href,
        name: task,
        minThreads: workers,
        maxThreads: workers,
        ...(fixedQueue ? { taskQueue: new FixedQueue() } : {}),
        ...others,
      }),
  );
  return (value) => pool.run(value);
}

/** What tune-piscina.mjs finds best for empty tasks. */
export const tuned = { concurrentTasksPerWorker: 1024, atomics: 'sync', fixedQueue: true };

export const contenders = {
  'moirai run': {
    package: 'moirai',
    async start(place) {
      const executor = await startMoirai(place);
      const run = executor.run[place.task];
      if (place.task === 'empty') return () => run();
      return (value) => (value === undefined ? run() : run(value));
    },
  },
  'moirai spawn': {
    package: 'moirai',
    async start(place) {
      const executor = await startMoirai(place);
      const { task } = place;
      if (task === 'empty') return () => executor.spawn(task, []);
      return (value) => executor.spawn(task, value === undefined ? [] : [value]);
    },
  },
  piscina: {
    package: 'piscina',
    note: 'default settings',
    start: (place) => startPiscina(place, {}),
  },
  'piscina tuned': {
    package: 'piscina',
    note: Object.entries(tuned)
      .map(([key, value]) => `${key}: ${value}`)
      .join(', '),
    start: (place) => startPiscina(place, tuned),
  },
  tinypool: {
    package: 'tinypool',
    note: 'default settings',
    async start({ task, workers, cpus }) {
      const { default: Tinypool } = await import('tinypool');
      const options = { minThreads: workers, maxThreads: workers };
      const pool = createPinned(
        cpus,
        () => new Tinypool({ filename: tasks.href, name: task, ...options }),
      );
      return (value) => pool.run(value);
    },
  },
  workerpool: {
    package: 'workerpool',
    note: "workerType: 'thread'; one task at a time per worker, it knows no other way",
    async start({ task, workers, cpus }) {
      const { default: workerpool } = await import('workerpool');
      const script = fileURLToPath(new URL('./workerpool-worker.mjs', import.meta.url));
      const options = { workerType: 'thread', minWorkers: workers, maxWorkers: workers };
      const pool = createPinned(cpus, () => workerpool.pool(script, options));
      return (value) => pool.exec(task, value === undefined ? [] : [value]);
    },
  },
  poolifier: {
    package: 'poolifier',
    note: 'FixedThreadPool, default settings: tasks go to the workers at once',
    async start({ task, workers, cpus }) {
      const { FixedThreadPool } = await import('poolifier');
      const script = fileURLToPath(new URL('./poolifier-worker.mjs', import.meta.url));
      const pool = createPinned(cpus, () => new FixedThreadPool(workers, script));
      return (value) => pool.execute(value, task);
    },
  },
  MessagePort: {
    note: 'bare Workers in turn, answers matched by id; no errors, no cancelling, no queue limit',
    start: startMessagePort,
  },
};
