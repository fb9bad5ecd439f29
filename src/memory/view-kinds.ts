// Kinds of views by name, as they cross threads; a constructor itself cannot.
import { checkOneOf, invalidType } from '../base/index.js';
import type { ViewConstructor } from './numa-buffer.js';

const kinds = {
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
  DataView,
} as const;

export type ViewName = keyof typeof kinds;

const names = Object.keys(kinds) as ViewName[];

export function viewNamed(name: ViewName): ViewConstructor<unknown> {
  return kinds[name];
}

export function checkViewName(argument: string, value: unknown): ViewName {
  return checkOneOf(argument, value, names);
}

/** The name of a constructor that a user has given. */
export function nameOfView(argument: string, value: unknown): ViewName {
  const name = names.find((each) => kinds[each] === value);
  if (name === undefined) throw invalidType(argument, `one of ${names.join(', ')}`, value);
  return name;
}
