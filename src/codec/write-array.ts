import type { Encoder } from './encoder.js';
import {
  ABSENT,
  ARRAY,
  DOUBLE_ARRAY,
  HOLE,
  INT32_ARRAY,
  SMALL_ARRAY,
  SMALL_ARRAY_MAX,
  SPARSE_ARRAY,
} from './format.js';
import { writeString } from './write-string.js';
import { writeValue } from './write-value.js';

const { hasOwn, keys: keysOf, values: valuesOf } = Object;

/** Fewer numbers than this do not pay for looking at each of them twice. */
const PACKED_MIN = 4;

export function writeArray(encoder: Encoder, array: readonly unknown[]): void {
  const { length } = array;
  if (length === 0 && !hasExtras(array)) {
    encoder.tag(SMALL_ARRAY);
    return;
  }
  // The only cheap way to see that an array has no properties beside its elements: the values of all
  // its properties are as many. It also reads each element once, getters included.
  const values: readonly unknown[] = valuesOf(array);
  if (values.length !== length || hasHole(array)) {
    writeIrregular(encoder, array, values);
    return;
  }
  if (length >= PACKED_MIN && typeof values[0] === 'number') {
    const packed = packing(values);
    if (packed === INT32_ARRAY) {
      let at = encoder.take(5 + length * 4);
      encoder.bytes[at] = INT32_ARRAY;
      encoder.view.setUint32(at + 1, length, true);
      at += 5;
      const { view } = encoder;
      for (let i = 0; i < length; i++) view.setInt32(at + i * 4, values[i] as number, true);
      return;
    }
    if (packed === DOUBLE_ARRAY) {
      let at = encoder.take(5 + length * 8);
      encoder.bytes[at] = DOUBLE_ARRAY;
      encoder.view.setUint32(at + 1, length, true);
      at += 5;
      const { view } = encoder;
      for (let i = 0; i < length; i++) view.setFloat64(at + i * 8, values[i] as number, true);
      return;
    }
  }
  if (length <= SMALL_ARRAY_MAX) encoder.tag(SMALL_ARRAY | length);
  else encoder.tagAndCount(ARRAY, length);
  for (let i = 0; i < length; i++) writeValue(encoder, values[i]);
}

function hasExtras(array: readonly unknown[]): boolean {
  // oxlint-disable-next-line typescript/no-for-in-array -- every enumerable key is asked for, and no list of them is made
  for (const key in array) if (hasOwn(array, key)) return true;
  return false;
}

function hasHole(array: readonly unknown[]): boolean {
  for (let i = 0; i < array.length; i++) {
    if (array[i] === undefined && !hasOwn(array, i)) return true;
  }
  return false;
}

/** INT32_ARRAY or DOUBLE_ARRAY where every value fits, else 0. */
function packing(values: readonly unknown[]): number {
  let packed = INT32_ARRAY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number') return 0;
    const integer = value | 0;
    if (integer !== value || (integer === 0 && 1 / value < 0)) packed = DOUBLE_ARRAY;
  }
  return packed;
}

/** Holes among elements that are many, in place; else each property by its key. */
function writeIrregular(
  encoder: Encoder,
  array: readonly unknown[],
  values: readonly unknown[],
): void {
  const { length } = array;
  const keys = keysOf(array);
  const last = keys[keys.length - 1];
  // Indices come before other keys, so the last key shows whether there are others.
  const elementsOnly = last === undefined || isIndex(last, length);
  if (keys.length !== values.length || !elementsOnly || length > values.length * 4 + 64) {
    encoder.tagAndCount(SPARSE_ARRAY, length);
    const at = encoder.take(4);
    encoder.view.setUint32(at, keys.length, true);
    for (let i = 0; i < keys.length; i++) {
      writeString(encoder, keys[i] as string);
      if (i < values.length) writeValue(encoder, values[i]);
      else writeAbsent(encoder);
    }
    return;
  }
  encoder.tagAndCount(ARRAY, length);
  for (let i = 0, next = 0; i < length; i++) {
    if (keys[next] === String(i)) writeValue(encoder, values[next++]);
    else encoder.tag(HOLE);
  }
}

function writeAbsent(encoder: Encoder): void {
  encoder.graph = true;
  encoder.tag(ABSENT);
}

function isIndex(key: string, length: number): boolean {
  const index = Number(key);
  return index >= 0 && index < length && String(index) === key;
}
