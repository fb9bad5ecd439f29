import { types } from 'node:util';
import { brandOf } from './brands.js';
import type { Encoder } from './encoder.js';
import { errorTypes } from './error-types.js';
import { ABSENT, BOXED, DATE, ERROR, MAP, REGEXP, SET, UNDEFINED } from './format.js';
import { unsupported } from './refusal.js';
import { writeBuffer, writeShared, writeView } from './write-binary.js';
import { writeHandle } from './write-handle.js';
import { writeByKeys } from './write-object.js';
import { writeString } from './write-string.js';
import { writeValue } from './write-value.js';

// The language's own methods, unbound: an instance may have others of the same name.
const getTime = Date.prototype.getTime;
const mapForEach = Map.prototype.forEach;
const setForEach = Set.prototype.forEach;

/** Anything that is neither an array nor an object directly below Object.prototype. */
export function writeBuiltin(encoder: Encoder, value: object, prototype: object | null): void {
  switch (brandOf(value, prototype)) {
    case 'ordinary':
      if (!writeHandle(encoder, value)) writeByKeys(encoder, value);
      return;
    case 'date': {
      const at = encoder.take(9);
      encoder.bytes[at] = DATE;
      encoder.view.setFloat64(at + 1, getTime.call(value), true);
      return;
    }
    case 'view':
      writeView(encoder, value as ArrayBufferView);
      return;
    case 'buffer':
      writeBuffer(encoder, value as ArrayBuffer);
      return;
    case 'shared':
      writeShared(encoder, value as SharedArrayBuffer);
      return;
    case 'map':
      writeMap(encoder, value as Map<unknown, unknown>);
      return;
    case 'set':
      writeSet(encoder, value as Set<unknown>);
      return;
    case 'regexp':
      writeRegExp(encoder, value as RegExp);
      return;
    case 'boxed':
      encoder.tag(BOXED);
      writeValue(encoder, unbox(value));
      return;
    case 'error':
      writeErrorObject(encoder, value as Error);
      return;
    default:
      unsupported(value);
  }
}

function writeMap(encoder: Encoder, map: Map<unknown, unknown>): void {
  // Collected first: a getter may change the map while its values are written.
  const parts: unknown[] = [];
  mapForEach.call(map, (value: unknown, key: unknown) => void parts.push(key, value));
  encoder.tagAndCount(MAP, parts.length / 2);
  for (let i = 0; i < parts.length; i++) writeValue(encoder, parts[i]);
}

function writeSet(encoder: Encoder, set: Set<unknown>): void {
  const parts: unknown[] = [];
  setForEach.call(set, (value: unknown) => void parts.push(value));
  encoder.tagAndCount(SET, parts.length);
  for (let i = 0; i < parts.length; i++) writeValue(encoder, parts[i]);
}

/** A getter of the prototype, to be called on instances that may shadow it. */
function getter(prototype: object, key: string): (this: unknown) => unknown {
  return Object.getOwnPropertyDescriptor(prototype, key)?.get as (this: unknown) => unknown;
}

const regExpSource = getter(RegExp.prototype, 'source');
const regExpFlags = (
  [
    ['d', 'hasIndices'],
    ['g', 'global'],
    ['i', 'ignoreCase'],
    ['m', 'multiline'],
    ['s', 'dotAll'],
    ['u', 'unicode'],
    ['v', 'unicodeSets'],
    ['y', 'sticky'],
  ] as const
)
  .filter(([, key]) => key in RegExp.prototype)
  .map(([flag, key]) => [flag, getter(RegExp.prototype, key)] as const);

function writeRegExp(encoder: Encoder, regExp: RegExp): void {
  let flags = '';
  for (const [flag, isSet] of regExpFlags) if (isSet.call(regExp) === true) flags += flag;
  encoder.tag(REGEXP);
  writeString(encoder, regExpSource.call(regExp) as string);
  writeString(encoder, flags);
}

function unbox(value: object): unknown {
  if (types.isNumberObject(value)) return Number.prototype.valueOf.call(value);
  if (types.isStringObject(value)) return String.prototype.valueOf.call(value);
  if (types.isBooleanObject(value)) return Boolean.prototype.valueOf.call(value);
  return BigInt.prototype.valueOf.call(value);
}

/** As V8 clones errors: the type by `name`, own `message` and `cause` unless getters, `stack`. */
function writeErrorObject(encoder: Encoder, error: Error): void {
  const message = Object.getOwnPropertyDescriptor(error, 'message');
  const cause = Object.getOwnPropertyDescriptor(error, 'cause');
  // Read once, as it may be a getter; whatever it gives counts as text.
  const { name }: { readonly name: unknown } = error;
  const typeName = String(name);
  const type = errorTypes.findIndex((one) => one.name === typeName);
  const at = encoder.take(2);
  encoder.bytes[at] = ERROR;
  encoder.bytes[at + 1] = type < 0 ? 0 : type;
  if (message !== undefined && 'value' in message) writeString(encoder, String(message.value));
  else encoder.tag(UNDEFINED);
  const { stack } = error;
  if (typeof stack === 'string') writeString(encoder, stack);
  else encoder.tag(UNDEFINED);
  if (cause !== undefined && 'value' in cause) writeValue(encoder, cause.value);
  else encoder.tag(ABSENT);
}
