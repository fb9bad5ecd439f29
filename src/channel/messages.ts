// What a channel carries: each kind of message has a fixed place in its slot, and a plain description
// that goes with a shared end, from which the other thread makes the same codec.
import { checkInteger, invalidType, MoiraiError } from '../base/index.js';
import type { NumaPoolHandle } from '../memory/index.js';
import { decode, encode, NeedsPort, Writer, type Views } from '../codec/index.js';
import type { BatchShape } from './batching.js';
import { readUtf8, writeUtf8 } from './text.js';

/** A field of a struct as it goes to another thread. */
export interface FieldShape {
  readonly name: string;
  /** A number type, or bytes or a string of up to `max` bytes. */
  readonly type: FieldType | { readonly kind: 'bytes' | 'utf8'; readonly max: number };
}

/** What a number in a struct is: floats, and integers of 8 to 64 bits, signed and not. */
export type FieldType = 'f64' | 'f32' | 'i32' | 'u32' | 'i16' | 'u16' | 'i8' | 'u8' | 'i64' | 'u64';

/** Says what a codec is, in a form that can be cloned. */
export type MessageShape =
  | { readonly kind: 'f64' | 'u32' }
  | { readonly kind: 'bytes' | 'utf8' | 'cloneable'; readonly max: number }
  | { readonly kind: 'struct'; readonly fields: readonly FieldShape[] }
  | { readonly kind: 'block'; readonly pool: NumaPoolHandle<never> }
  | BatchShape;

/** How messages of type T lie in a slot. Made by `f64()`, `u32()`, `bytes()`, `utf8()`, `cloneable()`. */
export interface MessageCodec<T> {
  readonly shape: MessageShape;
  /** Bytes of a slot. */
  readonly bytes: number;
  /** The value is one that this codec takes; throws a TypeError or RangeError if not. */
  check(value: T): void;
  /** Writes a checked value at a byte offset. */
  write(views: Views, at: number, value: T): void;
  /** The value shares nothing with the memory. */
  read(views: Views, at: number): T;
}

const lengthBytes = 4;
/** Bytes of the largest message. */
export const maxMessageBytes = 2 ** 26;
/** An array's own property `length` may say anything. */
const byteLength = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  'byteLength',
)?.get as () => unknown;

/** Numbers, as IEEE 754 doubles. The fastest messages there are, together with `u32()`. */
export function f64(): MessageCodec<number> {
  return {
    shape: { kind: 'f64' },
    bytes: 8,
    check: (value) => {
      if (typeof value !== 'number') throw invalidType('value', 'a number', value);
    },
    write: ({ f64: numbers }, at, value) => {
      numbers[at / 8] = value;
    },
    read: ({ f64: numbers }, at) => numbers[at / 8] ?? 0,
  };
}

/** Integers from 0 to 2^32 - 1. */
export function u32(): MessageCodec<number> {
  return {
    shape: { kind: 'u32' },
    bytes: 4,
    check: (value) => void checkInteger('value', value, 0, 0xffff_ffff),
    write: ({ u32: numbers }, at, value) => {
      numbers[at / 4] = value;
    },
    read: ({ u32: numbers }, at) => numbers[at / 4] ?? 0,
  };
}

/** Byte arrays of up to `max` bytes; each is received as a copy. */
export function bytes(max: number): MessageCodec<Uint8Array> {
  checkInteger('max', max, 1, maxMessageBytes);
  return {
    shape: { kind: 'bytes', max },
    bytes: lengthBytes + max,
    check: (value) => {
      if (!(value instanceof Uint8Array)) throw invalidType('value', 'a Uint8Array', value);
      const length = byteLength.call(value) as number;
      if (length > max) throw tooLarge(length, max);
    },
    write: (views, at, value) => {
      // It may have become longer since it was checked.
      const length = byteLength.call(value) as number;
      if (length > max) throw tooLarge(length, max);
      views.u32[at / 4] = length;
      views.bytes.set(value, at + lengthBytes);
    },
    read: (views, at) => {
      const start = at + lengthBytes;
      return new Uint8Array(views.bytes.subarray(start, start + lengthAt(views, at, max)));
    },
  };
}

/** Strings of up to `max` bytes in UTF-8; lone surrogates arrive as U+FFFD. */
export function utf8(max: number): MessageCodec<string> {
  checkInteger('max', max, 1, maxMessageBytes);
  return {
    shape: { kind: 'utf8', max },
    bytes: lengthBytes + max,
    check: (value) => {
      if (typeof value !== 'string') throw invalidType('value', 'a string', value);
      // A character takes at most 3 bytes for each of its UTF-16 units: most need not be counted.
      if (value.length * 3 > max && Buffer.byteLength(value) > max) {
        throw tooLarge(Buffer.byteLength(value), max);
      }
    },
    write: (views, at, value) => {
      views.u32[at / 4] = writeUtf8(views.bytes, at + lengthBytes, max, value);
    },
    read: (views, at) => {
      return readUtf8(views.bytes, at + lengthBytes, lengthAt(views, at, max));
    },
  };
}

const defaultCloneableBytes = 4096;

/**
 * Any value that structuredClone takes, of up to `maxBytes` bytes when encoded (default 4,096: a plain
 * object takes about as many bytes as its JSON). Ports, Blobs and SharedArrayBuffers are refused.
 */
export function cloneable<T = unknown>(maxBytes = defaultCloneableBytes): MessageCodec<T> {
  checkInteger('maxBytes', maxBytes, 1, maxMessageBytes);
  let writer: SlotWriter | undefined;
  return {
    shape: { kind: 'cloneable', max: maxBytes },
    bytes: lengthBytes + maxBytes,
    check: (value) => {
      if (value === undefined) throw invalidType('value', 'anything but undefined', value);
    },
    write: (views, at, value) => {
      // A getter of the value may send something else by the same codec.
      const own = writer ?? new SlotWriter(views);
      writer = undefined;
      try {
        views.u32[at / 4] = own.encode(views, at + lengthBytes, maxBytes, value);
      } finally {
        writer = own;
      }
    },
    read: (views, at) => decode(views, at + lengthBytes, lengthAt(views, at, maxBytes)) as T,
  };
}

class SlotWriter extends Writer {
  constructor(views: Views) {
    super(views, 0, 0);
  }

  /** How many bytes it took. */
  encode(views: Views, start: number, max: number, value: unknown): number {
    this.views = views;
    this.start = this.position = start;
    this.end = start + max;
    try {
      encode(this, value);
    } catch (cause) {
      if (!(cause instanceof NeedsPort)) throw cause;
      throw new MoiraiError(
        'ERR_MOIRAI_NOT_SERIALIZABLE',
        'value holds what only a MessagePort can carry (a port, a Blob, a SharedArrayBuffer, …)',
        { cause },
      );
    }
    return this.position - start;
  }

  override grow(needed: number): never {
    throw tooLarge(this.position - this.start + needed, this.end - this.start);
  }
}

function tooLarge(bytesNeeded: number, max: number): MoiraiError {
  return new MoiraiError(
    'ERR_MOIRAI_TOO_LARGE',
    `the value needs ${bytesNeeded} bytes or more; the channel was made for ${max}`,
  );
}

function lengthAt(views: Views, at: number, max: number): number {
  const length = views.u32[at / 4] ?? 0;
  if (length <= max) return length;
  throw new MoiraiError('ERR_MOIRAI_CORRUPT', `a message says that it has ${length} bytes`);
}
