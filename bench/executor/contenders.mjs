// Who takes part. Each starts one worker that serves one workload and gives `call(value)`, a promise
// (or what can be awaited like one) of the task's result. Imports happen in `start`: a contender's
// process loads nobody else.
import { createPinned } from './placement.mjs';

const tasks = new URL('./tasks.mjs', import.meta.url);

async function startMoirai(cpus) {
  const { affinity, Executor } = await import('moirai');
  if (cpus === undefined) return Executor.start({ tasks, threads: 1 });
  affinity.pin([cpus.main]);
  return Executor.start({ tasks, threads: 1, pin: 'cpu' });
}

async function startPiscina(workload, cpus, options) {
  const { Piscina } = await import('piscina');
  const pool = createPinned(
    cpus,
    () =>
      new Piscina({
        filename: tasks.href,
        name: workload,
        minThreads: 1,
        maxThreads: 1,
        ...options,
      }),
  );
  return (value) => pool.run(value);
}

export const contenders = {
  'moirai run': {
    package: 'moirai',
    async start(workload, cpus) {
      const executor = await startMoirai(cpus);
      const run = executor.run[workload];
      return workload === 'empty' ? () => run() : (value) => run(value);
    },
  },
  'moirai spawn': {
    package: 'moirai',
    async start(workload, cpus) {
      const executor = await startMoirai(cpus);
      return workload === 'empty'
        ? () => executor.spawn(workload, [])
        : (value) => executor.spawn(workload, [value]);
    },
  },
  piscina: {
    package: 'piscina',
    note: 'default settings, one thread',
    start: (workload, cpus) => startPiscina(workload, cpus, {}),
  },
  'piscina, 64 per worker': {
    package: 'piscina',
    note: 'concurrentTasksPerWorker: 64',
    start: (workload, cpus) => startPiscina(workload, cpus, { concurrentTasksPerWorker: 64 }),
  },
  tinypool: {
    package: 'tinypool',
    note: 'default settings, one thread',
    async start(workload, cpus) {
      const { default: Tinypool } = await import('tinypool');
      const pool = createPinned(
        cpus,
        () => new Tinypool({ filename: tasks.href, name: workload, minThreads: 1, maxThreads: 1 }),
      );
      return (value) => pool.run(value);
    },
  },
  MessagePort: {
    note: 'one Worker, answers matched by id; no errors, no cancelling, no queue limit',
    start: startMessagePort,
  },
};

async function startMessagePort(workload, cpus) {
  const { MessageChannel, Worker } = await import('node:worker_threads');
  const { port1: port, port2 } = new MessageChannel();
  createPinned(
    cpus,
    () =>
      new Worker(new URL('./port-worker.mjs', import.meta.url), {
        workerData: { port: port2, workload },
        transferList: [port2],
      }),
  );
  const waiting = [];
  const free = [];
  const settle = (id, value) => {
    const resolve = waiting[id];
    waiting[id] = undefined;
    free.push(id);
    resolve(value);
  };
  const takeId = (resolve) => {
    const id = free.pop() ?? waiting.length;
    waiting[id] = resolve;
    return id;
  };
  if (workload === 'empty') {
    port.on('message', (id) => settle(id, undefined));
    return () => new Promise((resolve) => port.postMessage(takeId(resolve)));
  }
  port.on('message', (message) => settle(message.id, message.value));
  return (value) => new Promise((resolve) => port.postMessage({ id: takeId(resolve), value }));
}
