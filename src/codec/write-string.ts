import type { Encoder } from './encoder.js';
import { LATIN1, SHORT_UTF16, SMALL_STRING, SMALL_STRING_MAX, UTF16 } from './format.js';

/** Up to here a loop beats the call into Buffer's native writers. */
const LOOP_MAX = 16;

export function writeString(encoder: Encoder, text: string): void {
  const { length } = text;
  if (length <= LOOP_MAX) {
    const at = encoder.take(1 + length);
    const { bytes } = encoder;
    bytes[at] = SMALL_STRING | length;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) {
        encoder.position = at;
        writeShortUtf16(encoder, text);
        return;
      }
      bytes[at + 1 + i] = unit;
    }
  } else if (Buffer.byteLength(text) === length) {
    // As many UTF-8 bytes as code units: all ASCII. The count is the quickest such test there is.
    if (length <= SMALL_STRING_MAX) {
      const at = encoder.take(1 + length);
      encoder.bytes[at] = SMALL_STRING | length;
      encoder.bytes.latin1Write(text, at + 1, length);
    } else {
      const at = encoder.take(5 + length);
      encoder.bytes[at] = LATIN1;
      encoder.view.setUint32(at + 1, length, true);
      encoder.bytes.latin1Write(text, at + 5, length);
    }
  } else {
    // Code units rather than UTF-8, which would lose lone surrogates.
    const at = encoder.take(5 + length * 2);
    encoder.bytes[at] = UTF16;
    encoder.view.setUint32(at + 1, length, true);
    encoder.bytes.ucs2Write(text, at + 5, length * 2);
  }
}

function writeShortUtf16(encoder: Encoder, text: string): void {
  const { length } = text;
  const at = encoder.take(2 + length * 2);
  encoder.bytes[at] = SHORT_UTF16;
  encoder.bytes[at + 1] = length;
  for (let i = 0; i < length; i++) {
    encoder.view.setUint16(at + 2 + i * 2, text.charCodeAt(i), true);
  }
}
