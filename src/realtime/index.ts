// Real time: threads with a policy, periodic ticks on them, and what a set of tasks can keep.
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
export type { AdmissionReport, AdmissionTask } from './admission.js';
export { RealtimeContext } from './context.js';
export type { RealtimeEvent } from './diagnostics.js';
export type { Granted, RtShortfall } from './granted.js';
export type { SafeStateCall, SafeStateName, TickFunction, TickName } from './loop-types.js';
export type { Miss, MissCause } from './miss.js';
export type {
  MissBound,
  PeriodicOptions,
  RealtimeOptions,
  WatchdogOptions,
} from './options.js';
export type { NativePeriodicOptions, NativeTick } from './native-options.js';
export type { PhaseLockOptions, PhaseLockStats } from './phase-lock.js';
export type { PeriodicStats, PeriodicTask } from './periodic-task.js';
export type { Tick } from './tick.js';
export type { TripKind } from './wire.js';
export type { Trip } from './watchdog.js';
