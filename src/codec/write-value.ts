import type { Encoder } from './encoder.js';
import { BIGINT, BIGINT64, FALSE, NULL, REF, TRUE, UNDEFINED } from './format.js';
import { types } from 'node:util';
import { prototypeOf } from './prototype-of.js';
import { unsupported } from './refusal.js';
import { writeArray } from './write-array.js';
import { writeBuiltin } from './write-builtin.js';
import { refuseOpen, writeInstance } from './write-instance.js';
import { writeNumber } from './write-number.js';
import { writePlain } from './write-object.js';
import { writeString } from './write-string.js';

const { isProxy } = types;
const { isArray } = Array;
const objectPrototype = Object.prototype;
const arrayPrototype = Array.prototype;
// A constant of this module: an imported one costs a load and a check each time.
const getPrototypeOf = prototypeOf;

export function writeValue(encoder: Encoder, value: unknown): void {
  switch (typeof value) {
    case 'number':
      writeNumber(encoder, value);
      return;
    case 'string':
      writeString(encoder, value);
      return;
    case 'boolean':
      encoder.tag(value ? TRUE : FALSE);
      return;
    case 'object':
      if (value === null) encoder.tag(NULL);
      else writeObject(encoder, value);
      return;
    case 'undefined':
      encoder.tag(UNDEFINED);
      return;
    case 'bigint':
      writeBigint(encoder, value);
      return;
    default:
      unsupported(value);
  }
}

function writeObject(encoder: Encoder, value: object): void {
  // Nothing in the language tells a proxy apart, and its traps must not run.
  if (isProxy(value)) unsupported(value);
  const known = encoder.number(value);
  if (known >= 0) {
    if (encoder.open !== undefined) refuseOpen(encoder, known);
    encoder.graph = true;
    encoder.tagAndCount(REF, known);
    return;
  }
  encoder.descend(value);
  const prototype = getPrototypeOf(value);
  if (prototype === objectPrototype) writePlain(encoder, value);
  else if (prototype === arrayPrototype && isArray(value)) writeArray(encoder, value);
  else writeOther(encoder, value, prototype);
  encoder.depth--;
}

function writeOther(encoder: Encoder, value: object, prototype: object | null): void {
  const { codecs } = encoder;
  if (codecs !== undefined && writeInstance(encoder, codecs, value, prototype)) return;
  if (isArray(value)) writeArray(encoder, value);
  else writeBuiltin(encoder, value, prototype);
}

function writeBigint(encoder: Encoder, value: bigint): void {
  if (BigInt.asIntN(64, value) === value) {
    const at = encoder.take(9);
    encoder.bytes[at] = BIGINT64;
    encoder.view.setBigInt64(at + 1, value, true);
    return;
  }
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString(16);
  const size = digits.length;
  const at = encoder.take(6 + size);
  encoder.bytes[at] = BIGINT;
  encoder.bytes[at + 1] = negative ? 1 : 0;
  encoder.view.setUint32(at + 2, size, true);
  encoder.bytes.latin1Write(digits, at + 6, size);
}
