import { errorMeanings, MoiraiError, type ErrorCode } from '../base/index.js';
import { setProperty } from './decoded-shapes.js';
import type { ErrorRecord, ThrownError } from './error-record.js';

/** The folder of the package's code, where this module is a file of its own and where it is not. */
const packageUrl = new URL('.', import.meta.url).href.replace(/codec\/$/, '');

export interface RevivalOptions {
  /** A line of its own between the remote stack and the local one, as `<worker 1> digest`. */
  readonly where?: string | undefined;
  /** The local stack begins below this function; by default below decodeError. */
  readonly below?: ((...args: never[]) => unknown) | undefined;
}

/**
 * What was thrown, again: errors of the language, DOMException and MoiraiError as instances of their
 * class, others as instances of a class of the same name below the nearest of these. `stack` is the
 * remote one, then `where`, then the frames of this thread outside this package.
 */
export function decodeError(record: ErrorRecord, options: RevivalOptions = {}): unknown {
  const local: { stack?: string } = {};
  Error.captureStackTrace(local, options.below ?? decodeError);
  const thrown = revive(record, new Map());
  if (record.kind !== 'error') return thrown;
  const lines = record.stack.split('\n').filter(isForeign);
  if (options.where !== undefined) lines.push(`    at ${options.where}`);
  lines.push(...String(local.stack).split('\n').slice(1).filter(isForeign));
  define(thrown as Error, 'stack', lines.join('\n'));
  return thrown;
}

/** Not a frame of this package, which would only be in the way of the user's. */
function isForeign(line: string): boolean {
  return !line.startsWith('    at ') || !line.includes(packageUrl);
}

function revive(record: ErrorRecord, known: Map<ErrorRecord, Error>): unknown {
  if (record.kind === 'value') return record.value;
  const before = known.get(record);
  if (before !== undefined) return before;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = instance(record);
  Error.stackTraceLimit = limit;
  known.set(record, error);
  if (error.name !== record.name) define(error, 'name', record.name);
  define(error, 'stack', record.stack);
  if (record.cause !== undefined) define(error, 'cause', revive(record.cause, known));
  if (record.errors !== undefined) {
    define(
      error,
      'errors',
      record.errors.map((one) => revive(one, known)),
    );
  }
  for (const [key, value] of record.own) {
    setProperty(error, key, revive(value, known));
  }
  return error;
}

function instance({ base, className, name, message, own }: ThrownError): Error {
  if (base === 'DOMException') return new DOMException(message, name);
  if (base === 'MoiraiError') {
    const code = own.find(([key]) => key === 'code')?.[1];
    const known = code?.kind === 'value' && errorMeanings.has(code.value as ErrorCode);
    if (known && className === base) return new MoiraiError(code.value as ErrorCode, message);
  }
  const type = classOf(base, className);
  if (base === 'AggregateError') return new (type as AggregateClass)([], message);
  return new (type as ErrorClass)(message);
}

type ErrorClass = new (message: string) => Error;

/** AggregateError takes its errors first. */
type AggregateClass = new (errors: readonly unknown[], message: string) => Error;

const builtins: Readonly<Record<string, ErrorClass | AggregateClass>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
};

/** Classes made for names that come from other threads; so many are kept to be used again. */
const MAX_CLASSES = 256;
const classes = new Map<string, ErrorClass | AggregateClass>();

function classOf(base: string, className: string): ErrorClass | AggregateClass {
  const parent = (builtins[base] ?? Error) as ErrorClass;
  if (className === base || className === '') return parent;
  const key = `${base} ${className}`;
  const known = classes.get(key);
  if (known !== undefined) return known;
  const made = class extends parent {};
  Object.defineProperty(made, 'name', { value: className, configurable: true });
  if (classes.size < MAX_CLASSES) classes.set(key, made);
  return made;
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, {
    value,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}
