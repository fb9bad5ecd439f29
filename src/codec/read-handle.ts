import { nothing } from './nothing.js';
import { readValue } from './read-value.js';
import { corrupt, type Reader } from './reader.js';

export function readHandle(reader: Reader): unknown {
  const number = reader.objects?.push(undefined) ?? 0;
  reader.descend();
  const moirai = readValue(reader);
  const ticket = readValue(reader);
  const { attach } = reader;
  if (attach === undefined || typeof moirai !== 'string' || typeof ticket !== 'number') {
    throw corrupt('a handle where there can be none');
  }
  attach.expect?.(moirai);
  const value = readValue(reader);
  reader.depth--;
  if (value === nothing) throw corrupt('a handle of nothing');
  const object = attach.attach({ moirai, ticket, value });
  if (reader.objects !== undefined) reader.objects[number - 1] = object;
  return object;
}
