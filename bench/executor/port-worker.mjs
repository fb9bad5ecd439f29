// A worker of the bare MessagePort: answers every message. An empty task is its id alone.
import { workerData } from 'node:worker_threads';
import * as tasks from './tasks.mjs';

const { port, task: name } = workerData;
const task = { ...tasks }[name];

if (name === 'empty') {
  port.on('message', (id) => {
    task();
    port.postMessage(id);
  });
} else if (name === 'wait') {
  port.on('message', async ({ id, value }) => port.postMessage({ id, value: await task(value) }));
} else {
  port.on('message', ({ id, value }) => port.postMessage({ id, value: task(value) }));
}
