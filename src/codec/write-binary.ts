import { types } from 'node:util';
import { copyInto } from './bulk.js';
import type { Encoder } from './encoder.js';
import { ARRAY_BUFFER, MAX_LENGTH, REF, SHARED_BUFFER, SLICE, VIEW, WHOLE_VIEW } from './format.js';
import { prototypeOf } from './prototype-of.js';
import { unsupported } from './refusal.js';
import { UINT8, viewTypeOf, viewTypes } from './view-types.js';

// The accessors of the language itself: an instance may shadow them.
const typedArrayPrototype = prototypeOf(Uint8Array.prototype) as object;
const typedBuffer = accessor(typedArrayPrototype, 'buffer');
const typedOffset = accessor(typedArrayPrototype, 'byteOffset');
const typedLength = accessor(typedArrayPrototype, 'byteLength');
const dataViewBuffer = accessor(DataView.prototype, 'buffer');
const dataViewOffset = accessor(DataView.prototype, 'byteOffset');
const dataViewLength = accessor(DataView.prototype, 'byteLength');
const bufferLength = accessor(ArrayBuffer.prototype, 'byteLength');
const bufferResizable = accessor(ArrayBuffer.prototype, 'resizable');
const sharedLength = accessor(SharedArrayBuffer.prototype, 'byteLength');
const sharedGrowable = accessor(SharedArrayBuffer.prototype, 'growable');
const sharedMaximum = accessor(SharedArrayBuffer.prototype, 'maxByteLength');

function accessor(prototype: object, key: string): (this: unknown) => unknown {
  const found = Object.getOwnPropertyDescriptor(prototype, key)?.get;
  return (found as ((this: unknown) => unknown) | undefined) ?? (() => undefined);
}

/** A fixed-length buffer that is still there; others are structuredClone's business. */
function isPlainBuffer(buffer: unknown): buffer is ArrayBuffer {
  if (!(buffer instanceof ArrayBuffer) || bufferResizable.call(buffer) === true) return false;
  return bufferLength.call(buffer) !== 0 || !isDetached(buffer);
}

function isDetached(buffer: ArrayBuffer): boolean {
  try {
    // oxlint-disable-next-line eslint/no-new -- whether that throws is the answer; Node 20 has no `detached`
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

export function writeBuffer(encoder: Encoder, buffer: ArrayBuffer): void {
  if (!isPlainBuffer(buffer) || encoder.hasSliceOf(buffer)) unsupported(buffer);
  const size = bufferLength.call(buffer) as number;
  encoder.tagAndCount(ARRAY_BUFFER, size);
  copy(encoder, buffer, 0, size);
}

export function writeView(encoder: Encoder, value: ArrayBufferView): void {
  const type = viewTypeOf(value);
  if (type < 0) unsupported(value);
  const data = type === 0;
  const buffer = (data ? dataViewBuffer : typedBuffer).call(value);
  if (!isPlainBuffer(buffer)) {
    if (types.isSharedArrayBuffer(buffer)) writeSharedView(encoder, value, type, buffer);
    else unsupported(value);
    return;
  }
  const offset = (data ? dataViewOffset : typedOffset).call(value) as number;
  const size = (data ? dataViewLength : typedLength).call(value) as number;
  const whole = bufferLength.call(buffer) as number;
  if (whole > MAX_LENGTH) unsupported(value);
  if (size < whole && value instanceof Buffer && !encoder.has(buffer)) {
    // Most small Buffers are slices of a pool, whose other bytes are no part of the value.
    if (!encoder.claimSlice(buffer, offset, size)) unsupported(value);
    writeWhole(encoder, SLICE | type, value, buffer, offset, size);
    return;
  }
  if (encoder.hasSliceOf(buffer)) unsupported(value);
  const known = encoder.number(buffer);
  if (known < 0 && size === whole) {
    writeWhole(encoder, type, value, buffer, 0, size);
    return;
  }
  beginView(encoder, type, offset, size);
  if (known < 0) {
    writeBuffer(encoder, buffer);
  } else {
    encoder.graph = true;
    encoder.tagAndCount(REF, known);
  }
}

function beginView(encoder: Encoder, type: number, offset: number, size: number): void {
  const at = encoder.take(10);
  encoder.bytes[at] = VIEW;
  encoder.bytes[at + 1] = type;
  encoder.view.setUint32(at + 2, offset, true);
  encoder.view.setUint32(at + 6, size, true);
}

/** By its number: the memory stays where it is. */
export function writeShared(encoder: Encoder, buffer: SharedArrayBuffer): void {
  const number = encoder.writer.numberOf(buffer);
  if (number < 0) unsupported(buffer);
  encoder.tagAndCount(SHARED_BUFFER, number);
}

function writeSharedView(
  encoder: Encoder,
  value: ArrayBufferView,
  type: number,
  buffer: SharedArrayBuffer,
): void {
  // Before the view's own length, as another thread may be growing the buffer.
  const whole = sharedLength.call(buffer) as number;
  const data = type === 0;
  const offset = (data ? dataViewOffset : typedOffset).call(value) as number;
  const size = (data ? dataViewLength : typedLength).call(value) as number;
  const left = whole - offset - size;
  const mayTrack = left < (viewTypes[type]?.BYTES_PER_ELEMENT ?? 1) && canGrow(buffer, whole);
  if (mayTrack || offset > MAX_LENGTH || size > MAX_LENGTH) unsupported(value);
  beginView(encoder, type, offset, size);
  const known = encoder.number(buffer);
  if (known < 0) {
    writeShared(encoder, buffer);
  } else {
    encoder.graph = true;
    encoder.tagAndCount(REF, known);
  }
}

/** Then a view that ends where the buffer does may be one that grows with it; nothing shows which. */
function canGrow(buffer: SharedArrayBuffer, length: number): boolean {
  return sharedGrowable.call(buffer) === true && length < (sharedMaximum.call(buffer) as number);
}

function writeWhole(
  encoder: Encoder,
  type: number,
  value: ArrayBufferView,
  buffer: ArrayBuffer,
  offset: number,
  size: number,
): void {
  const at = encoder.take(6);
  encoder.bytes[at] = WHOLE_VIEW;
  encoder.bytes[at + 1] = type;
  encoder.view.setUint32(at + 2, size, true);
  if ((type & ~SLICE) === UINT8) {
    const to = encoder.take(size);
    copyInto(encoder.bytes, to, value as Uint8Array, size);
  } else {
    copy(encoder, buffer, offset, size);
  }
}

function copy(encoder: Encoder, buffer: ArrayBuffer, offset: number, size: number): void {
  const at = encoder.take(size);
  if (size > 0) copyInto(encoder.bytes, at, new Uint8Array(buffer, offset, size), size);
}
