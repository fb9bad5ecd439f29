// Real time: what a set of periodic tasks can keep.
export {
  schedulability,
  type Schedulability,
  type SchedulabilityOptions,
  type SchedulingPolicy,
} from './schedulability.js';
export type { TaskModel } from './task-set.js';
