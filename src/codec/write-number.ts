import type { Encoder } from './encoder.js';
import { DOUBLE, INT16, INT32, INT8 } from './format.js';

export function writeNumber(encoder: Encoder, value: number): void {
  const integer = value | 0;
  if (integer !== value || (integer === 0 && 1 / value < 0)) {
    const at = encoder.take(9);
    encoder.bytes[at] = DOUBLE;
    encoder.view.setFloat64(at + 1, value, true);
  } else if (integer >= 0 && integer < 0x80) {
    const at = encoder.take(1);
    encoder.bytes[at] = integer;
  } else if (integer >= -0x80 && integer < 0) {
    const at = encoder.take(2);
    encoder.bytes[at] = INT8;
    encoder.bytes[at + 1] = integer;
  } else if (integer >= -0x8000 && integer < 0x8000) {
    const at = encoder.take(3);
    encoder.bytes[at] = INT16;
    encoder.view.setInt16(at + 1, integer, true);
  } else {
    const at = encoder.take(5);
    encoder.bytes[at] = INT32;
    encoder.view.setInt32(at + 1, integer, true);
  }
}
