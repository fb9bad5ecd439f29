// The worker of the bare MessagePort: answers every message. An empty task is its id alone.
import { workerData } from 'node:worker_threads';
import * as tasks from './tasks.mjs';

const { port, workload } = workerData;
const task = { ...tasks }[workload];

if (workload === 'empty') {
  port.on('message', (id) => {
    task();
    port.postMessage(id);
  });
} else {
  port.on('message', ({ id, value }) => port.postMessage({ id, value: task(value) }));
}
