// The least that can be had: bare Workers, a message there and one back, answers matched by id.
import { createPinned } from './placement.mjs';

export async function startMessagePort({ task, workers, cpus }) {
  const { MessageChannel, Worker } = await import('node:worker_threads');
  const channels = Array.from({ length: workers }, () => new MessageChannel());
  createPinned(cpus, () => {
    for (const { port2: port } of channels) {
      const workerData = { port, task };
      // oxlint-disable-next-line no-new -- its port is all that is wanted of it
      new Worker(new URL('./port-worker.mjs', import.meta.url), {
        workerData,
        transferList: [port],
      });
    }
  });
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
  const ports = channels.map(({ port1 }) => port1);
  const isEmpty = task === 'empty';
  for (const port of ports) {
    if (isEmpty) port.on('message', (id) => settle(id, undefined));
    else port.on('message', (message) => settle(message.id, message.value));
  }
  let turn = 0;
  const next =
    workers === 1 ? () => ports[0] : () => ports[(turn = turn + 1 === workers ? 0 : turn + 1)];
  return isEmpty
    ? () => new Promise((resolve) => next().postMessage(takeId(resolve)))
    : (value) => new Promise((resolve) => next().postMessage({ id: takeId(resolve), value }));
}
