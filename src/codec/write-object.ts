import { isOrdinary } from './brands.js';
import type { Encoder } from './encoder.js';
import { ABSENT, OBJECT, SHAPED } from './format.js';
import { MAX_KEYS } from './key-block.js';
import { firstNode, type Shape } from './known-keys.js';
import { unsupported } from './refusal.js';
import { writeString } from './write-string.js';
import { writeValue } from './write-value.js';

/**
 * An object whose prototype is Object.prototype. Two passes of for-in, which reads an object's
 * properties without allocating and without a lookup each: the keys find the shape, the values follow.
 */
export function writePlain(encoder: Encoder, object: object): void {
  let node = firstNode();
  let count = 0;
  let first: string | undefined;
  for (const key in object) {
    if (count === 0) first = key;
    if (count < MAX_KEYS) node = node.step(key);
    count++;
  }
  // What has no keys, or an index as its first, may be something else in disguise: `arguments`, or a
  // Map whose prototype was exchanged.
  if ((first === undefined || first === '0') && !isOrdinary(object)) unsupported(object);
  if (count > 0 && inheritsKeys()) {
    writeByKeys(encoder, object);
    return;
  }
  const shape = count <= MAX_KEYS ? node.shape(object) : undefined;
  if (shape === undefined) writeDictionary(encoder, object, count);
  else writeShaped(encoder, object as Record<string, unknown>, shape);
}

const empty = {};

/** Somebody gave Object.prototype enumerable properties, which for-in then shows in every object. */
function inheritsKeys(): boolean {
  for (const _ in empty) return true;
  return false;
}

function writeShaped(encoder: Encoder, object: Record<string, unknown>, shape: Shape): void {
  const { keys, words } = shape;
  let at = encoder.take(6 + words.length * 4);
  encoder.bytes[at] = SHAPED;
  encoder.bytes[at + 1] = words.length;
  const { view } = encoder;
  view.setUint32(at + 2, shape.hash, true);
  at += 6;
  for (let i = 0; i < words.length; i++) view.setInt32(at + i * 4, words[i] as number, true);
  let i = 0;
  for (const key in object) {
    // for-in passes over a property that a getter has deleted in the meantime.
    while (key !== keys[i] && i < keys.length) skip(encoder, i++);
    writeValue(encoder, object[key]);
    i++;
  }
  while (i < keys.length) skip(encoder, i++);
}

function skip(encoder: Encoder, _index: number): void {
  encoder.graph = true;
  encoder.tag(ABSENT);
}

function writeDictionary(encoder: Encoder, object: object, count: number): void {
  encoder.tagAndCount(OBJECT, count);
  let written = 0;
  for (const key in object) {
    writeString(encoder, key);
    writeValue(encoder, (object as Record<string, unknown>)[key]);
    written++;
  }
  for (; written < count; written++) {
    writeString(encoder, '');
    skip(encoder, written);
  }
}

/** Any object as a plain one: own enumerable string keys, each read once, in order. */
export function writeByKeys(encoder: Encoder, object: object): void {
  const keys = Object.keys(object);
  encoder.tagAndCount(OBJECT, keys.length);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    writeString(encoder, key);
    if (Object.hasOwn(object, key)) writeValue(encoder, (object as Record<string, unknown>)[key]);
    else skip(encoder, i);
  }
}
