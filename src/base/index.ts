// What every module stands on: the error table and argument checks.
export { errorMeanings } from './error-codes.js';
export {
  invalidRange,
  invalidType,
  MoiraiError,
  type ErrorCode,
  type MoiraiErrorOptions,
} from './errors.js';
export { becomeHeir, beNoHeir, stepAside, type Heir } from './heirs.js';
export { Histogram, type HistogramBucket } from './histogram.js';
export { checkModule } from './module-url.js';
export { showUserData } from './user-data.js';
export {
  checkBoolean,
  checkInteger,
  checkMilliseconds,
  checkOneOf,
  checkOptions,
} from './validate.js';
export {
  checkWait,
  longestTimerMs,
  timedOut,
  Waiters,
  type Attempt,
  type WaitOptions,
} from './waiters.js';
