// SharedArrayBuffers that travel by number: the same memory, the same identities, and nothing kept.
/* oxlint-disable vitest/no-conditional-expect -- the condition is part of the promise */
import fc from 'fast-check';

import { describe, expect, test } from 'vitest';
import { Board, bounded, codeOf, runProgram, startExecutor, until } from './kit.js';
import { difference } from '../codec/kit.js';
import { runs } from '../properties.js';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
console.log(`shared buffers: SEED=${seed}`);

/** A few buffers and views of them, as they are shared among the parts of one value. */
const parts = fc
  .array(
    fc.record({
      bytes: fc.integer({ min: 0, max: 64 }),
      grows: fc.integer({ min: -1, max: 16 }),
      views: fc.array(
        fc.record({ type: fc.nat(4), skip: fc.nat(8), cut: fc.nat(8), tracks: fc.boolean() }),
        { maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) => list.flatMap(make));

type View = new (buffer: SharedArrayBuffer, offset: number, count?: number) => object;
const viewTypes: readonly (readonly [size: number, type: View])[] = [
  [1, Uint8Array],
  [8, Float64Array],
  [1, DataView],
  [2, Int16Array],
  [8, BigInt64Array],
];

function make(plan: {
  bytes: number;
  grows: number;
  views: { type: number; skip: number; cut: number; tracks: boolean }[];
}): object[] {
  const buffer =
    plan.grows < 0
      ? new SharedArrayBuffer(plan.bytes)
      : new SharedArrayBuffer(plan.bytes, { maxByteLength: plan.bytes + plan.grows });
  const views = plan.views.map(({ type, skip, cut, tracks }) => {
    const [size, Type] = viewTypes[type] ?? [1, DataView];
    const offset = Math.min(skip, Math.floor(plan.bytes / size)) * size;
    const count = Math.max(0, Math.floor((plan.bytes - offset) / size) - cut);
    return tracks && plan.bytes % size === 0
      ? new Type(buffer, offset)
      : new Type(buffer, offset, count);
  });
  return [buffer, ...views];
}

/** As `difference`, where buffers must be the same memory and equally growable. */
function differs(a: unknown, b: unknown): string | undefined {
  const shape = difference(a, b);
  if (shape !== undefined) return shape;
  const first = buffersIn(a);
  const second = buffersIn(b);
  for (const [index, one] of first.entries()) {
    const other = second[index];
    if (other === undefined) return 'a buffer is missing';
    if (one.growable !== other.growable) return 'one grows, the other does not';
    if (one.byteLength !== other.byteLength) return 'another length';
    if (one.maxByteLength !== other.maxByteLength) return 'another largest length';
    if (one.byteLength === 0) continue;
    Atomics.add(new Uint8Array(one), 0, 1);
    if (new Uint8Array(one)[0] !== new Uint8Array(other)[0]) return 'other memory';
  }
  return undefined;
}

function buffersIn(value: unknown, found: SharedArrayBuffer[] = []): SharedArrayBuffer[] {
  if (value instanceof SharedArrayBuffer) found.push(value);
  else if (ArrayBuffer.isView(value)) buffersIn(value.buffer, found);
  else if (typeof value === 'object' && value !== null) {
    for (const one of Object.values(value)) buffersIn(one, found);
  }
  return found;
}

describe('what arrives is what structuredClone gives', () => {
  test('of any buffers and views, there and back (seeded)', async () => {
    const { run } = await startExecutor({ threads: 1 });
    await fc.assert(
      fc.asyncProperty(parts, fc.array(fc.nat(20), { maxLength: 10 }), async (pool, picks) => {
        const value = { all: pool, again: picks.map((pick) => pool[pick % pool.length]) };
        const back = await bounded(run.identity(value), 'identity');
        expect(differs(back, structuredClone(value))).toBeUndefined();
        const twice = await bounded(run.asyncIdentity(back), 'identity');
        expect(differs(twice, value)).toBeUndefined();
      }),
      { seed, numRuns: runs(300) },
    );
  });

  test('a view that tracks the length of a growable buffer goes on doing so', async () => {
    const executor = await startExecutor({ threads: 1 });
    const buffer = new SharedArrayBuffer(8, { maxByteLength: 64 });
    const [tracking, fixed] = await executor.call(
      (views: [Uint8Array, Uint8Array]) => {
        (views[0].buffer as SharedArrayBuffer).grow(32);
        return [views[0].length, views[1].length];
      },
      [new Uint8Array(buffer), new Uint8Array(buffer, 0, 4)] as [Uint8Array, Uint8Array],
    );
    expect([tracking, fixed, buffer.byteLength]).toEqual([32, 4, 32]);
  });

  test('one buffer as several arguments is one object there', async () => {
    const executor = await startExecutor({ threads: 1 });
    const buffer = new SharedArrayBuffer(8);
    for (let round = 0; round < 2; round++) {
      const same = await executor.call(
        (a: SharedArrayBuffer, b: SharedArrayBuffer, c: Uint8Array) => a === b && c.buffer === a,
        buffer,
        buffer,
        new Uint8Array(buffer),
      );
      expect(same).toBe(true);
    }
  });

  test('a result names only what the task was given; what a worker kept comes by message', async () => {
    const executor = await startExecutor({ threads: 1 });
    const buffer = new SharedArrayBuffer(16);
    const keep = (given: SharedArrayBuffer): SharedArrayBuffer => {
      (globalThis as { kept?: SharedArrayBuffer }).kept = given;
      return given;
    };
    expect(await executor.call(keep, buffer)).toBe(buffer);
    const other = new SharedArrayBuffer(16);
    const back = await executor.call(
      (given: SharedArrayBuffer) => [given, (globalThis as { kept?: SharedArrayBuffer }).kept],
      other,
    );
    expect(differs(back, [other, buffer])).toBeUndefined();
    expect(
      differs(await executor.call(() => (globalThis as { kept?: unknown }).kept), buffer),
    ).toBe(undefined);
  });

  test('a task that was given up on leaves nothing to the next one in its slot', async () => {
    const executor = await startExecutor({ threads: 1 });
    const buffer = new SharedArrayBuffer(16);
    const kept = 'kept buffer';
    await executor.call(
      (given: SharedArrayBuffer, name: string) => {
        (globalThis as Record<string, unknown>)[name] = given;
      },
      buffer,
      kept,
    );
    const endless = executor.spawn('never', [buffer] as never);
    await until(() => endless.status === 'running', 'it runs');
    endless.cancel(undefined, { grace: 0 });
    expect(await codeOf(endless)).toBe('ERR_MOIRAI_CANCELLED');
    await bounded(executor.idle(), 'idle');
    const back = await executor.call(
      (_blob: Blob, name: string) => (globalThis as Record<string, unknown>)[name],
      new Blob(['x']),
      kept,
    );
    expect(differs(back, buffer)).toBeUndefined();
  });

  test('beside what only a port can carry', async () => {
    const { run } = await startExecutor({ threads: 1 });
    const buffer = new SharedArrayBuffer(16);
    const value = { blob: new Blob(['x']), buffer, again: buffer };
    const back = (await run.identity(value)) as typeof value;
    expect(back.buffer).toBe(back.again);
    expect(differs(back.buffer, buffer)).toBeUndefined();
  });
});

test('two executors and many buffers, in flight together: each task has its own', async () => {
  const first = await startExecutor();
  const second = await startExecutor();
  const buffers = Array.from({ length: 600 }, (_, i) => {
    const buffer = new SharedArrayBuffer(8);
    new Int32Array(buffer)[1] = i;
    return buffer;
  });
  const read = (list: Int32Array[]): number[] => list.map((one) => one[1] ?? -1);
  for (let round = 0; round < 3; round++) {
    const results = await bounded(
      Promise.all(
        buffers.map((buffer, i) =>
          (i % 2 === 0 ? first : second).call(read, [
            new Int32Array(buffer),
            new Int32Array(buffers[(i * 7) % 600] ?? buffer),
          ]),
        ),
      ),
      'all tasks',
    );
    expect(results).toEqual(buffers.map((_, i) => [i, (i * 7) % 600]));
  }
  // More in one task than a worker keeps.
  expect(
    await first.call(
      read,
      buffers.map((one) => new Int32Array(one)),
    ),
  ).toEqual(buffers.map((_, i) => i));
});

test('a worker that dies among tasks with buffers: each task settles, the next worker asks anew', async () => {
  const board = new Board();
  const executor = await startExecutor({ threads: 1, workerData: board.workerData });
  const blocker = executor.spawn('holdThread', [0, 1]);
  await until(() => board.at(0) === 1, 'the worker is busy');
  const buffers = Array.from({ length: 300 }, () => new SharedArrayBuffer(8));
  const outcomes = buffers.map((buffer, i) =>
    i % 50 === 10
      ? codeOf(executor.run.exit(1))
      : executor.run.writeShared(buffer, 0, i).then(
          () => 'done',
          (error: { code?: unknown }) => error.code,
        ),
  );
  board.open(1);
  await bounded(blocker, 'the blocker');
  const results = await bounded(Promise.all(outcomes), 'every task');
  for (const [i, result] of results.entries()) {
    if (i % 50 === 10) expect(result).toBe('ERR_MOIRAI_WORKER_LOST');
    else expect(['done', 'ERR_MOIRAI_WORKER_LOST']).toContain(result);
    if (result === 'done') expect(new Int32Array(buffers[i] ?? board.shared)[0]).toBe(i);
  }
  expect(executor.stats().outstanding).toBe(0);
});

test('force-closing while a worker asks leaves nothing open', async () => {
  for (let round = 0; round < 10; round++) {
    const executor = await startExecutor({ threads: 2 });
    const tasks = Array.from({ length: 20 }, () =>
      executor.run.writeShared(new SharedArrayBuffer(8), 0, 1).catch((error: unknown) => error),
    );
    await bounded(executor.close({ force: true }), 'close');
    await bounded(Promise.all(tasks), 'all tasks');
  }
});

test('10,000 different buffers do not stay', async () => {
  const end = await runProgram('many-buffers.mjs', [], ['--expose-gc']);
  expect({ code: end.code, signal: end.signal }, end.stdout + end.stderr).toEqual({
    code: 0,
    signal: null,
  });
});
