import fc from 'fast-check';
import { createSecretKey } from 'node:crypto';
import { BlockList } from 'node:net';
import { open } from 'node:fs/promises';
import { createContext, runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { decode, encode, encodeArguments, NeedsPort, refusal } from '../../dist/codec/index.js';
import { codeOf, difference, MovingWriter, roundTrip } from './kit.js';
import { runs } from '../properties.js';

// Its types are the DOM's.
const wasm = (
  globalThis as unknown as Record<
    'WebAssembly',
    Record<'Memory' | 'Module', new (_: unknown) => object>
  >
).WebAssembly;

const detached = () => {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
};
const viewOfDetached = () => {
  const view = new Uint8Array(8);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
};

const refused: [string, () => unknown][] = [
  ['a function', () => () => 0],
  [
    'a class',
    () =>
      class {
        own = 1;
      },
  ],
  ['a symbol', () => Symbol('s')],
  ['a boxed symbol', () => Object(Symbol('s')) as unknown],
  ['a WeakMap', () => new WeakMap()],
  ['a WeakSet', () => new WeakSet()],
  ['a WeakRef', () => new WeakRef({})],
  ['a Promise', () => Promise.resolve()],
  ['a Proxy', () => new Proxy({ a: 1 }, {})],
  ['a Proxy of an array', () => new Proxy([], {})],
  [
    'a revoked Proxy',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
  ],
  ['a generator', () => (function* () {})()],
  ['an iterator', () => [][Symbol.iterator]()],
  ['a Map iterator', () => new Map().keys()],
  [
    'arguments',
    () =>
      // oxlint-disable-next-line eslint/no-unused-vars -- declared so that it may be called with two
      (function (..._: number[]) {
        return arguments;
      })(1, 2),
  ],
  [
    'no arguments',
    () =>
      (function () {
        return arguments;
      })(),
  ],
  ['a Collator', () => new Intl.Collator()],
  ['wasm memory', () => new wasm.Memory({ initial: 1 })],
  ['a detached buffer', detached],
  ['a view of one', viewOfDetached],
  [
    'a MessagePort',
    () => {
      const { port1, port2 } = new MessageChannel();
      port2.close();
      return port1;
    },
  ],
  ['globalThis', () => globalThis],
];

describe('what structuredClone refuses is refused', () => {
  it.each(refused)('%s', (_, make) => {
    expect(thrownBy(() => structuredClone(make()))).toBeInstanceOf(Error);
    expect(codeOf(() => roundTrip(make()))).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    expect(codeOf(() => roundTrip({ a: [new Map([[1, make()]])] }))).toBe(
      'ERR_MOIRAI_NOT_SERIALIZABLE',
    );
  });

  it('wherever it is, and the message says where', () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    console.log(`codec refusals: SEED=${seed}`);
    const step = fc.oneof(
      fc
        .constantFrom('user', 'callback', 'with space', '__proto__', 'größe')
        .map((key) => ({ key })),
      fc.nat(5).map((index) => ({ index })),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 6, size: 'max' }),
        fc.constantFrom(...refused),
        (steps, [, make]) => {
          let value = make();
          let path = '';
          for (const one of [...steps].reverse()) {
            if ('key' in one) {
              value = Object.defineProperty({ first: 1 }, one.key, { value, enumerable: true });
              path =
                (/^[\wß-ö]+$/.test(one.key) ? `.${one.key}` : `[${JSON.stringify(one.key)}]`) +
                path;
            } else {
              const array = Array.from({ length: one.index + 1 }, (_, i): unknown => ({ i }));
              array[one.index] = value;
              value = array;
              path = `[${one.index}]${path}`;
            }
          }
          const error = thrownBy(() => encodeArguments(new MovingWriter(), [0, value])) as Error;
          expect(error.message.startsWith(`args[1]${path} is `), error.message).toBe(true);
          expect((error as { code?: unknown }).code).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
          expect(error.cause).toBeDefined();
        },
      ),
      { seed, numRuns: runs(300) },
    );
  });

  it.each<[string, unknown, string]>([
    ['a function', { user: { callback: () => 0 } }, 'value.user.callback is a function and'],
    ['a Map value', new Map([['k', Symbol('x')]]), 'value.get("k") is a symbol and'],
    ['a Set member', new Set([() => 0]), 'a member of value is a function and'],
    ['a cause', new Error('x', { cause: { f: () => 0 } }), 'value.cause.f is a function and'],
    ['a promise', [1, Promise.resolve()], 'value[1] is a Promise and'],
    [
      'from a getter',
      {
        get x() {
          return () => 0;
        },
      },
      'value has a getter',
    ],
  ])('%s: the message', (_, value, message) => {
    expect((thrownBy(() => roundTrip(value)) as Error).message).toContain(message);
  });

  it('runs no trap of a Proxy', () => {
    const angry = new Proxy(
      {},
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('trap');
          },
        },
      ),
    );
    expect(codeOf(() => roundTrip([{ angry }]))).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
  });

  it('and the codec works after', () => {
    for (const [, make] of refused) {
      codeOf(() => roundTrip([{ a: 1 }, make()]));
      expect(roundTrip([{ a: 1 }])).toEqual([{ a: 1 }]);
    }
  });
});

describe('what only a MessagePort can carry asks for one', () => {
  const carried: [string, () => unknown][] = [
    ['a SharedArrayBuffer', () => new SharedArrayBuffer(8)],
    ['a view of one', () => new Uint8Array(new SharedArrayBuffer(8))],
    ['a Blob', () => new Blob(['x'])],
    ['a KeyObject', () => createSecretKey(Buffer.from('key'))],
    ['a BlockList', () => new BlockList()],
    ['a WebAssembly.Module', () => new wasm.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))],
    ['a resizable ArrayBuffer', () => new ArrayBuffer(8, { maxByteLength: 16 })],
    ['a length-tracking view', () => new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }))],
    ['a DOMException', () => new DOMException('x', 'AbortError')],
    [
      'a Map in disguise',
      () => Object.setPrototypeOf(new Map([[1, 2]]), Object.prototype) as unknown,
    ],
    [
      'overlapping slices of a pool',
      () => {
        const b = Buffer.alloc(8);
        return [b.subarray(0, 4), b.subarray(2, 6)];
      },
    ],
    [
      'nesting of 1,500 levels',
      () => {
        let v: unknown = 1;
        for (let i = 0; i < 1500; i++) v = [v];
        return v;
      },
    ],
  ];

  it.each(carried)('%s', (_, make) => {
    expect(() => structuredClone(make())).not.toThrow();
    expect(() => roundTrip(make())).toThrow(NeedsPort);
    expect(() => roundTrip({ a: new Map([[1, make()]]) })).toThrow(NeedsPort);
  });

  it('unless it has to be transferred', async () => {
    const file = await open('/dev/null');
    try {
      expect(codeOf(() => roundTrip({ file }))).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    } finally {
      await file.close();
    }
  });

  it.each<[string, () => object]>([
    ['a URL', () => new URL('http://a')],
    ['Headers', () => new Headers()],
    ['an AbortController', () => new AbortController()],
    ['an Event', () => new Event('x')],
  ])('never makes something else of %s', (_, make) => {
    expect(wrongOutcome(make)).toBeUndefined();
  });

  it('does not ask for one for objects of another realm', () => {
    expect(
      roundTrip(runInNewContext('({ a: [1, { b: 2 }], d: new Date(5), m: new Map([[1, 2]]) })')),
    ).toEqual({
      a: [1, { b: 2 }],
      d: new Date(5),
      m: new Map([[1, 2]]),
    });
    expect(roundTrip(createContext({ a: 1 }))).toEqual({ a: 1 });
  });

  it('refusal explains what the port then refuses', () => {
    const value = { blob: new Blob([]), f: () => 0 };
    const error = thrownBy(() => structuredClone(value));
    expect((refusal(error, [value], 'args') as Error).message).toContain('args[0].f is a function');
  });
});

describe('limits', () => {
  it('nesting that nobody can clone is a typed error', () => {
    let value: unknown = 1;
    for (let i = 0; i < 1_000_000; i++) value = [value];
    expect(codeOf(() => roundTrip(value))).toBe('ERR_MOIRAI_TOO_LARGE');
  });

  it('a call with hardly any stack left is a typed error or works', () => {
    let value: unknown = 1;
    for (let i = 0; i < 900; i++) value = i % 2 ? [value] : { value };
    const dive = (depth: number): unknown => {
      if (depth > 0) return dive(depth - 1);
      return outcome(() => roundTrip(value));
    };
    let seen = 0;
    for (let depth = 100; depth < 20_000; depth += 97) {
      let result: unknown;
      try {
        result = dive(depth);
      } catch {
        break;
      }
      if (result instanceof Error && (result as { code?: unknown }).code === 'ERR_MOIRAI_TOO_LARGE')
        seen++;
    }
    expect(seen).toBeGreaterThan(0);
    expect(difference(roundTrip(value), value)).toBeUndefined();
  });

  it('what a writer throws comes out', () => {
    const mine = new RangeError('full');
    const writer = new (class extends MovingWriter {
      override grow(): void {
        throw mine;
      }
    })();
    expect(() => encode(writer, ['x'.repeat(100)])).toThrow(mine);
    encode(Object.assign(writer, { position: writer.start }), 'fits');
    expect(decode(writer.views, writer.start, writer.position - writer.start)).toBe('fits');
  });
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** How the codec departs from structuredClone with a value that bytes may carry, a port, or nobody. */
function wrongOutcome(make: () => unknown): string | undefined {
  const mine = outcome(() => roundTrip(make()));
  let theirs: unknown;
  try {
    theirs = structuredClone(make());
  } catch {
    return codeOf(() => roundTrip(make())) === 'ERR_MOIRAI_NOT_SERIALIZABLE'
      ? undefined
      : 'is not refused';
  }
  return mine instanceof NeedsPort ? undefined : difference(mine, theirs);
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
