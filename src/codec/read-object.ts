import { findShape, setProperty } from './decoded-shapes.js';
import { nothing } from './nothing.js';
import { readValue } from './read-value.js';
import { corrupt, type Reader } from './reader.js';

export function readShaped(reader: Reader): object {
  const size = reader.byte() * 4;
  const at = reader.take(4 + size);
  const shape = findShape(reader.view, at, size);
  if (shape === undefined) throw corrupt('bad keys');
  reader.descend();
  const object = reader.objects === undefined ? shape.build(reader) : shape.fill(reader);
  reader.depth--;
  return object;
}

export function readDictionary(reader: Reader): object {
  const count = reader.count(2);
  const object: object = reader.add({});
  reader.descend();
  for (let i = 0; i < count; i++) {
    const key = readValue(reader);
    if (typeof key !== 'string') throw corrupt('a key is no string');
    const value = readValue(reader);
    if (value !== nothing) setProperty(object, key, value);
  }
  reader.depth--;
  return object;
}
