import type { CodecTable } from './codec-table.js';
import type { Encoder } from './encoder.js';
import { INSTANCE } from './format.js';
import { explainFailure } from './refusal.js';
import { writeValue } from './write-value.js';

/** Writes an object by the user's codec for its class; false where there is none. */
export function writeInstance(
  encoder: Encoder,
  codecs: CodecTable,
  value: object,
  prototype: object | null,
): boolean {
  const codec = codecs.numberOf(prototype);
  if (codec < 0) return false;
  const instance = encoder.lastNumber;
  const open = (encoder.open ??= new Map());
  open.set(instance, codec);
  const encoded = codecs.encode(codec, value);
  const at = encoder.take(3);
  encoder.bytes[at] = INSTANCE;
  encoder.view.setUint16(at + 1, codec, true);
  try {
    writeValue(encoder, encoded);
  } catch (error) {
    throw explainFailure(error, encoded, `what ${codecs.nameOf(codec)} gives`);
  }
  open.delete(instance);
  return true;
}

/** A reference to an instance from within is refused: the reader could not have made it yet. */
export function refuseOpen(encoder: Encoder, number: number): void {
  const codec = encoder.open?.get(number);
  if (codec !== undefined && encoder.codecs !== undefined) throw encoder.codecs.cycle(codec);
}
