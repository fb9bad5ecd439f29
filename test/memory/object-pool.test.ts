import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ObjectPool } from 'moirai';
import { runs } from '../properties.js';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
console.log(`object pool: SEED=${seed}`);

interface Thing {
  id: number;
  dirt: number;
}

function things(options: Partial<ConstructorParameters<typeof ObjectPool<Thing>>[0]> = {}) {
  let made = 0;
  return new ObjectPool<Thing>({ create: () => ({ id: made++, dirt: 0 }), ...options });
}

const code = 'ERR_MOIRAI_INVALID_ARGUMENT';

describe('ObjectPool', () => {
  test('gives what was released last, and makes an object only where none is free', () => {
    const pool = things();
    const [a, b] = [pool.acquire(), pool.acquire()];
    expect([a.id, b.id]).toEqual([0, 1]);
    pool.release(a);
    pool.release(b);
    expect(pool.acquire()).toBe(b);
    expect(pool.acquire()).toBe(a);
    expect(pool.acquire().id).toBe(2);
    expect(pool.stats()).toEqual({
      created: 3,
      reused: 2,
      hitRate: 2 / 5,
      corrected: 0,
      dropped: 0,
      discarded: 0,
      inUse: 3,
      free: 0,
    });
  });

  test('prefill makes objects before anybody asks', () => {
    const pool = things({ prefill: 3, max: 3 });
    expect(pool.stats()).toMatchObject({ created: 3, free: 3, hitRate: 0 });
    pool.acquire();
    expect(pool.stats()).toMatchObject({ created: 3, reused: 1, free: 2, hitRate: 1 });
  });

  test('past max it still makes objects, and keeps max of those that come back', () => {
    const pool = things({ max: 2 });
    const all = Array.from({ length: 5 }, () => pool.acquire());
    expect(pool.stats().inUse).toBe(5);
    for (const each of all) pool.release(each);
    expect(pool.stats()).toMatchObject({ inUse: 0, free: 2, discarded: 3, dropped: 0 });
  });

  test('refuses what is released twice, foreign, or no object, and changes nothing', () => {
    const pool = things({ max: 1 });
    const [a, b] = [pool.acquire(), pool.acquire()];
    pool.release(a);
    pool.release(b); // discarded
    const before = pool.stats();
    for (const wrong of [a, b, { id: 0, dirt: 0 }, null, 7, undefined]) {
      expect(() => pool.release(wrong as Thing)).toThrow(expect.objectContaining({ code }));
    }
    expect(pool.stats()).toEqual(before);
  });

  test('counts what reset has corrected and drops what it could not', () => {
    const pool = things({
      reset: (thing) => {
        if (thing.dirt < 10) thing.dirt = 0;
      },
      isClean: (thing) => thing.dirt === 0,
    });
    const [clean, dirty, hopeless] = [pool.acquire(), pool.acquire(), pool.acquire()];
    dirty.dirt = 5;
    hopeless.dirt = 10;
    for (const each of [hopeless, dirty, clean]) pool.release(each);
    expect(pool.stats()).toMatchObject({ corrected: 1, dropped: 1, free: 2, inUse: 0 });
    expect([pool.acquire(), pool.acquire()]).toEqual([clean, dirty]);
  });

  test('drops what comes back dirty where there is no reset', () => {
    const pool = things({ isClean: (thing) => thing.dirt === 0 });
    const thing = pool.acquire();
    thing.dirt = 1;
    pool.release(thing);
    expect(pool.stats()).toMatchObject({ corrected: 0, dropped: 1, free: 0, inUse: 0 });
  });

  test.each(['reset', 'isClean'] as const)('%s that throws drops the object', (name) => {
    const pool = things({
      [name]: () => {
        throw new RangeError('broken');
      },
    });
    const thing = pool.acquire();
    expect(() => pool.release(thing)).toThrow(RangeError);
    expect(pool.stats()).toMatchObject({ dropped: 1, inUse: 0, free: 0 });
    expect(() => pool.release(thing)).toThrow(expect.objectContaining({ code }));
  });

  test('a create that throws, or gives no new object, leaves the pool as it was', () => {
    const same = {};
    let next: () => object = () => {
      throw new RangeError('broken');
    };
    const pool = new ObjectPool({ create: () => next() });
    expect(() => pool.acquire()).toThrow(RangeError);
    next = () => 5 as never;
    expect(() => pool.acquire()).toThrow(expect.objectContaining({ code }));
    expect(pool.stats()).toMatchObject({ created: 0, inUse: 0 });
    next = () => same;
    pool.acquire();
    expect(() => pool.acquire()).toThrow(expect.objectContaining({ code }));
    expect(pool.stats()).toMatchObject({ created: 1, inUse: 1 });
  });

  test('a reset that releases its own object is refused, one that acquires is served', () => {
    const pool: ObjectPool<Thing> = things({ reset: (thing) => pool.release(thing) });
    const thing = pool.acquire();
    expect(() => pool.release(thing)).toThrow(expect.objectContaining({ code }));
    expect(pool.stats()).toMatchObject({ dropped: 1, inUse: 0, free: 0 });
    const nested: ObjectPool<Thing> = things({ reset: () => void nested.acquire() });
    nested.release(nested.acquire());
    expect(nested.stats()).toMatchObject({ created: 2, inUse: 1, free: 1 });
  });

  test('a forgotten object is collected', async () => {
    const { runInNewContext } = await import('node:vm');
    const { setFlagsFromString } = await import('node:v8');
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const pool = things();
    const forgotten = new WeakRef(pool.acquire());
    for (let i = 0; i < 20 && forgotten.deref() !== undefined; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      gc();
    }
    expect(forgotten.deref()).toBeUndefined();
    expect(pool.stats().inUse).toBe(1);
  });

  test.each([
    [undefined],
    [{}],
    [{ create: 5 }],
    [{ create: Object, reset: 1 }],
    [{ create: Object, isClean: 'no' }],
    [{ create: Object, max: 0 }],
    [{ create: Object, max: Number.POSITIVE_INFINITY }],
    [{ create: Object, prefill: -1 }],
    [{ create: Object, max: 3, prefill: 4 }],
    [{ create: Object, maximum: 3 }],
  ])('refuses %o', (options) => {
    expect(() => new ObjectPool(options as never)).toThrow(expect.objectContaining({ code }));
  });
});

describe('ObjectPool.use', () => {
  test('releases after a function that returns, and after one that throws', () => {
    const pool = things();
    expect(pool.use(({ id }) => id + 1)).toBe(1);
    const failing = () =>
      pool.use(() => {
        throw new RangeError('mine');
      });
    expect(failing).toThrow('mine');
    expect(pool.stats()).toMatchObject({ created: 1, reused: 1, inUse: 0, free: 1 });
  });

  test('releases when the promise of an async function is settled, not before', async () => {
    const pool = things();
    let resolve: (text: string) => void = () => {};
    const using = pool.use(async () => new Promise<string>((settle) => (resolve = settle)));
    expect(pool.stats().inUse).toBe(1);
    resolve('done');
    expect(await using).toBe('done');
    expect(pool.stats().inUse).toBe(0);
    const failing = pool.use(async () => {
      throw new RangeError('mine');
    });
    await expect(failing).rejects.toThrow('mine');
    expect(pool.stats()).toMatchObject({ created: 1, inUse: 0, free: 1 });
  });

  test("tells the function's failure where reset fails as well, and reset's where it is the only one", () => {
    const pool = things({
      reset: () => {
        throw new Error('reset');
      },
    });
    const failing = () =>
      pool.use(() => {
        throw new Error('mine');
      });
    expect(failing).toThrow('mine');
    expect(() => pool.use(() => 1)).toThrow('reset');
    expect(pool.stats()).toMatchObject({ dropped: 2, inUse: 0 });
  });
});

/** The code of what a call throws. */
function refusal(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

// A model of lists: whatever the order of calls, the pool gives the same objects and counts the same.
test('behaves as a plain stack of objects would (seeded)', () => {
  const step = fc.record({ what: fc.constantFrom('acquire', 'release', 'again'), at: fc.nat(50) });
  const settings = fc.record({
    max: fc.integer({ min: 1, max: 6 }),
    prefill: fc.nat(6),
    dirtyEvery: fc.integer({ min: 2, max: 5 }),
  });
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 200, size: 'max' }), (given, steps) => {
      const { max, dirtyEvery } = given;
      const prefill = Math.min(given.prefill, max);
      const pool = things({ max, prefill, isClean: (thing) => thing.dirt === 0 });
      const free = Array.from({ length: prefill }, (_, id) => id);
      const inUse: Thing[] = [];
      const gone: Thing[] = [];
      const seen: [actual: unknown, expected: unknown][] = [];
      let created = prefill;
      let [reused, dropped, discarded, releases] = [0, 0, 0, 0];
      for (const { what, at } of steps) {
        if (what === 'acquire') {
          const expected = free.pop();
          const thing = pool.acquire();
          seen.push([thing.id, expected ?? created]);
          if (expected === undefined) created++;
          else reused++;
          inUse.push(thing);
        } else if (what === 'release' && inUse.length > 0) {
          const [thing] = inUse.splice(at % inUse.length, 1) as [Thing];
          if (releases++ % dirtyEvery === 0) {
            thing.dirt = 1;
            dropped++;
          } else if (free.length < max) free.push(thing.id);
          else discarded++;
          pool.release(thing);
          gone.push(thing);
        } else if (what === 'again' && gone.length > 0) {
          const thing = gone[at % gone.length] as Thing;
          if (!inUse.includes(thing)) seen.push([refusal(() => pool.release(thing)), code]);
        }
        const counted = { created, reused, dropped, discarded, inUse: inUse.length };
        expect(pool.stats()).toMatchObject({ ...counted, free: free.length });
      }
      expect(seen.map(([actual]) => actual)).toEqual(seen.map(([, expected]) => expected));
    }),
    { seed, numRuns: runs(300) },
  );
});
