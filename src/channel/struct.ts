// Messages of fixed fields, laid out as a C compiler would, that can be written and read in place.
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';
import type { Views } from '../codec/index.js';
import {
  bytes,
  maxMessageBytes,
  utf8,
  type FieldShape,
  type FieldType,
  type MessageCodec,
} from './messages.js';

type TypeOf<F extends FieldType> = F extends 'i64' | 'u64' ? bigint : number;

/** Names of fields and what they hold: a number type, or `bytes(n)` or `utf8(n)`. */
export type StructSchema = Readonly<Record<string, FieldType | FieldCodec>>;

/** Codecs that a field may have. */
export type FieldCodec = MessageCodec<string> | MessageCodec<Uint8Array>;

/** The object that a schema describes. */
export type StructOf<S extends StructSchema> = {
  -readonly [K in keyof S]: S[K] extends FieldType
    ? TypeOf<S[K]>
    : S[K] extends MessageCodec<infer T>
      ? T
      : never;
};

interface Scalar {
  readonly bytes: number;
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  readonly get: (view: DataView, at: number) => number | bigint;
  readonly set: (view: DataView, at: number, value: never) => void;
}

const scalars: Readonly<Record<FieldType, Scalar>> = {
  f64: {
    bytes: 8,
    get: (v, at) => v.getFloat64(at, true),
    set: (v, at, x) => v.setFloat64(at, x, true),
  },
  f32: {
    bytes: 4,
    get: (v, at) => v.getFloat32(at, true),
    set: (v, at, x) => v.setFloat32(at, x, true),
  },
  i32: {
    bytes: 4,
    min: -(2 ** 31),
    max: 2 ** 31 - 1,
    get: (v, at) => v.getInt32(at, true),
    set: (v, at, x) => v.setInt32(at, x, true),
  },
  u32: {
    bytes: 4,
    min: 0,
    max: 2 ** 32 - 1,
    get: (v, at) => v.getUint32(at, true),
    set: (v, at, x) => v.setUint32(at, x, true),
  },
  i16: {
    bytes: 2,
    min: -(2 ** 15),
    max: 2 ** 15 - 1,
    get: (v, at) => v.getInt16(at, true),
    set: (v, at, x) => v.setInt16(at, x, true),
  },
  u16: {
    bytes: 2,
    min: 0,
    max: 2 ** 16 - 1,
    get: (v, at) => v.getUint16(at, true),
    set: (v, at, x) => v.setUint16(at, x, true),
  },
  i8: {
    bytes: 1,
    min: -128,
    max: 127,
    get: (v, at) => v.getInt8(at),
    set: (v, at, x) => v.setInt8(at, x),
  },
  u8: {
    bytes: 1,
    min: 0,
    max: 255,
    get: (v, at) => v.getUint8(at),
    set: (v, at, x) => v.setUint8(at, x),
  },
  i64: {
    bytes: 8,
    min: -(2n ** 63n),
    max: 2n ** 63n - 1n,
    get: (v, at) => v.getBigInt64(at, true),
    set: (v, at, x) => v.setBigInt64(at, x, true),
  },
  u64: {
    bytes: 8,
    min: 0n,
    max: 2n ** 64n - 1n,
    get: (v, at) => v.getBigUint64(at, true),
    set: (v, at, x) => v.setBigUint64(at, x, true),
  },
};

interface Field {
  readonly name: string;
  readonly offset: number;
  readonly check: (value: unknown) => void;
  readonly get: (views: Views, at: number) => unknown;
  readonly set: (views: Views, at: number, value: never) => void;
}

const memory = Symbol('memory');
const position = Symbol('position');

/** The fields of one message where it lies. Valid until it is committed or released. */
class InPlace {
  // Fields may have any name.
  readonly [memory]: Views;
  [position] = nowhere;

  constructor(views: Views) {
    this[memory] = views;
  }
}

/** Where a view points to that is done with. */
export const nowhere = -1;

function placeOf(view: InPlace): number {
  const at = view[position];
  if (at !== nowhere) return at;
  throw new MoiraiError('ERR_MOIRAI_CLOSED', 'this slot was committed, aborted or released');
}

/** A codec whose messages can be used in place: see `Sender.tryClaim` and `Receiver.tryPeek`. */
export interface InPlaceCodec<T> extends MessageCodec<T> {
  /**
   * A view that `place` moves from message to message; it reads and writes the message where it lies. Its
   * setters store as a DataView does and check nothing.
   */
  view(views: Views): { readonly view: T; readonly place: (at: number) => void };
}

/**
 * Messages of fixed fields, in the order given, each aligned to its size: a 64-byte struct of C is one
 * slot. Objects are copied field by field; in place nothing is copied.
 *
 * @example
 * const tick = struct({ price: 'f64', seq: 'u32', venue: utf8(16) });
 * const { sender, receiver } = createChannel({ codec: tick });
 * const slot = sender.tryClaim();
 * if (slot !== undefined) {
 *   slot.view.price = 101.5;
 *   slot.commit();
 * }
 */
export function struct<const S extends StructSchema>(schema: S): InPlaceCodec<StructOf<S>> {
  if (typeof schema !== 'object' || schema === null) {
    throw invalidType('schema', 'an object of fields', schema);
  }
  const shapes = Object.entries(schema).map(([name, type]) => shapeOf(name, type));
  return structOf(shapes) as unknown as InPlaceCodec<StructOf<S>>;
}

function shapeOf(name: string, type: FieldType | FieldCodec): FieldShape {
  if (typeof type === 'string' && Object.hasOwn(scalars, type)) return { name, type };
  const shape = typeof type === 'object' && type !== null ? type.shape : undefined;
  if (shape?.kind === 'bytes' || shape?.kind === 'utf8') {
    return { name, type: { kind: shape.kind, max: shape.max } };
  }
  const allowed = `${Object.keys(scalars).join(', ')}, bytes(n) or utf8(n)`;
  throw invalidType(`schema.${name}`, allowed, type);
}

/** The codec of these fields, in the thread that made it and in any other. */
export function structOf(shapes: readonly FieldShape[]): InPlaceCodec<Record<string, unknown>> {
  const { fields, size } = layOut(shapes);
  if (fields.length === 0) throw invalidRange('schema', 'one field or more', {});
  const View = viewClass(fields);
  return {
    shape: { kind: 'struct', fields: shapes },
    bytes: size,
    check: (value) => {
      if (typeof value !== 'object' || value === null) {
        throw invalidType('value', 'an object with the fields of the schema', value);
      }
      for (const { name, check } of fields) check(value[name]);
    },
    write: (views, at, value) => {
      for (const { name, offset, check, set } of fields) {
        const field = value[name]; // once: a getter may give something else next time
        check(field);
        set(views, at + offset, field as never);
      }
    },
    read: (views, at) => {
      const value: Record<string, unknown> = {};
      for (const { name, offset, get } of fields) value[name] = get(views, at + offset);
      return value;
    },
    view: (views) => {
      const view = new View(views);
      return {
        view: view as unknown as Record<string, unknown>,
        place: (at) => {
          view[position] = at;
        },
      };
    },
  };
}

function layOut(shapes: readonly FieldShape[]): { fields: Field[]; size: number } {
  const fields: Field[] = [];
  let end = 0;
  let widest = 4;
  for (const { name, type } of shapes) {
    const [field, size, align] = typeof type === 'string' ? scalar(name, type) : text(name, type);
    const offset = Math.ceil(end / align) * align;
    fields.push({ ...field, name, offset });
    end = offset + size;
    widest = Math.max(widest, align);
  }
  const size = Math.ceil(end / widest) * widest;
  if (size > maxMessageBytes) {
    throw invalidRange('schema', `of at most ${maxMessageBytes} bytes`, size);
  }
  return { fields, size };
}

type Access = Pick<Field, 'check' | 'get' | 'set'>;

function scalar(name: string, type: FieldType): [Access, size: number, align: number] {
  const { bytes: size, min, max, get, set } = scalars[type];
  const kind = typeof (min ?? 0);
  const check = (value: unknown): void => {
    const what = kind === 'bigint' ? 'a bigint' : min === undefined ? 'a number' : 'an integer';
    if (typeof value !== kind) throw invalidType(`value.${name}`, what, value);
    if (min === undefined || max === undefined) return;
    const number = value as number | bigint;
    const whole = typeof number === 'bigint' || Number.isInteger(number);
    if (whole && number >= min && number <= max) return;
    throw invalidRange(`value.${name}`, `${what} from ${min} to ${max}`, value);
  };
  const access: Access = {
    check,
    get: ({ view }, at) => get(view, at),
    set: ({ view }, at, value) => set(view, at, value),
  };
  return [access, size, size];
}

function text(
  name: string,
  { kind, max }: Exclude<FieldShape['type'], string>,
): [Access, size: number, align: number] {
  const codec = (kind === 'bytes' ? bytes(max) : utf8(max)) as MessageCodec<string | Uint8Array>;
  const access: Access = {
    check: (value) => codec.check(value as string),
    get: (views, at) => codec.read(views, at),
    set: (views, at, value) => codec.write(views, at, value),
  };
  return [access, codec.bytes, 4];
}

/** One class for a schema, so that the same line of a program always meets the same shape of object. */
function viewClass(fields: readonly Field[]): typeof InPlace {
  class View extends InPlace {}
  for (const { name, offset, get, set } of fields) {
    Object.defineProperty(View.prototype, name, {
      enumerable: true,
      get(this: InPlace) {
        return get(this[memory], placeOf(this) + offset);
      },
      set(this: InPlace, value: never) {
        set(this[memory], placeOf(this) + offset, value);
      },
    });
  }
  return View;
}
