// The tasks as workerpool wants them: registered, not exported.
import workerpool from 'workerpool';
import * as tasks from './tasks.mjs';

workerpool.worker({ ...tasks });
