// Real time: what a set of periodic tasks can keep.
export {
  RtConstraints,
  type DeadlineConstraints,
  type DeadlineTimes,
  type FifoConstraints,
  type RateMonotonicConstraints,
  type RoundRobinConstraints,
} from './constraints.js';
export {
  schedulability,
  type Schedulability,
  type SchedulabilityOptions,
  type SchedulingPolicy,
} from './schedulability.js';
export type { TaskModel } from './task-set.js';
export { TaskContext } from './task-context.js';
