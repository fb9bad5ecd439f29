import { setProperty } from './decoded-shapes.js';
import { nothing } from './nothing.js';
import { readValue } from './read-value.js';
import { corrupt, type Reader } from './reader.js';

export function readArray(reader: Reader): unknown[] {
  return readItems(reader, reader.count(1));
}

export function readItems(reader: Reader, count: number): unknown[] {
  const array: unknown[] = reader.add([]);
  reader.descend();
  for (let i = 0; i < count; i++) {
    const item = readValue(reader);
    if (item === nothing) array.length = i + 1;
    else array.push(item);
  }
  reader.depth--;
  return array;
}

/** Longer ones would begin as dictionaries; as growing arrays they do not. */
const AT_ONCE_MAX = 1 << 20;

function numbers(count: number): number[] {
  return count <= AT_ONCE_MAX ? new Array<number>(count) : [];
}

export function readIntegers(reader: Reader): number[] {
  const count = reader.count(4);
  let at = reader.take(count * 4);
  const array = reader.add(numbers(count));
  const { view } = reader;
  for (let i = 0; i < count; i++, at += 4) array[i] = view.getInt32(at, true);
  return array;
}

export function readDoubles(reader: Reader): number[] {
  const count = reader.count(8);
  let at = reader.take(count * 8);
  const array = reader.add(numbers(count));
  const { view } = reader;
  for (let i = 0; i < count; i++, at += 8) array[i] = view.getFloat64(at, true);
  return array;
}

/** Longer arrays are never laid out in full, however few elements they have. */
const DENSE_MAX = 4096;

export function readSparse(reader: Reader): unknown[] {
  const length = reader.u32();
  const count = reader.count(2);
  const array: unknown[] = reader.add([]);
  if (length > DENSE_MAX) {
    // An element this far out makes V8 keep the elements in a dictionary; `length` alone would not.
    array[length - 1] = undefined;
    // oxlint-disable-next-line typescript/no-array-delete -- a hole is what is wanted here
    delete array[length - 1];
  } else {
    array.length = length;
  }
  reader.descend();
  for (let i = 0; i < count; i++) {
    const key = readValue(reader);
    if (typeof key !== 'string') throw corrupt('a key is no string');
    const value = readValue(reader);
    if (value !== nothing) setProperty(array, key, value);
  }
  reader.depth--;
  return array;
}
