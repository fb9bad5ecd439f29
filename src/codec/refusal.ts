// What happens when a value cannot be encoded: it is for a MessagePort, or for nobody, and then the
// message names where in the value the trouble is.
import { MoiraiError } from '../base/index.js';
import { types } from 'node:util';
import { brandOf } from './brands.js';
import { prototypeOf } from './prototype-of.js';

/** Thrown inside the codec, with the value that it does not encode. */
class Unsupported {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** Ends the encoding at a value that it cannot write; `explainFailure` finds out who can carry it. */
export function unsupported(value: unknown): never {
  // oxlint-disable-next-line typescript/only-throw-error -- never leaves the codec, and nobody would read its stack
  throw new Unsupported(value);
}

/**
 * The value holds something that structuredClone can carry but bytes cannot: a SharedArrayBuffer that
 * the reader would not find (Writer.numberOf), a Blob, a KeyObject, a resizable ArrayBuffer, an object of unknown make, or very deep nesting. Post it to a
 * MessagePort; should that fail, `refusal` makes the error to report.
 */
export class NeedsPort extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'NeedsPort', configurable: true });
  }
}

/** The error to throw for one that ended an encoding of `root`. */
export function explainFailure(error: unknown, root: unknown, name: string): unknown {
  if (error instanceof Unsupported) return explainUnsupported(error.value, root, name);
  if (isStackOverflow(error)) return tooDeep(name, error);
  return error;
}

function explainUnsupported(value: unknown, root: unknown, name: string): unknown {
  try {
    // Cloning a SharedArrayBuffer copies nothing, cloning others is the only way to know.
    structuredClone(value);
  } catch (error) {
    return refusal(error, root, name, value);
  }
  return new NeedsPort(`${name} can only be sent by a MessagePort`);
}

/**
 * The error that tells why structuredClone or postMessage refused `root`: for a DataCloneError a
 * MoiraiError NOT_SERIALIZABLE that says where in the value the reason is; whatever else came (a
 * getter's own error) as it is.
 *
 * @param name what messages call the value
 * @param culprit the part that was refused, if known
 */
export function refusal(error: unknown, root: unknown, name: string, culprit?: unknown): unknown {
  if (isStackOverflow(error)) return tooDeep(name, error);
  if (!isDataCloneError(error)) return error;
  const found = search(root, name);
  const where =
    found === undefined
      ? `${name} has a getter that gives what cannot be sent: it ${describe(culprit)}`
      : `${found.path} ${describe(found.value)}`;
  return new MoiraiError(
    'ERR_MOIRAI_NOT_SERIALIZABLE',
    `${where} and cannot be sent to another thread`,
    { cause: error },
  );
}

function tooDeep(name: string, cause: unknown): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_TOO_LARGE', `${name} is nested too deeply to be sent`, {
    cause,
  });
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded';
}

function isDataCloneError(error: unknown): boolean {
  if (error instanceof DOMException) return error.name === 'DataCloneError';
  // Node 20 reports an object that would have to be in the transfer list by a TypeError.
  return (error as { code?: unknown } | null)?.code === 'ERR_MISSING_TRANSFERABLE_IN_TRANSFER_LIST';
}

interface Place {
  readonly path: string;
  readonly value: unknown;
}

/** The first part that structuredClone refuses by itself; getters are not called. */
function search(root: unknown, name: string): Place | undefined {
  const seen = new Set<object>();
  const open: Place[] = [{ path: name, value: root }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value } = place;
    if (typeof value === 'function' || typeof value === 'symbol') return place;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (!types.isProxy(value) && Array.isArray(value)) {
      open.push(...propertiesOf(value, place.path).reverse());
      continue;
    }
    const brand = types.isProxy(value) ? 'unknown' : brandOf(value, prototypeOf(value));
    if (brand === 'ordinary') open.push(...propertiesOf(value, place.path).reverse());
    else if (brand === 'map') open.push(...entriesOf(value as Map<unknown, unknown>, place.path));
    else if (brand === 'set') open.push(...membersOf(value as Set<unknown>, place.path));
    else if (brand === 'error') open.push(...causeOf(value, place.path));
    else if (isRefused(value)) return place;
  }
  return undefined;
}

function isRefused(value: object): boolean {
  try {
    structuredClone(value);
    return false;
  } catch {
    return true;
  }
}

function propertiesOf(object: object, path: string): Place[] {
  const places: Place[] = [];
  for (const key of Object.keys(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, key);
    if (descriptor === undefined || !('value' in descriptor)) continue;
    places.push({ path: path + accessor(key), value: descriptor.value });
  }
  return places;
}

function accessor(key: string): string {
  if (/^(?:0|[1-9]\d*)$/.test(key)) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
    ? `.${key}`
    : `[${JSON.stringify(key)}]`;
}

function entriesOf(map: Map<unknown, unknown>, path: string): Place[] {
  const places: Place[] = [];
  Map.prototype.forEach.call(map, (value: unknown, key: unknown) => {
    places.push(
      { path: `${path}.get(${describeKey(key)})`, value },
      { path: `a key of ${path}`, value: key },
    );
  });
  return places.reverse();
}

function describeKey(key: unknown): string {
  switch (typeof key) {
    case 'string':
      return JSON.stringify(key);
    case 'function':
      return 'a function';
    case 'object':
      return key === null ? 'null' : 'an object';
    default:
      return String(key);
  }
}

function membersOf(set: Set<unknown>, path: string): Place[] {
  const places: Place[] = [];
  Set.prototype.forEach.call(set, (value: unknown) => {
    places.push({ path: `a member of ${path}`, value });
  });
  return places.reverse();
}

function causeOf(error: object, path: string): Place[] {
  const cause = Object.getOwnPropertyDescriptor(error, 'cause');
  return cause !== undefined && 'value' in cause
    ? [{ path: `${path}.cause`, value: cause.value as unknown }]
    : [];
}

function describe(value: unknown): string {
  if (typeof value === 'function') return 'is a function';
  if (typeof value === 'symbol') return 'is a symbol';
  if (typeof value !== 'object' || value === null) return 'is refused';
  if (types.isProxy(value)) return 'is a Proxy';
  if (types.isArgumentsObject(value)) return 'is an arguments object';
  if (types.isArrayBuffer(value)) return 'is a detached ArrayBuffer';
  if (ArrayBuffer.isView(value)) return 'is a view of a detached ArrayBuffer';
  const name = classNameOf(value);
  return name === undefined ? 'is an object of unknown make' : `is a ${name}`;
}

function classNameOf(value: object): string | undefined {
  for (let one: object | null = value; one !== null; one = prototypeOf(one)) {
    const maker: unknown = Object.getOwnPropertyDescriptor(one, 'constructor')?.value;
    const tag: unknown = Object.getOwnPropertyDescriptor(one, Symbol.toStringTag)?.value;
    if (typeof maker === 'function' && maker.name !== 'Object') return maker.name;
    if (typeof tag === 'string') return tag;
    if (types.isProxy(one)) return undefined;
  }
  return undefined;
}
