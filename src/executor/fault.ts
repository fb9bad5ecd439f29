// What is remembered of a failed task's error: its name and code, and no more, so that a record of
// the last failures stays small whatever their errors carry.
import type { ErrorRecord } from '../codec/index.js';

/** What is remembered of the error of a task that failed. */
export interface TaskFault {
  /** The error's `name`; of a thrown value that is no error, its type. */
  readonly name: string;
  /** The error's `code`, if it is a string. */
  readonly code: string | undefined;
}

const longest = 100;

export function faultOfRecord(record: ErrorRecord): TaskFault {
  if (record.kind === 'value') return faultOf(record.value);
  const code = record.own.find(([key]) => key === 'code')?.[1];
  return fault(record.name, code?.kind === 'value' ? code.value : undefined);
}

export function faultOf(reason: unknown): TaskFault {
  try {
    if (!(reason instanceof Error)) return fault(typeof reason, undefined);
    return fault(reason.name, 'code' in reason ? reason.code : undefined);
  } catch {
    return fault('Error', undefined); // a getter or a proxy of the user's that throws
  }
}

function fault(name: unknown, code: unknown): TaskFault {
  return {
    name: typeof name === 'string' ? name.slice(0, longest) : 'Error',
    code: typeof code === 'string' ? code.slice(0, longest) : undefined,
  };
}
