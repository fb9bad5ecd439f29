// The tasks as poolifier wants them: methods of the worker that the module exports.
import { ThreadWorker } from 'poolifier';
import * as tasks from './tasks.mjs';

export default new ThreadWorker({ ...tasks });
