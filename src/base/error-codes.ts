// Generated from src/base/error-table.json by `npm run generate`.

/** Every failure this package reports has one of these codes. */
export type ErrorCode =
  | 'ERR_MOIRAI_INVALID_ARGUMENT'
  | 'ERR_MOIRAI_CANCELLED'
  | 'ERR_MOIRAI_TIMEOUT'
  | 'ERR_MOIRAI_CLOSED'
  | 'ERR_MOIRAI_DISCONNECTED'
  | 'ERR_MOIRAI_QUEUE_FULL'
  | 'ERR_MOIRAI_TASK_NOT_FOUND'
  | 'ERR_MOIRAI_TASKS_NOT_LOADED'
  | 'ERR_MOIRAI_WORKER_LOST'
  | 'ERR_MOIRAI_NOT_SERIALIZABLE'
  | 'ERR_MOIRAI_TOO_LARGE'
  | 'ERR_MOIRAI_NOT_SUPPORTED'
  | 'ERR_MOIRAI_PERMISSION'
  | 'ERR_MOIRAI_OUT_OF_MEMORY'
  | 'ERR_MOIRAI_OWNER_DIED'
  | 'ERR_MOIRAI_DEADLOCK'
  | 'ERR_MOIRAI_WOULD_BLOCK'
  | 'ERR_MOIRAI_DEADLINE_MISSED'
  | 'ERR_MOIRAI_NOT_SCHEDULABLE'
  | 'ERR_MOIRAI_SYSTEM'
  | 'ERR_MOIRAI_NO_ROUTE'
  | 'ERR_MOIRAI_REMOTE_UNAVAILABLE'
  | 'ERR_MOIRAI_REMOTE_OUTCOME_UNKNOWN'
  | 'ERR_MOIRAI_CORRUPT'
  | 'ERR_MOIRAI_LAGGED'
  | 'ERR_MOIRAI_NO_BINARY'
  | 'ERR_MOIRAI_TICK_FAILED';

/** What each code means, in the order of the native enumeration. */
export const errorMeanings: ReadonlyMap<ErrorCode, string> = new Map<ErrorCode, string>([
  [
    'ERR_MOIRAI_INVALID_ARGUMENT',
    'An argument has the wrong type or is out of range. Nothing has changed.',
  ],
  ['ERR_MOIRAI_CANCELLED', 'The task or wait was cancelled before it could finish.'],
  [
    'ERR_MOIRAI_TIMEOUT',
    "A time limit passed. `scope` says whether it was the wait's (`'wait'`; the task goes on) or the task's own (`'task'`).",
  ],
  ['ERR_MOIRAI_CLOSED', 'The object was closed by this side and takes no more work.'],
  [
    'ERR_MOIRAI_DISCONNECTED',
    'Every peer on the other side is gone and nothing is left to receive.',
  ],
  ['ERR_MOIRAI_QUEUE_FULL', 'A bounded queue has no room and was told to reject.'],
  ['ERR_MOIRAI_TASK_NOT_FOUND', 'The task module has no exported function of this name.'],
  [
    'ERR_MOIRAI_TASKS_NOT_LOADED',
    'The task module is missing, threw while loading, or exports no function. `cause` holds the reason.',
  ],
  [
    'ERR_MOIRAI_WORKER_LOST',
    "The worker thread ended while it was running the task; whether the task's effects took place is unknown.",
  ],
  [
    'ERR_MOIRAI_NOT_SERIALIZABLE',
    'A value cannot be sent to another thread by the rules of the structured clone algorithm.',
  ],
  ['ERR_MOIRAI_TOO_LARGE', 'A value is larger than the memory that may hold it.'],
  ['ERR_MOIRAI_NOT_SUPPORTED', 'This platform, kernel or back end has no such feature.'],
  ['ERR_MOIRAI_PERMISSION', 'The kernel refused for lack of a privilege; the message says which.'],
  [
    'ERR_MOIRAI_OUT_OF_MEMORY',
    'Memory could not be had from the system or from the node asked for.',
  ],
  ['ERR_MOIRAI_OWNER_DIED', 'The owner of a lock ended without releasing it.'],
  ['ERR_MOIRAI_DEADLOCK', 'The wait could never end.'],
  ['ERR_MOIRAI_WOULD_BLOCK', 'The call would have to wait and was told not to.'],
  ['ERR_MOIRAI_DEADLINE_MISSED', 'A deadline passed before the work was done.'],
  [
    'ERR_MOIRAI_NOT_SCHEDULABLE',
    'Admission refused the task set; the message says which bound fails.',
  ],
  ['ERR_MOIRAI_SYSTEM', 'A system call failed. `errno` and `syscall` say which and how.'],
  ['ERR_MOIRAI_NO_ROUTE', 'No transport reaches this address.'],
  ['ERR_MOIRAI_REMOTE_UNAVAILABLE', 'The remote side cannot be reached; the request was not sent.'],
  [
    'ERR_MOIRAI_REMOTE_OUTCOME_UNKNOWN',
    'The remote side was lost after the request was sent; it may have been carried out.',
  ],
  ['ERR_MOIRAI_CORRUPT', 'Shared memory does not hold what its format requires.'],
  [
    'ERR_MOIRAI_LAGGED',
    'Messages were overwritten before this receiver had them; `missed` says how many. It goes on with the oldest there is.',
  ],
  [
    'ERR_MOIRAI_NO_BINARY',
    "The package's native binary for this platform is missing or does not load; the message says which platform, which binaries there are, what the loader said, and the command that builds one. Thrown by the import.",
  ],
  [
    'ERR_MOIRAI_TICK_FAILED',
    'A tick has ended its task: `value` is the number that a native one gave, or what another threw that is no Error.',
  ],
]);
