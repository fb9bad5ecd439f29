import type { Reader } from './reader.js';
import { shortLatin1, SHORT_MAX } from './short-latin1.js';

export function readSmallString(reader: Reader, length: number): string {
  const at = reader.take(length);
  if (length <= SHORT_MAX) return shortLatin1(reader.bytes, at, length);
  return reader.bytes.latin1Slice(at, at + length);
}

export function readLatin1(reader: Reader): string {
  const length = reader.u32();
  const at = reader.take(length);
  return reader.bytes.latin1Slice(at, at + length);
}

export function readShortUtf16(reader: Reader): string {
  const length = reader.byte();
  const at = reader.take(length * 2);
  return reader.bytes.ucs2Slice(at, at + length * 2);
}

export function readUtf16(reader: Reader): string {
  const length = reader.u32();
  const at = reader.take(length * 2);
  return reader.bytes.ucs2Slice(at, at + length * 2);
}
