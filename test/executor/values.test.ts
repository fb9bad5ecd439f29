// Values end to end: what goes in comes out, what moves is gone here, what is shared is shared.
/* oxlint-disable vitest/no-conditional-expect -- the condition is part of the promise */
import { createSecretKey } from 'node:crypto';
import { MessageChannel } from 'node:worker_threads';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bounded,
  codeIn,
  codeOf,
  failureOf,
  randomFrom,
  runProgram,
  startExecutor,
  thrownBy,
} from './kit.js';
import { runs } from '../properties.js';

test('any tree of values comes back equal to what structuredClone makes of it', async () => {
  const { run } = await startExecutor();
  const leaf = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string({ unit: 'binary' }),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, Number.NaN),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 200 }),
    fc.float64Array({ maxLength: 20 }),
  );
  const value = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('tree'), { maxLength: 6 }),
      fc.dictionary(fc.string(), tie('tree'), { maxKeys: 6 }),
      fc.array(fc.tuple(fc.string(), tie('tree')), { maxLength: 4 }).map((e) => new Map(e)),
      fc.array(leaf, { maxLength: 4 }).map((members) => new Set(members)),
    ),
  })).tree;
  await fc.assert(
    fc.asyncProperty(value, fc.boolean(), async (given, later) => {
      const back = await bounded(
        later ? run.asyncIdentity(given) : run.identity(given),
        'identity',
      );
      expect(back).toEqual(structuredClone(given));
    }),
    { numRuns: runs(300) },
  );
});

test('cycles and shared parts keep their shape', async () => {
  const { run } = await startExecutor();
  const part = { n: 1 };
  const value: Record<string, unknown> = { a: part, b: part };
  value['self'] = value;
  const back = (await run.identity(value)) as typeof value;
  expect(back['self']).toBe(back);
  expect(back['a']).toBe(back['b']);
  expect(back).not.toBe(value);
});

test('a value is copied when it is given: later changes do not reach the task', async () => {
  const { run } = await startExecutor({ threads: 1 });
  const value = { list: [1, 2, 3] };
  const back = run.identity(value);
  value.list.push(4);
  expect(await back).toEqual({ list: [1, 2, 3] });
});

describe('transfer', () => {
  test('an ArrayBuffer is gone here at once and whole there', async () => {
    const executor = await startExecutor();
    const buffer = new ArrayBuffer(1000);
    const handle = executor.spawn('byteLength', [buffer], { transfer: [buffer] });
    expect(buffer.byteLength).toBe(0);
    expect(await bounded(handle, 'the task')).toBe(1000);
  });

  test('a MessagePort works in the task', async () => {
    const executor = await startExecutor();
    const { port1, port2 } = new MessageChannel();
    const answer = once(port1, 'message');
    await bounded(
      executor.spawn('answerOn', [port2, { hello: 1 }], { transfer: [port2] }),
      'the task',
    );
    expect(await bounded(answer, 'the answer')).toEqual([{ hello: 1 }]);
    port1.close();
  });

  test.each(['moved', 'asyncMoved'] as const)(
    'a result of %s moves to the caller',
    async (name) => {
      const executor = await startExecutor({ threads: 1 });
      const { buffer } = await bounded(executor.run[name](5000), 'the result');
      expect(buffer.byteLength).toBe(5000);
      expect(new Uint8Array(buffer)[4999]).toBe(9);
    },
  );

  test('and is gone there', async () => {
    const executor = await startExecutor({ threads: 1 });
    expect((await bounded(executor.run.keepAndMove(100), 'the result')).byteLength).toBe(100);
    expect(await executor.run.keptLength()).toBe(0);
  });

  test('a result taken by joinSync in between keeps those of others apart', async () => {
    const executor = await startExecutor();
    const handles = Array.from({ length: 50 }, (_, i) => executor.spawn('moved', [i + 1]));
    expect(handles[25]?.joinSync(20_000).buffer.byteLength).toBe(26);
    const all = await bounded(Promise.all(handles), 'all results');
    expect(all.map((result) => result.buffer.byteLength)).toEqual(handles.map((_, i) => i + 1));
  });

  test('what cannot be transferred is refused before anything changed', async () => {
    const executor = await startExecutor({ threads: 1 });
    const buffer = new ArrayBuffer(8);
    for (const transfer of [[{}], [5], [buffer, buffer]]) {
      const error = thrownBy(() =>
        executor.spawn('byteLength', [buffer], { transfer: transfer as never }),
      );
      expect(codeIn(error)).toMatch(/^ERR_MOIRAI_(?:NOT_SERIALIZABLE|INVALID_ARGUMENT)$/u);
      expect(buffer.byteLength).toBe(8);
      expect(executor.stats().outstanding).toBe(0);
    }
  });

  test('a port that the task never asked for is not lost with a cancelled task', async () => {
    const executor = await startExecutor({ threads: 1 });
    const { port1, port2 } = new MessageChannel();
    const blocker = executor.spawn('busy', [30]);
    const handle = executor.spawn('answerOn', [port2, 1], { transfer: [port2] });
    if (handle.cancel()) expect(await codeOf(handle)).toBe('ERR_MOIRAI_CANCELLED');
    await bounded(blocker, 'the blocker');
    await bounded(executor.idle(), 'idle');
    port1.close();
  });
});

describe('sharing', () => {
  test('a SharedArrayBuffer given to a task is the same memory', async () => {
    const { run } = await startExecutor();
    const shared = new SharedArrayBuffer(64);
    await bounded(run.writeShared(shared, 3, 77), 'the task');
    expect(new Int32Array(shared)[3]).toBe(77);
  });

  test('and so is one that comes back', async () => {
    const { run } = await startExecutor({ threads: 1 });
    const shared = await bounded(run.giveShared(), 'the task');
    new Int32Array(shared)[2] = 55;
    expect(await run.readOwnShared(2)).toBe(55);
  });
});

test('a Blob and a KeyObject arrive usable', async () => {
  const { run } = await startExecutor();
  expect(await bounded(run.blobText(new Blob(['some text'])), 'the blob')).toBe('some text');
  expect(await bounded(run.keyBytes(createSecretKey(Buffer.from('cafe', 'hex'))), 'key')).toBe(
    'cafe',
  );
});

describe('big payloads', () => {
  test('50 MB of text and of bytes go both ways', async () => {
    const { run } = await startExecutor({ threads: 1 });
    const text = 'ab'.repeat(25_000_000);
    expect(await run.textLength(text)).toBe(text.length);
    expect((await run.identity(text)) === text, 'the same text').toBe(true);
    const wide = 'aλ'.repeat(5_000_000);
    expect((await run.identity(wide)) === wide, 'the same wide text').toBe(true);
    const bytes = await run.bytes(50_000_000);
    expect(bytes.length).toBe(50_000_000);
    expect(bytes[49_999_999]).toBe(7);
    expect(await run.byteLength(bytes)).toBe(50_000_000);
  });

  test.each(['alone', 'many', 'failing'])(
    'their memory is given back or used again: %s',
    async (kind) => {
      const end = await runProgram('big-payloads.mjs', [kind], ['--expose-gc']);
      expect({ code: end.code, signal: end.signal }, end.stdout + end.stderr).toEqual({
        code: 0,
        signal: null,
      });
    },
  );

  test('more than there is room for is TOO_LARGE, and small ones still go', async () => {
    const executor = await startExecutor({ threads: 1 });
    // Never touched: pages of zeros that nobody has written or reads.
    const vast = new Float64Array(2 ** 29 - 8);
    const error = thrownBy(() => executor.spawn('count', [vast]));
    expect(codeIn(error)).toBe('ERR_MOIRAI_TOO_LARGE');
    expect(executor.stats().outstanding).toBe(0);
    expect(await codeOf(executor.run.count(vast))).toBe('ERR_MOIRAI_TOO_LARGE');
    expect(await executor.run.add(1, 1)).toBe(2);
    expect(await executor.run.textLength('x'.repeat(100_000))).toBe(100_000);
  });

  test('a result nested too deeply is TOO_LARGE or comes whole, and the worker goes on', async () => {
    const { run } = await startExecutor({ threads: 1 });
    expect(await codeOf(run.unsendable('deep'))).toBe('ERR_MOIRAI_TOO_LARGE');
    expect(await run.add(1, 1)).toBe(2);
  });
});

test('payloads of every size between inline and large arrive whole (seeded)', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const { run } = await startExecutor();
  const sizes = [
    ...Array.from({ length: 200 }, (_, i) => i),
    ...Array.from({ length: 300 }, () => Math.floor(random() ** 4 * 1e6)),
  ];
  const results = await bounded(
    Promise.all(
      sizes.map(async (size) => {
        const bytes = new Uint8Array(size).fill(size % 251);
        const back = (await run.identity(bytes)) as Uint8Array;
        return back.length === size && back.every((byte) => byte === size % 251);
      }),
    ),
    `payloads with seed ${seed}`,
  );
  expect(results.every(Boolean), `seed ${seed}`).toBe(true);
});

test('what a getter throws comes out as it is, from run, spawn and a result', async () => {
  const executor = await startExecutor({ threads: 1 });
  const bad = {
    get value(): number {
      throw new RangeError('the getter');
    },
  };
  expect(thrownBy(() => executor.spawn('identity', [bad]))).toBeInstanceOf(RangeError);
  expect(await failureOf(executor.run.identity(bad))).toBeInstanceOf(RangeError);
  expect(await failureOf(executor.run.unsendable('getter'))).toBeInstanceOf(RangeError);
  expect(executor.stats().outstanding).toBe(0);
});
