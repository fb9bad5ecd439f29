// Strings as UTF-8. Short ones of ASCII, which most are, byte by byte: a call into Buffer's native code
// takes longer than all of their characters.
import { shortLatin1, SHORT_MAX } from '../codec/index.js';

/** How many bytes it took; as many whole characters as go into `max`. */
export function writeUtf8(bytes: Buffer, at: number, max: number, text: string): number {
  const { length } = text;
  if (length > SHORT_MAX || length > max) return bytes.write(text, at, max, 'utf8');
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return bytes.write(text, at, max, 'utf8');
    bytes[at + i] = unit;
  }
  return length;
}

export function readUtf8(bytes: Buffer, at: number, length: number): string {
  if (length > SHORT_MAX) return bytes.toString('utf8', at, at + length);
  let all = 0;
  for (let i = 0; i < length; i++) all |= bytes[at + i] as number;
  return all > 0x7f ? bytes.toString('utf8', at, at + length) : shortLatin1(bytes, at, length);
}
