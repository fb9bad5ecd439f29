import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { attach, share, SharedMap, type SharedMapKey } from 'moirai';
import { codeOf, fileOf, inThread, kill, newSeed, sleep, startProcess } from './kit.js';
import { runs } from '../properties.js';

const name = `map-${process.pid}`;
const path = fileOf(name);
/** Where the object begins in its file; before it is what names it. */
const objectAt = 16_384;
afterEach(() => rmSync(path, { force: true }));

const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

test('does what a Map of bounded size does', () => {
  const key = fc.oneof(
    fc.integer({ min: 0, max: 12 }),
    fc.constantFrom('', '1', 'é', '\ufeffmark', '漢字', '💡', 'x'.repeat(32)),
    fc.constantFrom(Number.NaN, -0, 0, Infinity, 1.5),
  );
  const value = fc.uint8Array({ maxLength: 24 });
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), key, value }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('swap' as const), key, value, right: fc.boolean() }),
    },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(step, { maxLength: 80, size: 'max' }),
      (capacity, steps) => {
        using map = new SharedMap({ capacity, valueBytes: 24 });
        const model = new Map<SharedMapKey, Uint8Array>();
        for (const one of steps) {
          const old = model.get(one.key);
          const full = old === undefined && model.size === capacity;
          let results: [actual: unknown, expected: unknown];
          if (one.do === 'get') {
            results = [
              [map.get(one.key), map.has(one.key)],
              [old, old !== undefined],
            ];
          } else if (one.do === 'delete') {
            results = [map.delete(one.key), model.delete(one.key)];
          } else if (one.do === 'swap' && !one.right) {
            const other = old === undefined ? new Uint8Array(1) : undefined;
            results = [map.compareAndSet(one.key, other, one.value), false];
          } else {
            const code = codeOf(() =>
              one.do === 'set'
                ? map.set(one.key, one.value)
                : map.compareAndSet(one.key, old, one.value),
            );
            results = [code, full ? 'ERR_MOIRAI_OUT_OF_MEMORY' : undefined];
            if (!full) model.set(one.key, one.value);
          }
          expect(results[0]).toEqual(results[1]);
          expect(map.size).toBe(model.size);
        }
        expect(new Map(map.entries())).toEqual(model);
        expect(new Set(map.keys())).toEqual(new Set(model.keys()));
      },
    ),
    { numRuns: runs(300) },
  );
});

test('values are copies, and can be read into memory of the caller', () => {
  using map = new SharedMap({ capacity: 4, valueBytes: 8 });
  const bytes = Buffer.from('abc');
  map.set('k', bytes);
  bytes.fill(0);
  const first = map.get('k');
  first?.fill(1);
  expect(text(map.get('k'))).toBe('abc');
  const into = new Uint8Array(2);
  expect([map.getInto('k', into), map.getInto('none', into)]).toEqual([3, undefined]);
  expect(text(into)).toBe('ab');
});

test('what is too large or one too many is refused, and changes nothing', () => {
  using map = new SharedMap({ capacity: 2, keyBytes: 8, valueBytes: 4 });
  map.set('a', Buffer.from('1')).set('b', Buffer.from('2'));
  expect(codeOf(() => map.set('c', Buffer.from('3')))).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
  expect(codeOf(() => map.set('a', Buffer.from('12345')))).toBe('ERR_MOIRAI_TOO_LARGE');
  expect(codeOf(() => map.set('123456789', Buffer.from('1')))).toBe('ERR_MOIRAI_TOO_LARGE');
  expect(codeOf(() => map.set('漢字漢', Buffer.from('1')))).toBe('ERR_MOIRAI_TOO_LARGE');
  expect([map.get('123456789'), map.has('123456789'), map.delete('123456789')]).toEqual([
    undefined,
    false,
    false,
  ]);
  for (const key of [undefined, null, {}, 1n, Symbol('k'), '\ud800']) {
    expect(codeOf(() => map.set(key as never, Buffer.from('1')))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
  }
  expect(codeOf(() => map.set('a', 'text' as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  expect([...map.entries()].map(([key, value]) => `${key}${text(value)}`).toSorted()).toEqual([
    'a1',
    'b2',
  ]);
  map.set('a', Buffer.from('9')); // a full map can replace
  expect(text(map.get('a'))).toBe('9');
});

test('refuses wrong options', () => {
  for (const options of [
    undefined,
    {},
    { capacity: 0 },
    { capacity: 2 ** 24 },
    { capacity: 4, keyBytes: 7 },
    { capacity: 4, keyBytes: 2000 },
    { capacity: 4, valueBytes: -1 },
    { capacity: 4, shared: 'a/b' },
    { capacity: 4, values: 1 },
  ]) {
    expect(codeOf(() => new SharedMap(options as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  }
});

test('is closed for a thread that has closed it', () => {
  const map = new SharedMap({ capacity: 4 });
  const handle = share(map);
  map.set(1, Buffer.from('x'));
  map.close();
  for (const call of [
    () => map.get(1),
    () => map.has(1),
    () => map.set(1, Buffer.from('y')),
    () => map.delete(1),
    () => map.size,
    () => [...map],
    () => share(map),
  ]) {
    expect(codeOf(call)).toBe('ERR_MOIRAI_CLOSED');
  }
  expect(text(attach(handle).get(1))).toBe('x');
});

test('no update of any thread is lost', async () => {
  const map = new SharedMap({ capacity: 8 });
  const keys = 3;
  await Promise.all(
    [0, 1, 2].map(() => inThread('count', { handle: share(map), rounds: 3000, keys })),
  );
  for (let i = 0; i < keys; i++) {
    expect(Buffer.from(map.get(`k${i}`) ?? []).readUInt32LE()).toBe(3000);
  }
});

test('has no locked stripe, torn value or lost room after writers were killed', async () => {
  const seed = newSeed();
  const sizes = { capacity: 30, keyBytes: 16, valueBytes: 500 };
  using map = new SharedMap({ ...sizes, shared: name });
  for (let i = 0; i < 12; i++) {
    const children = await Promise.all(
      [0, 1].map((n) => startProcess('scribble', { name, seed: seed + 2 * i + n, sizes })),
    );
    await sleep(i % 5);
    for (const child of children) await kill(child);
    const entries = [...map];
    expect(entries.length).toBeLessThanOrEqual(map.size);
    for (const [, value] of entries) {
      expect(value).toEqual(new Uint8Array(value.length).fill(value[0] ?? 0));
    }
  }
  for (const [key] of map) expect(map.delete(key)).toBe(true);
  for (let key = 0; key < sizes.capacity; key++) map.set(key, new Uint8Array(500));
  expect(codeOf(() => map.set('one more', new Uint8Array()))).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
  expect(map.size).toBe(sizes.capacity);
});

test('a name is one map for all who say the same sizes', () => {
  using map = new SharedMap({ capacity: 4, shared: name });
  using same = new SharedMap({ capacity: 4, shared: name });
  map.set('k', Buffer.from('v'));
  expect(text(same.get('k'))).toBe('v');
  for (const other of [{ capacity: 3 }, { capacity: 4, keyBytes: 24, valueBytes: 136 }]) {
    expect(codeOf(() => new SharedMap({ ...other, shared: name }))).toMatch(
      /^ERR_MOIRAI_(?:INVALID_ARGUMENT|CORRUPT)$/,
    );
  }
  expect([SharedMap.unlink(name), SharedMap.unlink(name)]).toEqual([true, false]);
});

test('whatever is written over its memory, calls give values or errors', () => {
  const seed = newSeed();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2 ** 16), fc.nat(255)), { minLength: 10 }), (bytes) => {
      using map = new SharedMap({ capacity: 16, valueBytes: 24, shared: name });
      for (let key = 0; key < 12; key++) map.set(key, new Uint8Array(24));
      const { length } = readFileSync(path);
      const file = openSync(path, 'r+');
      for (const [at, byte] of bytes)
        writeSync(file, Buffer.of(byte), 0, 1, objectAt + (at % (length - objectAt)));
      closeSync(file);
      const allowed = [undefined, 'ERR_MOIRAI_CORRUPT', 'ERR_MOIRAI_OUT_OF_MEMORY'];
      for (let key = 0; key < 16; key++) {
        expect(allowed).toContain(codeOf(() => map.get(key)));
        expect(allowed).toContain(codeOf(() => map.set(key, new Uint8Array(20))));
        expect(allowed).toContain(codeOf(() => map.delete(key)));
      }
      expect(allowed).toContain(codeOf(() => [...map]));
      SharedMap.unlink(name);
    }),
    { seed, numRuns: runs(60) },
  );
});
