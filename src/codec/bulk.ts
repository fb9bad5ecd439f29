// Many bytes at a time, out of shared memory and into it.
import { native } from '../native.js';

/** Fewer bytes are copied one by one, without the cost of a view of the memory. */
const loopMax = 32;
/** From here on a call of the addon costs less than it saves. */
const nativeMin = 2048;

/** An array of its own, whose bytes mean nothing yet: above some size zeroes cost more than the copy. */
function unwritten(size: number): Uint8Array<ArrayBuffer> {
  return size < nativeMin
    ? new Uint8Array(size)
    : new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

export function copyFrom(bytes: Uint8Array, at: number, size: number): Uint8Array<ArrayBuffer> {
  const copy = unwritten(size);
  if (size <= loopMax) for (let i = 0; i < size; i++) copy[i] = bytes[at + i] as number;
  // Not subarray, which would make a Buffer by way of its species.
  else if (size < nativeMin) copy.set(new Uint8Array(bytes.buffer, bytes.byteOffset + at, size));
  else native.copy(copy, 0, bytes, at, size);
  return copy;
}

/** `size`: the length of `source`, whose own property of that name may be another. */
export function copyInto(bytes: Uint8Array, at: number, source: Uint8Array, size: number): void {
  if (size < nativeMin) bytes.set(source, at);
  else native.copy(bytes, at, source, 0, size);
}
