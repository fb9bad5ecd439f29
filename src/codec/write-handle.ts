import { Departing, departureOf } from '../share/index.js';
import type { Encoder } from './encoder.js';
import { HANDLE } from './format.js';
import { unsupported } from './refusal.js';
import { writeNumber } from './write-number.js';
import { writeString } from './write-string.js';
import { writeValue } from './write-value.js';

/** Writes an object that goes to another thread as what it is; false: it is none. */
export function writeHandle(encoder: Encoder, value: object): boolean {
  const departure = departureOf(value);
  if (departure === undefined) return false;
  const { writer } = encoder;
  if (!writer.carriesObjects) unsupported(value);
  const handle = (writer.departing ??= new Departing()).add(departure);
  encoder.handles = true;
  encoder.tag(HANDLE);
  // The kind first: a reader that does not know it need not read on.
  writeString(encoder, handle.moirai);
  writeNumber(encoder, handle.ticket);
  writeValue(encoder, handle.value);
  return true;
}
