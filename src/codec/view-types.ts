import { prototypeOf } from './prototype-of.js';

/** Makes a view of `count` elements. */
export interface ViewType {
  new (buffer: ArrayBufferLike, byteOffset: number, count: number): ArrayBufferView;
  readonly name: string;
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT?: number;
}

const float16: unknown = (globalThis as Record<string, unknown>)['Float16Array'];

/** The format names a type of view by its index here. */
export const viewTypes: readonly ViewType[] = [
  DataView,
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
  ...(typeof float16 === 'function' ? [float16 as unknown as ViewType] : []),
];

/** The index of Uint8Array, which Buffers become. */
export const UINT8 = 1;

const names = viewTypes.map((type) => type.name);
const byPrototype = new Map<object | null, number>(viewTypes.map((type, i) => [type.prototype, i]));
byPrototype.set(Buffer.prototype as object, UINT8);

const typedArrayPrototype = prototypeOf(Uint8Array.prototype) as object;
const tagOf = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag)?.get as (
  this: unknown,
) => string | undefined;

/** The index of a view's true type, whatever its prototype; -1 where it has none here. */
export function viewTypeOf(view: ArrayBufferView): number {
  const name = tagOf.call(view) ?? 'DataView';
  const suggested = byPrototype.get(prototypeOf(view));
  return suggested !== undefined && names[suggested] === name ? suggested : names.indexOf(name);
}
