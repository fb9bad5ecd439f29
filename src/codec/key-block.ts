// The keys of an object as one block of bytes, so that the encoder writes and the decoder recognises
// all of them at once: for each key its length (one byte) and its latin1 bytes, then zeros up to a whole
// number of 32-bit words. A zero length ends the block early, so the empty key cannot be in one.

/** Objects with more keys are rather dictionaries, whose keys are not worth remembering. */
export const MAX_KEYS = 32;
const MAX_WORDS = 255;

export interface KeyBlock {
  readonly hash: number;
  readonly words: readonly number[];
}

/** The block of these keys, or undefined where they do not fit one. */
export function toKeyBlock(keys: readonly string[]): KeyBlock | undefined {
  const bytes: number[] = [];
  for (const key of keys) {
    if (key.length === 0 || key.length > 0xff) return undefined;
    bytes.push(key.length);
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      if (unit > 0xff) return undefined;
      bytes.push(unit);
    }
  }
  while (bytes.length % 4 !== 0) bytes.push(0);
  if (bytes.length / 4 > MAX_WORDS) return undefined;
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const words: number[] = [];
  for (let at = 0; at < bytes.length; at += 4) words.push(view.getInt32(at, true));
  return { hash: hashOf(words), words };
}

/** The keys in the block at `at`, or undefined where it is none. */
export function fromKeyBlock(view: DataView, at: number, size: number): string[] | undefined {
  const keys: string[] = [];
  for (let next = 0; next < size; ) {
    const length = view.getUint8(at + next++);
    if (length === 0) break;
    if (next + length > size) return undefined;
    let key = '';
    for (let i = 0; i < length; i++) key += String.fromCharCode(view.getUint8(at + next + i));
    keys.push(key);
    next += length;
  }
  return keys;
}

/** FNV-1a over words. It only spreads blocks over a cache; equality is always checked. */
function hashOf(words: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
