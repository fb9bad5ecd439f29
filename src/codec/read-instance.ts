import { nothing } from './nothing.js';
import { readValue } from './read-value.js';
import { corrupt, type Reader } from './reader.js';

export function readInstance(reader: Reader): unknown {
  const codec = reader.view.getUint16(reader.take(2), true);
  // The instance has its number before what it is made from, though it is made after.
  const number = reader.objects?.push(undefined) ?? 0;
  reader.descend();
  const encoded = readValue(reader);
  reader.depth--;
  const { codecs } = reader;
  if (codecs === undefined || encoded === nothing) throw corrupt('an instance of no class');
  const instance = codecs.decode(codec, encoded);
  if (reader.objects !== undefined) reader.objects[number - 1] = instance;
  return instance;
}
