import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { NumaPool, topology, type NumaBlock, type NumaPoolHandle } from 'moirai';
import { runs } from '../properties.js';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
console.log(`numa pool: SEED=${seed}`);
const code = 'ERR_MOIRAI_INVALID_ARGUMENT';
const nodes = topology().nodes.filter(({ bytes, allowed }) => bytes > 0 && allowed).length;

const pools: NumaPool<never>[] = [];
function open(blockSize = 256, blocksPerNode = 4): NumaPool {
  const pool = new NumaPool({ blockSize, blocksPerNode });
  pools.push(pool as NumaPool<never>);
  return pool;
}
afterAll(() => {
  for (const pool of pools) pool.close();
});

describe('NumaPool', () => {
  test('gives every block once, with a view of its own memory', () => {
    const pool = open(100, 10);
    const blocks = Array.from({ length: 10 * nodes }, () => pool.acquire());
    blocks.forEach(({ view }, i) => view.fill(i + 1));
    expect(blocks.map(({ view }) => view.length)).toEqual(blocks.map(() => 100));
    expect(blocks.every(({ view }, i) => view.every((byte) => byte === i + 1))).toBe(true);
    expect(blocks[0]?.view.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(blocks.every(({ view }) => view.byteOffset % 64 === 0)).toBe(true);
    expect(pool.tryAcquire()).toBeUndefined();
    expect(() => pool.acquire()).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_OUT_OF_MEMORY' }),
    );
    for (const block of blocks) pool.release(block);
    expect(pool.stats()).toMatchObject({ blocks: 10 * nodes, inUse: 0, utilization: 0 });
  });

  test('gives the block that was released last, as it was left, with the same view', () => {
    const pool = open();
    const first = pool.acquire();
    const { view, node } = first;
    view[7] = 99;
    pool.release(first);
    const second = pool.acquire({ node });
    expect(second).not.toBe(first);
    expect(second.view).toBe(view);
    expect(second.view[7]).toBe(99);
  });

  test('has views of the kind that was asked for', () => {
    const doubles = new NumaPool({ blockSize: 64, blocksPerNode: 2, view: Float64Array });
    const block = doubles.acquire();
    expect(block.view).toBeInstanceOf(Float64Array);
    expect(block.view.length).toBe(8);
    const views = new NumaPool({ blockSize: 13, blocksPerNode: 2, view: DataView });
    expect(views.acquire().view.byteLength).toBe(13);
    doubles.close();
    views.close();
  });

  test('refuses blocks released twice, from before, of another pool, and what is no block', () => {
    const pool = open();
    const other = open();
    const stale = pool.acquire();
    pool.release(stale);
    const held = pool.acquire();
    const foreign = other.acquire();
    for (const wrong of [stale, foreign, {}, null, undefined, 5]) {
      expect(() => pool.release(wrong as NumaBlock)).toThrow(expect.objectContaining({ code }));
    }
    expect(() => stale.view).toThrow(expect.objectContaining({ code: 'ERR_MOIRAI_CLOSED' }));
    expect(pool.stats().inUse).toBe(1);
    pool.release(held);
  });

  test('a block ends with its scope', () => {
    const pool = open();
    {
      using block = pool.acquire();
      block.view[0] = 1;
      expect(pool.stats().inUse).toBe(1);
    }
    expect(pool.stats().inUse).toBe(0);
    const early = pool.acquire();
    pool.release(early);
    const next = pool.acquire();
    early[Symbol.dispose]();
    expect(pool.stats().inUse).toBe(1);
    pool.release(next);
  });

  test('counts by node: in use, the most, full nodes', () => {
    const pool = open(64, 3);
    const { node } = pool.acquire({ node: 0 });
    const own = () => pool.stats().nodes.find((each) => each.node === node);
    for (let i = 0; i < 2; i++) pool.release(pool.acquire({ node }));
    expect(own()).toMatchObject({ blocks: 3, inUse: 1, highWater: 2, overflows: 0, guests: 0 });
    while (pool.tryAcquire({ node }) !== undefined);
    expect(own()).toMatchObject({ inUse: 3, utilization: 1, highWater: 3 });
    expect(own()?.overflows).toBe((nodes - 1) * 3 + 1);
    expect(pool.stats()).toMatchObject({ utilization: 1, fallbacks: (nodes - 1) * 3 });
  });

  test('a detached block is adopted once', () => {
    const pool = open();
    const block = pool.acquire();
    block.view[0] = 42;
    const id = pool.detach(block);
    expect(() => pool.release(block)).toThrow(expect.objectContaining({ code }));
    expect(() => block.view).toThrow(expect.objectContaining({ code: 'ERR_MOIRAI_CLOSED' }));
    for (const wrong of [id + 2n, id ^ (1n << 32n), -1n, 1n << 70n, 5]) {
      expect(() => pool.adopt(wrong as bigint)).toThrow(expect.objectContaining({ code }));
    }
    const adopted = pool.adopt(id);
    expect(adopted.view[0]).toBe(42);
    expect(() => pool.adopt(id)).toThrow(expect.objectContaining({ code }));
    pool.release(adopted);
    expect(pool.stats().inUse).toBe(0);
  });

  test('after close nobody gets a block, and the memory is gone', () => {
    const pool = open(4096, 64);
    const attached = NumaPool.attach(structuredClone(pool.handle()));
    const block = attached.acquire();
    const { view } = block;
    view.fill(1);
    pool.close();
    pool.close();
    for (const each of [pool, attached]) {
      expect(() => each.tryAcquire()).toThrow(
        expect.objectContaining({ code: 'ERR_MOIRAI_CLOSED' }),
      );
    }
    expect(view.every((byte) => byte === 0)).toBe(true);
    attached.release(block);
    expect(pool.stats().inUse).toBe(0);
  });

  test.each([
    [undefined],
    [{ blocksPerNode: 4 }],
    [{ blockSize: 0, blocksPerNode: 4 }],
    [{ blockSize: 64, blocksPerNode: 0 }],
    [{ blockSize: 64, blocksPerNode: 2 ** 24 }],
    [{ blockSize: 64, blocksPerNode: 4, preferredNode: -1 }],
    [{ blockSize: 64, blocksPerNode: 4, view: Array }],
    [{ blockSize: 12, blocksPerNode: 4, view: Float64Array }],
    [{ blockSize: 64, blocksPerNode: 4, prefered: 0 }],
  ])('refuses %o', (options) => {
    expect(() => new NumaPool(options as never)).toThrow(expect.objectContaining({ code }));
  });

  test('what no machine has is out of memory', () => {
    expect(() => new NumaPool({ blockSize: 2 ** 40, blocksPerNode: 2 ** 23 })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_OUT_OF_MEMORY' }),
    );
  });

  test.each([[{ nod: 0 }], [{ node: -1 }], [{ node: 'a' }], [5]])(
    'acquire refuses %o',
    (options) => {
      expect(() => open().acquire(options as never)).toThrow(expect.objectContaining({ code }));
    },
  );
});

describe('a handle', () => {
  const handle = open().handle();
  const region = handle.regions[0];
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['another kind', { ...handle, kind: 'Mutex' }],
    ['another version', { ...handle, version: 2 }],
    ['another block size', { ...handle, blockSize: 255 }],
    ['more blocks', { ...handle, blocksPerNode: 100_000 }],
    ['no regions', { ...handle, regions: [] }],
    ['a region twice as a home', { ...handle, homes: [{ node: 0, order: [0, 0] }] }],
    ['a home without its region', { ...handle, homes: [{ node: 0, order: [1] }] }],
    ['an unshared buffer', { ...handle, regions: [{ ...region, buffer: new ArrayBuffer(1e6) }] }],
    [
      'memory that is no pool',
      { ...handle, regions: handle.regions.map((each) => ({ ...each, buffer: zeros() })) },
    ],
    ['an unknown view', { ...handle, view: 'Float16Array' }],
  ])('with %s is refused', (_, wrong) => {
    const told = refusal(() => NumaPool.attach(wrong as NumaPoolHandle));
    expect([code, 'ERR_MOIRAI_CORRUPT']).toContain(told);
  });

  function zeros(): SharedArrayBuffer {
    return new SharedArrayBuffer(1 << 20, { maxByteLength: 1 << 20 });
  }
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

// A model of stacks: blocks come from the node asked for while it has one, the last released first.
test('behaves as a plain list of blocks would (seeded)', () => {
  const step = fc.record({
    what: fc.constantFrom('acquire', 'acquire', 'release', 'again', 'move'),
    at: fc.nat(50),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(step, { maxLength: 150, size: 'max' }),
      (per, steps) => {
        const pool = open(64, per);
        const total = per * nodes;
        const held: { block: NumaBlock; mark: number }[] = [];
        const gone: NumaBlock[] = [];
        const seen: [actual: unknown, expected: unknown][] = [];
        let mark = 0;
        for (const { what, at } of steps) {
          const some = held.length > 0 ? at % held.length : -1;
          if (what === 'acquire') {
            const block = pool.tryAcquire();
            seen.push([block === undefined, held.length === total]);
            if (block === undefined) continue;
            block.view.fill(++mark % 251);
            held.push({ block, mark: mark % 251 });
          } else if (what === 'again') {
            const block = gone[at % gone.length];
            if (block !== undefined) seen.push([refusal(() => pool.release(block)), code]);
          } else if (some >= 0) {
            const [entry] = held.splice(some, 1) as [(typeof held)[number]];
            seen.push([entry.block.view.every((byte) => byte === entry.mark), true]);
            gone.push(entry.block);
            if (what === 'release') pool.release(entry.block);
            else held.push({ block: pool.adopt(pool.detach(entry.block)), mark: entry.mark });
          }
          expect(pool.stats().inUse).toBe(held.length);
        }
        expect(seen.map(([actual]) => actual)).toEqual(seen.map(([, expected]) => expected));
        pool.close();
      },
    ),
    { seed, numRuns: runs(100) },
  );
});

describe('several threads', () => {
  const fixture = new URL('./fixtures/pool-worker.mjs', import.meta.url);
  const run = async (workerData: object): Promise<{ code: number; told: unknown[] }> => {
    const worker = new Worker(fixture, { workerData });
    const told: unknown[] = [];
    worker.on('message', (message) => told.push(message));
    const [exit] = (await once(worker, 'exit')) as [number];
    return { code: exit, told };
  };

  test('hold each block once, hand blocks over, and lose none (seeded)', async () => {
    const pool = new NumaPool({ blockSize: 64, blocksPerNode: 16, view: Int32Array });
    const total = 16 * nodes;
    const letters = new BigInt64Array(new SharedArrayBuffer(8 * 4));
    const job = { job: 'stress', handle: pool.handle(), letters, turns: 30_000 };
    const ended = await Promise.all([1, 2, 3].map((id) => run({ ...job, id, seed: seed + id })));
    expect(ended).toEqual([1, 2, 3].map(() => ({ code: 0, told: [{ wrong: 0 }] })));
    for (const letter of letters) if (letter !== 0n) pool.release(pool.adopt(letter - 1n));
    expect(pool.stats().inUse).toBe(0);
    const all = Array.from({ length: total }, () => pool.acquire());
    expect(new Set(all.map(({ view }) => `${view.byteOffset}`)).size).toBe(16);
    expect(all.every(({ view }) => view[0] === 0)).toBe(true);
    expect(pool.tryAcquire()).toBeUndefined();
    pool.close();
  });

  test('what a thread holds when it ends comes back, however it ends', async () => {
    const pool = open(64, 8);
    const mine = pool.acquire();
    for (const how of ['return', 'exit', 'throw', 'terminate']) {
      const worker = new Worker(fixture, {
        workerData: { job: 'hold', handle: pool.handle(), how },
      });
      worker.on('error', () => {});
      const exited = new Promise((resolve) => worker.once('exit', resolve));
      // Not events.once, which rejects when the error is told before the message that was sent first.
      const held = await new Promise((resolve) => worker.once('message', resolve));
      expect(held).toBe(8 * nodes - 1);
      if (how === 'terminate') await worker.terminate();
      await exited;
      expect(pool.stats().inUse, how).toBe(1);
    }
    const reclaimed = pool.stats().nodes.reduce((sum, each) => sum + each.reclaimed, 0);
    expect(reclaimed).toBe(4 * (8 * nodes - 1));
    pool.release(mine);
  });

  test.each([
    ['handle', 2],
    ['view', 2],
    ['nothing', 0],
  ])('what a thread forgets with the pool, keeping %s, comes back', async (kept, inUse) => {
    const pool = open(64, 8);
    const { told } = await run({ job: 'forget', handle: pool.handle(), kept });
    expect(told).toEqual([{ collected: true, inUse, view: kept === 'view' ? 0 : undefined }]);
    expect(pool.stats().inUse).toBe(0);
  });

  test('a block that was detached outlives the thread that had it', async () => {
    const pool = open(64, 2);
    const { told } = await run({ job: 'detach', handle: pool.handle() });
    const block = pool.adopt(told[0] as bigint);
    expect(block.view[0]).toBe(77);
    pool.release(block);
    expect(pool.stats().inUse).toBe(0);
  });
});

test('a million turns and a thousand pools leave no mapping and no memory behind', async () => {
  const script = new URL('./fixtures/many-pools.mjs', import.meta.url);
  const args = ['--expose-gc', fileURLToPath(script), '1000000', '1000'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const [exit] = (await once(child, 'close')) as [number];
  expect(exit, told).toBe(0);
});
