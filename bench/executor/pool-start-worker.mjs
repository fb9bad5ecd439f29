// A bare Worker that imports the tasks, and says so.
import { parentPort } from 'node:worker_threads';
import * as tasks from './tasks.mjs';

parentPort.postMessage(Object.keys(tasks));
