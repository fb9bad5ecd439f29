// A failed task on its way to whoever waits for it.
//
// The error object is made late, in the reader's context, so that its stack has both sides: where it
// was thrown on the worker and who was waiting for it here.
import type { MoiraiError } from '../base/index.js';
import { decodeError, type ErrorRecord } from '../codec/index.js';
import { faultOf, faultOfRecord, type TaskFault } from './fault.js';

export interface Failure {
  toError(): unknown;
  /** What of it is remembered when nobody holds it any more. */
  toFault(): TaskFault;
  /** Nobody needs to be told of it: CANCELLED and CLOSED are what the caller asked for. */
  readonly quiet: boolean;
}

export class RemoteFailure implements Failure {
  readonly quiet = false;
  readonly #record: ErrorRecord;
  readonly #where: string;

  constructor(record: ErrorRecord, task: string, worker: number) {
    this.#record = record;
    this.#where = `<worker ${worker}> ${task}`;
  }

  toError(): unknown {
    return decodeError(this.#record, { where: this.#where });
  }

  toFault(): TaskFault {
    return faultOfRecord(this.#record);
  }
}

export class LocalFailure implements Failure {
  readonly quiet: boolean;
  readonly #error: MoiraiError;

  constructor(error: MoiraiError) {
    this.#error = error;
    this.quiet = error.code === 'ERR_MOIRAI_CANCELLED' || error.code === 'ERR_MOIRAI_CLOSED';
  }

  toError(): unknown {
    return this.#error;
  }

  toFault(): TaskFault {
    return faultOf(this.#error);
  }
}

/** A failure whose reason is there already: `signal.reason`, or what refused the arguments. */
export class ChosenFailure implements Failure {
  readonly quiet: boolean;
  readonly #reason: unknown;

  constructor(reason: unknown, quiet: boolean) {
    this.#reason = reason;
    this.quiet = quiet;
  }

  toError(): unknown {
    return this.#reason;
  }

  toFault(): TaskFault {
    return faultOf(this.#reason);
  }
}

/**
 * Rejects the promise behind `resolve` such that the error is created while V8 still knows which
 * async functions await that promise: it appends them to the stack at no cost to tasks that succeed.
 *
 * `resolve` gets a promise whose rejection handler makes the error. That handler's own promise leads
 * through `resolve` to the waiters, and V8 follows this chain when it captures a stack.
 */
export function rejectWith(resolve: (value: PromiseLike<never>) => void, failure: Failure): void {
  let start: () => void = () => undefined;
  const gate = new Promise<void>((open) => {
    start = open;
  });
  resolve(
    gate.then((): never => {
      throw failure.toError();
    }),
  );
  start();
}
