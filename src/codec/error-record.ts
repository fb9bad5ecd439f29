// An error as plain data, taken apart where it was thrown. Nothing in it is alive any more: hostile
// getters and proxies have been asked once, here, and what they refused to tell is left out.
import { types } from 'node:util';
import { MoiraiError } from '../base/index.js';
import { prototypeOf } from './prototype-of.js';
import { refusal } from './refusal.js';

/** What crosses the thread for something thrown; any codec that carries plain data can carry it. */
export type ErrorRecord = ThrownValue | ThrownError;

/** Thrown, but no error. */
export interface ThrownValue {
  readonly kind: 'value';
  readonly value: unknown;
}

export interface ThrownError {
  readonly kind: 'error';
  /** The nearest class in the prototype chain that every thread has. */
  readonly base: string;
  /** The name of its own class. */
  readonly className: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  cause?: ErrorRecord;
  /** AggregateError. */
  errors?: ErrorRecord[];
  /** Own enumerable properties that can be cloned, in order. */
  readonly own: [key: string, value: ErrorRecord][];
}

/** Classes that decodeError makes real instances of. */
const bases: readonly (readonly [name: string, prototype: object])[] = [
  ['MoiraiError', MoiraiError.prototype],
  ['DOMException', DOMException.prototype],
  ['AggregateError', AggregateError.prototype],
  ['EvalError', EvalError.prototype],
  ['RangeError', RangeError.prototype],
  ['ReferenceError', ReferenceError.prototype],
  ['SyntaxError', SyntaxError.prototype],
  ['TypeError', TypeError.prototype],
  ['URIError', URIError.prototype],
];

/** Causes of causes and the like are followed so far. */
const MAX_DEPTH = 100;

/**
 * Takes apart whatever was thrown: an error with its class name, message, stack, `cause`, `errors` and
 * own enumerable properties, each nested error likewise; or any other value, cloned. Cycles are kept.
 * Never throws: what cannot be read or cloned is left out, and a thrown value that cannot be cloned is
 * replaced by a NOT_SERIALIZABLE error that says so.
 */
export function encodeError(thrown: unknown): ErrorRecord {
  return recordOf(thrown, new Map(), 0) ?? unsendable(thrown);
}

type Known = Map<object, ErrorRecord>;

function recordOf(value: unknown, known: Known, depth: number): ErrorRecord | undefined {
  if (isError(value)) return errorOf(value, known, depth);
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') return undefined;
    return { kind: 'value', value };
  }
  const before = known.get(value);
  if (before !== undefined) return before;
  try {
    const record: ThrownValue = { kind: 'value', value: structuredClone(value) };
    known.set(value, record);
    return record;
  } catch {
    return undefined;
  }
}

function isError(value: unknown): value is Error {
  if (types.isProxy(value)) return false;
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

function errorOf(error: Error, known: Known, depth: number): ErrorRecord | undefined {
  const before = known.get(error);
  if (before !== undefined) return before;
  if (depth > MAX_DEPTH) return undefined;
  const className = text(() => error.constructor.name) ?? 'Error';
  const name = text(() => error.name) ?? className;
  const message = text(() => error.message) ?? '';
  const own: [string, ErrorRecord][] = [];
  const record: ThrownError = {
    kind: 'error',
    base: baseOf(error, className),
    className,
    name,
    message,
    stack: text(() => error.stack) ?? `${name}: ${message}`,
    own,
  };
  known.set(error, record);
  const cause = part(error, 'cause', known, depth);
  if (cause !== undefined) record.cause = cause;
  if (record.base === 'AggregateError') record.errors = partsOf(error, known, depth);
  for (const key of keysOf(error)) {
    if (key === 'cause' || key === 'stack' || key === 'message') continue;
    const value = part(error, key, known, depth);
    if (value !== undefined) own.push([key, value]);
  }
  return record;
}

function text(read: () => unknown): string | undefined {
  try {
    const value = read();
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function part(error: object, key: string, known: Known, depth: number): ErrorRecord | undefined {
  try {
    if (!Object.hasOwn(error, key)) return undefined;
    return recordOf((error as Record<string, unknown>)[key], known, depth + 1);
  } catch {
    return undefined;
  }
}

function partsOf(error: Error, known: Known, depth: number): ErrorRecord[] {
  try {
    const { errors } = error as AggregateError;
    return Array.from(
      errors as unknown[],
      (one) => recordOf(one, known, depth + 1) ?? unsendable(one),
    );
  } catch {
    return [];
  }
}

function keysOf(error: object): string[] {
  try {
    return Object.keys(error);
  } catch {
    return [];
  }
}

function baseOf(error: object, className: string): string {
  try {
    for (let one: object | null = error; one !== null; one = prototypeOf(one)) {
      const base = bases.find(([, prototype]) => prototype === one);
      if (base !== undefined) return base[0];
    }
  } catch {
    // A proxy among the prototypes.
  }
  // An error of another realm has prototypes of its own.
  return bases.some(([name]) => name === className) ? className : 'Error';
}

function unsendable(thrown: unknown): ThrownError {
  let why: unknown;
  try {
    structuredClone(thrown);
  } catch (error) {
    why = refusal(error, thrown, 'the thrown value', thrown);
  }
  const message =
    text(() => (why as Error).message) ?? 'the thrown value cannot be sent to another thread';
  return {
    kind: 'error',
    base: 'MoiraiError',
    className: 'MoiraiError',
    name: 'MoiraiError',
    message,
    stack: `MoiraiError: ${message}`,
    own: [['code', { kind: 'value', value: 'ERR_MOIRAI_NOT_SERIALIZABLE' }]],
  };
}
