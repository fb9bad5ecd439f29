// The entries of a bucket of a SharedMap, as native code writes them.
import type { SharedMapKey } from './shared-map.js';

// A key may begin with what else is taken for a mark of the byte order.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const headBytes = 16;

const whole = (bytes: number): number => Math.ceil(bytes / 8) * 8;

export function entriesIn(out: Uint8Array, used: number): [SharedMapKey, Uint8Array][] {
  const view = new DataView(out.buffer, out.byteOffset, used);
  const entries: [SharedMapKey, Uint8Array][] = [];
  for (let at = 0; at < used; ) {
    const isText = view.getUint32(at, true) === 0;
    const keyBytes = view.getUint32(at + 4, true);
    const valueBytes = view.getUint32(at + 8, true);
    const keyAt = at + headBytes;
    const valueAt = keyAt + whole(keyBytes);
    const key = isText
      ? decoder.decode(out.subarray(keyAt, keyAt + keyBytes))
      : view.getFloat64(keyAt, true);
    entries.push([key, out.slice(valueAt, valueAt + valueBytes)]);
    at = valueAt + whole(valueBytes);
  }
  return entries;
}
