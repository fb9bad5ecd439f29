import { types } from 'node:util';
import {
  decode,
  decodeArguments,
  encode,
  encodeArguments,
  Writer,
  type Views,
} from '../../dist/codec/index.js';

export function viewsOf(memory: SharedArrayBuffer): Views {
  const size = memory.byteLength;
  return {
    bytes: Buffer.from(memory, 0, size),
    view: new DataView(memory, 0, size),
    f64: new Float64Array(memory, 0, size >> 3),
    u32: new Uint32Array(memory, 0, size >> 2),
  };
}

/** Starts with an inline window at an odd place; moves to ever larger ones, in memory that grows. */
export class MovingWriter extends Writer {
  readonly memory: SharedArrayBuffer;
  moves = 0;

  constructor(start = 13, inline = 32) {
    const memory = new SharedArrayBuffer(64, { maxByteLength: 1 << 26 });
    super(viewsOf(memory), start, start + inline);
    this.memory = memory;
  }

  override grow(needed: number): void {
    const used = this.position - this.start;
    const size = Math.max((this.end - this.start) * 2, used + needed);
    const start = this.memory.byteLength;
    this.memory.grow(start + size + 64);
    const old = this.views.bytes;
    this.views = viewsOf(this.memory);
    this.views.bytes.set(old.subarray(this.start, this.position), start);
    // What moved away must not be needed any more, nor what lies after the new window.
    this.views.bytes.fill(0xa5, 0, start);
    this.views.bytes.fill(0xa5, start + size);
    this.start = start;
    this.position = start + used;
    this.end = start + size;
    this.moves++;
  }

  finish<T>(read: (views: Views, start: number, length: number) => T): T {
    const result = read(this.views, this.start, this.position - this.start);
    // A decoded value that shared the memory would change now.
    this.views.bytes.fill(0xff);
    return result;
  }
}

export function roundTrip(value: unknown): unknown {
  const writer = new MovingWriter();
  encode(writer, value);
  return writer.finish(decode);
}

export function roundTripArguments(...args: unknown[]): unknown[] {
  const writer = new MovingWriter();
  encodeArguments(writer, args);
  return writer.finish(decodeArguments);
}

export function sizeOf(value: unknown): number {
  const writer = new MovingWriter();
  encode(writer, value);
  return writer.position - writer.start;
}

export function codeOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
  return undefined;
}

/**
 * Where two graphs of objects differ: kinds, prototypes, values down to -0, keys and their order, holes,
 * attributes, and which objects are the same as which. Undefined where they do not.
 */
export function difference(a: unknown, b: unknown): string | undefined {
  return compare(a, b, 'value', new Map(), new Map());
}

function compare(
  a: unknown,
  b: unknown,
  path: string,
  toB: Map<object, unknown>,
  toA: Map<object, unknown>,
): string | undefined {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
    return Object.is(a, b) ? undefined : `${path}: ${String(a)} is not ${String(b)}`;
  }
  if (toB.has(a) || toA.has(b)) {
    return toB.get(a) === b && toA.get(b) === a ? undefined : `${path}: another identity`;
  }
  toB.set(a, b);
  toA.set(b, a);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: another prototype`;
  const under = (x: unknown, y: unknown, step: string): string | undefined =>
    compare(x, y, `${path}${step}`, toB, toA);
  for (const is of [types.isDate, types.isRegExp, types.isMap, types.isSet, types.isNativeError]) {
    if (is(a) !== is(b)) return `${path}: another kind`;
  }
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
    if (a.byteOffset !== b.byteOffset || a.byteLength !== b.byteLength)
      return `${path}: another window`;
    return under(a.buffer, b.buffer, '.buffer');
  }
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0
      ? undefined
      : `${path}: other bytes`;
  }
  if (a instanceof Date && b instanceof Date) return under(a.getTime(), b.getTime(), '.getTime()');
  if (a instanceof RegExp && b instanceof RegExp) return under(String(a), String(b), '.source');
  if (types.isBoxedPrimitive(a)) {
    const unboxed = under((a as object).valueOf(), b.valueOf(), '.valueOf()');
    if (unboxed !== undefined) return unboxed;
  }
  if (a instanceof Map && b instanceof Map)
    return under([...a].flat(), [...b].flat(), '.entries()');
  if (a instanceof Set && b instanceof Set) return under([...a], [...b], '.values()');
  const keys = Object.getOwnPropertyNames(a);
  const others = Object.getOwnPropertyNames(b);
  if (keys.join() !== others.join()) return `${path}: keys ${keys.join()} are not ${others.join()}`;
  for (const key of keys) {
    const { value: x, get: _g, set: _s, ...first } = descriptorOf(a, key);
    const { value: y, get: _h, set: _t, ...second } = descriptorOf(b, key);
    if (JSON.stringify(first) !== JSON.stringify(second)) return `${path}.${key}: other attributes`;
    const found = under(x ?? Reflect.get(a, key), y ?? Reflect.get(b, key), `.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Descriptor = Omit<PropertyDescriptor, 'value'> & { readonly value?: unknown };

function descriptorOf(object: object, key: string): Descriptor {
  return Object.getOwnPropertyDescriptor(object, key) as Descriptor;
}
