import { types } from 'node:util';
import { copyFrom } from './bulk.js';
import { SLICE } from './format.js';
import { readValue } from './read-value.js';
import { corrupt, type Reader } from './reader.js';
import { UINT8, viewTypes, type ViewType } from './view-types.js';

export function readBuffer(reader: Reader): ArrayBuffer {
  return reader.add(copyOut(reader, reader.u32()).buffer);
}

export function readShared(reader: Reader): SharedArrayBuffer {
  const buffer = reader.findBuffer?.(reader.u32());
  if (buffer === undefined) throw corrupt('a SharedArrayBuffer that is not known here');
  return reader.add(buffer);
}

export function readWholeView(reader: Reader): ArrayBufferView {
  const index = reader.byte();
  const type = typeAt(index & ~SLICE);
  const size = reader.u32();
  const copy = copyOut(reader, size);
  const plain = (index & ~SLICE) === UINT8;
  const view = reader.add(plain ? copy : new type(copy.buffer, 0, elements(type, size)));
  if ((index & SLICE) === 0 && reader.objects !== undefined) reader.add(copy.buffer);
  return view;
}

export function readView(reader: Reader): ArrayBufferView {
  const type = typeAt(reader.byte());
  const offset = reader.u32();
  const size = reader.u32();
  // The view has its number before its buffer, though it is made after.
  const number = reader.objects?.push(undefined) ?? 0;
  const buffer = readValue(reader);
  if (!isBuffer(buffer)) throw corrupt('a view of no buffer');
  const view = new type(buffer, offset, elements(type, size));
  if (reader.objects !== undefined) reader.objects[number - 1] = view;
  return view;
}

const { isAnyArrayBuffer: isBuffer } = types;

function typeAt(index: number): ViewType {
  const type = viewTypes[index];
  if (type === undefined) throw corrupt('unknown type of view');
  return type;
}

function elements(type: ViewType, size: number): number {
  return size / (type.BYTES_PER_ELEMENT ?? 1);
}

function copyOut(reader: Reader, size: number): Uint8Array<ArrayBuffer> {
  const at = reader.take(size);
  return copyFrom(reader.bytes, at, size);
}
