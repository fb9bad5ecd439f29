import { errorTypes } from './error-types.js';
import { nothing } from './nothing.js';
import { readValue } from './read-value.js';
import { corrupt, type Reader } from './reader.js';

export function readDate(reader: Reader): Date {
  return reader.add(new Date(reader.view.getFloat64(reader.take(8), true)));
}

export function readMap(reader: Reader): Map<unknown, unknown> {
  const count = reader.count(2);
  const map = reader.add(new Map<unknown, unknown>());
  reader.descend();
  for (let i = 0; i < count; i++) {
    const key = readValue(reader);
    map.set(key, readValue(reader));
  }
  reader.depth--;
  return map;
}

export function readSet(reader: Reader): Set<unknown> {
  const count = reader.count(1);
  const set = reader.add(new Set<unknown>());
  reader.descend();
  for (let i = 0; i < count; i++) set.add(readValue(reader));
  reader.depth--;
  return set;
}

export function readRegExp(reader: Reader): RegExp {
  const source = readValue(reader);
  const flags = readValue(reader);
  if (typeof source !== 'string' || typeof flags !== 'string') throw corrupt('bad pattern');
  return reader.add(new RegExp(source, flags));
}

export function readBoxed(reader: Reader): object {
  const value = readValue(reader);
  if (value === null || value === undefined || typeof value === 'object') throw corrupt('bad box');
  return reader.add(Object(value) as object);
}

export function readErrorObject(reader: Reader): Error {
  const type = errorTypes[reader.byte()];
  if (type === undefined) throw corrupt('unknown error type');
  const message = readValue(reader);
  const stack = readValue(reader);
  const limit = Error.stackTraceLimit;
  // The stack is the original's; to walk the one here would be for nothing.
  Error.stackTraceLimit = 0;
  const error = new type(typeof message === 'string' ? message : undefined);
  Error.stackTraceLimit = limit;
  (error as { stack: unknown }).stack = typeof stack === 'string' ? stack : undefined;
  reader.add(error);
  reader.descend();
  const cause = readValue(reader);
  reader.depth--;
  if (cause !== nothing) {
    Object.defineProperty(error, 'cause', {
      value: cause,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
  return error;
}
