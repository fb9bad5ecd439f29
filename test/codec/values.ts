// Arbitrary values: everything that structuredClone can clone and bytes can carry.
import fc from 'fast-check';

class Point {
  x: unknown;
  y: unknown;
  constructor(x: unknown, y: unknown) {
    this.x = x;
    this.y = y;
  }
  get sum(): unknown {
    return this.x;
  }
}

class OwnMap extends Map<unknown, unknown> {
  readonly extra = 1;
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.string({ maxLength: 40 }).map((s) => s.repeat(3)),
  // Any code units: lone surrogates too.
  fc.array(fc.nat(0xffff), { maxLength: 80 }).map((units) => String.fromCharCode(...units)),
  fc.array(fc.nat(0xff), { maxLength: 80 }).map((units) => String.fromCharCode(...units)),
);

const number = fc.oneof(
  fc.integer(),
  fc.integer({ min: -40_000, max: 40_000 }),
  fc.integer({ min: -200, max: 200 }),
  fc.double(),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, 127, 128),
);

const bigint = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(1n << 200n), max: 1n << 200n }),
  fc.constantFrom(0n, 1n << 63n, -(1n << 63n), (1n << 63n) - 1n, -(1n << 64n)),
);

export const primitive = fc.oneof(
  text,
  number,
  bigint,
  fc.boolean(),
  fc.constantFrom(undefined, null),
);

const key = fc.oneof(
  fc.constantFrom(
    'id',
    'name',
    'price',
    'tag',
    '',
    '0',
    '7',
    '-1',
    '__proto__',
    'constructor',
    'length',
  ),
  text,
);

const bytes = fc.uint8Array({ maxLength: 64 });

const view = fc
  .tuple(
    bytes,
    fc.constantFrom(
      Uint8Array,
      Int8Array,
      Uint8ClampedArray,
      Uint16Array,
      Int16Array,
      Uint32Array,
      Int32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
      DataView,
    ),
    fc.nat(7),
    fc.nat(3),
  )
  .map(([from, type, skip, cut]): object => {
    const size = 'BYTES_PER_ELEMENT' in type ? type.BYTES_PER_ELEMENT : 1;
    const buffer = Uint8Array.from(from).buffer;
    const start = Math.min(skip * size, Math.floor(buffer.byteLength / size) * size);
    const count = Math.max(0, Math.floor((buffer.byteLength - start) / size) - cut);
    return new (type as new (buffer: ArrayBuffer, offset: number, count: number) => object)(
      buffer,
      start,
      count,
    );
  });

const leaf = fc.oneof(
  { weight: 8, arbitrary: primitive },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: false }) },
  { weight: 1, arbitrary: view },
  { weight: 1, arbitrary: bytes.map((from) => Uint8Array.from(from).buffer) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom('a', '[b-c]+', '/', '(?<x>.)\\n'),
        fc.subarray(['d', 'g', 'i', 'm', 's', 'u', 'y']),
      )
      .map(([source, flags]) => new RegExp(source, flags.join(''))),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(text, number, fc.boolean(), bigint).map((one) => Object(one) as object),
  },
);

function assign(object: object, entries: readonly (readonly [string, unknown])[]): object {
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return object;
}

/** Trees of everything. */
export const tree: fc.Arbitrary<unknown> = fc.letrec((tie) => {
  const value = tie('value');
  const entries = fc.array(fc.tuple(key, value), { maxLength: 6 });
  const dense = fc.array(value, { maxLength: 8 });
  return {
    value: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      { weight: 6, arbitrary: leaf },
      { weight: 4, arbitrary: entries.map((list) => assign({}, list)) },
      { weight: 2, arbitrary: dense },
      { weight: 1, arbitrary: fc.array(number, { maxLength: 30 }) },
      { weight: 1, arbitrary: fc.sparseArray(value, { maxNumElements: 5 }) },
      {
        weight: 1,
        arbitrary: fc.tuple(dense, entries).map(([list, rest]) =>
          assign(
            list,
            rest.filter(
              ([name]) => name !== 'length' && !(/^\d+$/.test(name) && Number(name) > 99),
            ),
          ),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.array(fc.tuple(value, value), { maxLength: 4 }).map((list) => new Map(list)),
      },
      { weight: 1, arbitrary: dense.map((list) => new Set(list)) },
      { weight: 1, arbitrary: entries.map((list) => assign(Object.create(null) as object, list)) },
      { weight: 1, arbitrary: fc.tuple(value, value).map(([x, y]) => new Point(x, y)) },
      {
        weight: 1,
        arbitrary: fc
          .array(fc.tuple(value, value), { maxLength: 2 })
          .map((list) => new OwnMap(list)),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(
            fc.constantFrom(Error, TypeError, RangeError, SyntaxError),
            fc.string(),
            fc.option(value),
          )
          .map(([type, message, cause]) =>
            Object.assign(cause === null ? new type(message) : new type(message, { cause }), {
              lost: 1,
            }),
          ),
      },
      {
        weight: 1,
        arbitrary: entries.map((list) => {
          const object = assign({ [Symbol('ignored')]: 1 }, list);
          return Object.defineProperty(object, 'hidden', { value: () => 0, enumerable: false });
        }),
      },
    ),
  };
})['value'];

function containers(root: unknown, found = new Set<object>()): Set<object> {
  if (typeof root !== 'object' || root === null || found.has(root)) return found;
  if (ArrayBuffer.isView(root)) return found.add(root);
  found.add(root);
  if (root instanceof Map) for (const pair of root) pair.forEach((one) => containers(one, found));
  else if (root instanceof Set) for (const one of root) containers(one, found);
  else for (const one of Object.values(root)) containers(one, found);
  return found;
}

/** The same with references added between its objects, back and across. */
export const graph: fc.Arbitrary<unknown> = fc
  .tuple(tree, fc.array(fc.tuple(fc.nat(), fc.nat(), key), { minLength: 1, maxLength: 6 }))
  .map(([root, links]) => {
    const objects = [...containers(root)];
    if (objects.length === 0) return root;
    for (const [from, to, name] of links) {
      const source = objects[from % objects.length] as object;
      const target = objects[to % objects.length] as object;
      if (source instanceof Map) source.set(target, target);
      else if (source instanceof Set) source.add(target);
      else if (Array.isArray(source)) source.push(target);
      else if (Object.getPrototypeOf(source) === Object.prototype) assign(source, [[name, target]]);
    }
    return root;
  });
