import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { decode, decodeArguments, encodeArguments } from '../../dist/codec/index.js';
import { graph, tree } from './values.js';
import { difference, MovingWriter, roundTrip, roundTripArguments, sizeOf } from './kit.js';
import { runs } from '../properties.js';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
console.log(`codec properties: SEED=${seed}`);
const settings = { seed, numRuns: runs(1000) };

function expectClone(value: unknown): void {
  expect(difference(roundTrip(value), structuredClone(value))).toBeUndefined();
}

describe('what comes out is what structuredClone makes', () => {
  it('of trees', () => {
    fc.assert(fc.property(tree, expectClone), settings);
  });

  it('of graphs with shared and cyclic references', () => {
    fc.assert(
      fc.property(graph, (value) => {
        // Node 20 does not clone an error that is part of its own cause.
        let expected: unknown;
        try {
          expected = structuredClone(value);
        } catch {
          return;
        }
        expect(difference(roundTrip(value), expected)).toBeUndefined();
      }),
      settings,
    );
  });

  it('of argument lists, with identity across arguments', () => {
    fc.assert(
      fc.property(fc.array(graph, { maxLength: 4 }), (values) => {
        const args = [...values, values[0]];
        let expected: unknown;
        try {
          expected = structuredClone(args);
        } catch {
          return;
        }
        expect(difference(roundTripArguments(...args), expected)).toBeUndefined();
      }),
      settings,
    );
  });

  it('of objects of one shape, again and again', () => {
    for (let i = 0; i < 100; i++) {
      expectClone({
        id: i,
        name: 'short text',
        price: 1.5,
        active: true,
        tag: 'abc',
        nested: { id: i },
      });
      expectClone({ ['__proto__']: i, 'a"b': 1, '\u2028': 2, größe: 3 });
      expectClone({ [`only${i}`]: i });
    }
  });

  it.each<[string, () => unknown]>([
    ['an empty object', () => ({})],
    ['-0 in arrays', () => [-0, 0, 1, -0, 2]],
    ['an array of holes', () => new Array<unknown>(10)],
    ['a very sparse array', () => Object.assign([], { 4_000_000_000: 1 })],
    ['a long array of holes', () => new Array<unknown>(1_000_000)],
    ['a hole beside an extra property', () => Object.assign([, 1], { extra: 2 })],
    ['a match', () => /(?<a>.)b/.exec('xab')],
    ['many keys', () => Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key${i}`, i]))],
    ['long keys', () => ({ ['k'.repeat(5000)]: 1 })],
    ['1,000 arguments in an array', () => Array.from({ length: 1000 }, (_, i) => ({ i }))],
    [
      'two views of a buffer',
      () => {
        const b = new ArrayBuffer(16);
        return [new Uint8Array(b), new Float64Array(b, 8), b];
      },
    ],
    [
      'a buffer and its view',
      () => {
        const b = new ArrayBuffer(16);
        return [b, new Uint8Array(b)];
      },
    ],
    [
      'an object of another prototype',
      () => Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } }) as unknown,
    ],
    [
      'a Map in disguise',
      () => Object.setPrototypeOf(new Map([[1, 2]]), Array.prototype) as unknown,
    ],
    ['a Date in disguise', () => Object.setPrototypeOf(new Date(5), null) as unknown],
    ['an array in disguise', () => Object.setPrototypeOf([1, 2], null) as unknown],
    ['no Map', () => Object.create(Object.create(Object.prototype) as object) as unknown],
    ['an error without message', () => new Error()],
    ['an error with another name', () => Object.assign(new Error('x'), { name: 'RangeError' })],
    ['an AggregateError', () => new AggregateError([new Error('a')], 'b')],
    ['Math', () => Math],
    ['surrogates', () => ['\ud800', 'a'.repeat(100) + '\udfff', '\u{1f600}']],
    ['1 MiB of text', () => 'é'.repeat(1 << 20)],
  ])('of %s', (_, make) => {
    expectClone(make());
    expectClone({ a: make(), b: [make()] });
  });

  it('of a shape whose getter deletes and adds properties', () => {
    const make = () => ({
      a: 1,
      get b() {
        delete (this as { c?: number }).c;
        Object.assign(this, { e: 5 });
        return 2;
      },
      c: 3,
      d: 4,
    });
    for (let i = 0; i < 5; i++) {
      const { ...expected } = structuredClone(make());
      expect(Object.entries(roundTrip(make()) as object)).toEqual(Object.entries(expected));
    }
  });

  it('of 200 arguments', () => {
    const args = Array.from({ length: 200 }, (_, i) => ({ i }));
    expect(difference(roundTripArguments(...args), args)).toBeUndefined();
  });

  it('of more shapes than are remembered, each more than once', () => {
    for (let i = 0; i < 10_000; i++) {
      const value = { [`a${i}`]: i, both: true, [`b${i % 700}`]: [i] };
      for (let j = 0; j < 3; j++) expect(difference(roundTrip(value), value)).toBeUndefined();
    }
  });

  it('where code must not be made from strings', () => {
    const script = `
      import { decode, encode, Writer } from './dist/codec/index.js';
      class Window extends Writer { grow() { throw new Error('full'); } }
      const memory = new SharedArrayBuffer(4096);
      const bytes = Buffer.from(memory);
      const views = { bytes, view: new DataView(memory), f64: new Float64Array(memory), u32: new Uint32Array(memory) };
      const writer = new Window(views, 0, 4096);
      for (let i = 0; i < 1000; i++) {
        writer.position = 0;
        encode(writer, { i, name: 'x' });
        const value = decode(views, 0, writer.position);
        if (value.i !== i || value.name !== 'x') throw new Error('wrong');
      }
      process.stdout.write('right');`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script];
    const root = fileURLToPath(new URL('../..', import.meta.url));
    expect(execFileSync(process.execPath, flags, { cwd: root, encoding: 'utf8' })).toBe('right');
  });

  it('with inherited enumerable properties left out', () => {
    let keys: string[][];
    // oxlint-disable-next-line eslint/no-extend-native -- what a polluted page does, undone below
    Object.defineProperty(Object.prototype, 'polluted', {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    try {
      keys = [{ a: 1 }, {}, []].map((value) => Object.keys(roundTrip(value) as object));
    } finally {
      delete (Object.prototype as { polluted?: number }).polluted;
    }
    expect(keys).toEqual([['a'], [], []]);
  });

  it('past setters of Object.prototype', () => {
    let called = 0;
    // oxlint-disable-next-line eslint/no-extend-native -- what a polluted page does, undone below
    Object.defineProperty(Object.prototype, 'trap', { set: () => called++, configurable: true });
    try {
      const value = roundTrip({ trap: 1, self: [] });
      expect(Object.getOwnPropertyDescriptor(value, 'trap')?.value).toBe(1);
    } finally {
      delete (Object.prototype as { trap?: number }).trap;
    }
    expect(called).toBe(0);
  });
});

describe('Buffers', () => {
  it('become Uint8Arrays', () => {
    const value = roundTrip(Buffer.from('hello'));
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
    expect(value).toEqual(Uint8Array.from(Buffer.from('hello')));
  });

  it('of a pool come without the rest of the pool', () => {
    const pool = new ArrayBuffer(8192);
    const [a, b] = roundTrip([Buffer.from(pool, 0, 4), Buffer.from(pool, 8, 4)]) as Uint8Array[];
    expect(a?.buffer.byteLength).toBe(4);
    expect(b?.buffer.byteLength).toBe(4);
  });
});

describe('getters', () => {
  it('are called once, in order', () => {
    const calls: string[] = [];
    const value = {
      get a() {
        calls.push('a');
        return new Map([
          [
            1,
            {
              get c() {
                calls.push('c');
                return 1;
              },
            },
          ],
        ]);
      },
      get b() {
        calls.push('b');
        return [1, 2];
      },
    };
    expect(roundTrip(value)).toEqual({ a: new Map([[1, { c: 1 }]]), b: [1, 2] });
    expect(calls).toEqual(['a', 'c', 'b']);
  });

  it('of an error are called as often as structuredClone calls them', () => {
    const count = (clone: (value: unknown) => unknown): number[] => {
      const calls = { name: 0, stack: 0, message: 0 };
      const error = new Error('x');
      for (const key of ['name', 'stack', 'message'] as const) {
        Object.defineProperty(error, key, { get: () => (calls[key]++, 'URIError') });
      }
      clone(error);
      return Object.values(calls);
    };
    expect(count(roundTrip)).toEqual(count(structuredClone));
  });

  it('that throw end the encoding with their own error', () => {
    const mine = new Error('mine');
    const throwing = {
      get a(): never {
        throw mine;
      },
    };
    expect(() => roundTrip({ x: [throwing] })).toThrow(mine);
    expect(() =>
      roundTrip([
        Object.defineProperty([1], 0, {
          get: () => {
            throw mine;
          },
          enumerable: true,
        }),
      ]),
    ).toThrow(mine);
    expect(roundTrip({ after: 1 })).toEqual({ after: 1 });
  });

  it('may encode something else meanwhile', () => {
    const inner = { x: [1, 'two'] };
    const value = {
      a: 'first',
      get b() {
        return roundTrip(inner);
      },
      c: inner,
      d: inner,
    };
    const result = roundTrip(value) as { b: object; c: object; d: object };
    expect(result).toEqual({ a: 'first', b: inner, c: inner, d: inner });
    expect(result.c).toBe(result.d);
  });
});

describe('size', () => {
  it.each<[number, unknown]>([
    [1, undefined],
    [1, true],
    [1, 100],
    [2, -1],
    [3, 1000],
    [5, 100_000],
    [9, 1.5],
    [9, 10n],
    [6, 'short'],
    [29, [1.5, 2.5, 3.5]],
  ])('%i bytes for %s', (size, value) => {
    expect(sizeOf(value)).toBe(size);
  });

  it('leaves three doubles or a short string as arguments inline', () => {
    for (const args of [[1.5, 2.5, 3.5], ['a text of thirty characters..']]) {
      const writer = new MovingWriter();
      encodeArguments(writer, args);
      expect(writer.moves).toBe(0);
      expect(writer.finish(decodeArguments)).toEqual(args);
    }
  });
});

describe('decoded values', () => {
  it('never alias the memory', () => {
    const value = roundTrip([Uint8Array.of(1, 2), new Float64Array([1.5]), new ArrayBuffer(4)]);
    const [a, b, c] = value as [Uint8Array, Float64Array, ArrayBuffer];
    expect([...a, ...b]).toEqual([1, 2, 1.5]);
    expect([a.buffer, b.buffer, c].some((one) => types.isSharedArrayBuffer(one))).toBe(false);
  });

  it('need a window inside the memory', () => {
    const { views } = new MovingWriter();
    for (const [start, length] of [
      [0, 0],
      [-1, 2],
      [60, 8],
      [NaN, 1],
      [0, NaN],
    ] as const) {
      expect(() => decode(views, start, length)).toThrow(
        expect.objectContaining({ code: 'ERR_MOIRAI_CORRUPT' }),
      );
    }
  });
});
