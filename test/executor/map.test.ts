// One task over every item of a source.
import { describe, expect, test } from 'vitest';
import {
  Board,
  bounded,
  codeIn,
  codeOf,
  failureOf,
  runProgram,
  sleep,
  startExecutor,
  thrownBy,
  until,
} from './kit.js';

async function collect<T>(
  source: AsyncIterable<T>,
  limit = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const seen: T[] = [];
  if (limit === 0) return seen;
  for await (const value of source) {
    seen.push(value);
    if (seen.length >= limit) break;
  }
  return seen;
}

function* numbers(to = Number.POSITIVE_INFINITY): Generator<number> {
  for (let i = 0; i < to; i++) yield i;
}

/** Counts how often it was asked and whether it was told to stop. */
function watched(to = Number.POSITIVE_INFINITY) {
  const state = { taken: 0, returned: 0 };
  const source: Iterable<number> = {
    [Symbol.iterator]: () => ({
      next: () =>
        state.taken < to
          ? { done: false, value: state.taken++ }
          : { done: true, value: undefined as never },
      return: () => {
        state.returned++;
        return { done: true, value: undefined as never };
      },
    }),
  };
  return { state, source };
}

describe('order', () => {
  test('results come in the order of the items by default', async () => {
    const executor = await startExecutor();
    const delays = [30, 1, 20, 0, 10, 5, 0, 0];
    const results = executor.map('sleepItself', delays, { concurrency: 8 });
    expect(await bounded(collect(results), 'an ordered map')).toEqual(delays);
  });

  test('unordered, quick results come before a slow first one', async () => {
    const board = new Board();
    const executor = await startExecutor({ workerData: board.workerData });
    const seen: number[] = [];
    const items = [0, ...numbers(50)].map((i, index) => (index === 0 ? { gate: 1 } : i));
    for await (const value of executor.map('waitIfGate', items, {
      ordered: false,
      concurrency: 4,
    })) {
      seen.push(value);
      // Only now may the first one end: it would hold up an ordered map for ever.
      if (seen.length === 50) board.open(1);
    }
    expect(seen.at(-1)).toBe(-1);
    expect(seen.slice(0, 50).sort((a, b) => a - b)).toEqual([...numbers(50)]);
  });
});

describe('sources', () => {
  test('arrays, strings, sets, generators, async generators, and empty ones', async () => {
    const executor = await startExecutor();
    expect(await collect(executor.map('identity', [1, 2, 3]))).toEqual([1, 2, 3]);
    expect(await collect(executor.map('identity', 'abc'))).toEqual(['a', 'b', 'c']);
    expect(await collect(executor.map('identity', new Set([1, 2])))).toEqual([1, 2]);
    expect(await collect(executor.map('identity', []))).toEqual([]);
    async function* slow() {
      for (const i of numbers(5)) {
        await sleep(1);
        yield i;
      }
    }
    expect(await bounded(collect(executor.map('identity', slow())), 'async source')).toEqual([
      0, 1, 2, 3, 4,
    ]);
  });

  test('an endless source is taken only as far as results are', async () => {
    const executor = await startExecutor();
    const { state, source } = watched();
    const results = await bounded(
      collect(executor.map('identity', source, { concurrency: 8 }), 1000),
      'a thousand of an endless source',
    );
    expect(results).toEqual([...numbers(1000)]);
    expect(state.taken).toBeLessThanOrEqual(1000 + 8);
    expect(state.returned).toBe(1);
  });

  test.each(['ordered', 'unordered', 'unordered beside a slow item'])(
    'an endless source takes constant memory: %s',
    async (what) => {
      const end = await runProgram('endless-map.mjs', [what], ['--expose-gc']);
      expect({ code: end.code, signal: end.signal }, end.stdout + end.stderr).toEqual({
        code: 0,
        signal: null,
      });
    },
  );

  test('a source may wait for earlier results: they are handed out while it does', async () => {
    const executor = await startExecutor();
    let received = 0;
    async function* feedback() {
      for (let i = 0; i < 5; i++) {
        yield i;
        await until(() => received > i, `the result of item ${i} before item ${i + 1}`, 3000);
      }
    }
    const consume = async () => {
      for await (const _ of executor.map('identity', feedback(), { concurrency: 4 })) received++;
    };
    await bounded(consume(), 'a source that waits for results');
    expect(received).toBe(5);
  });

  test('nothing is taken before the first result is asked for', async () => {
    const executor = await startExecutor();
    const { state, source } = watched();
    const iterator = executor.map('identity', source);
    await sleep(5);
    expect(state.taken).toBe(0);
    await iterator.return();
  });
});

describe('bounds', () => {
  test.each([1, 3, 8])('the workers never have more than %i at a time', async (concurrency) => {
    const board = new Board();
    const executor = await startExecutor({ workerData: board.workerData });
    const results = executor.map(
      'crowdOf',
      Array.from({ length: 40 }, () => ({ now: 0, most: 1 })),
      {
        concurrency,
      },
    );
    await bounded(collect(results), 'the crowd');
    expect(board.at(0)).toBe(0);
    expect(board.at(1)).toBe(concurrency);
  });

  test('a queue shorter than the concurrency is no failure', async () => {
    const executor = await startExecutor({ maxQueue: 2 });
    const results = await bounded(
      collect(executor.map('asyncIdentity', numbers(50), { concurrency: 16 })),
      'a map over a short queue',
    );
    expect(results).toEqual([...numbers(50)]);
  });
});

describe('ends', () => {
  test('a failure in the middle ends the iteration and the source', async () => {
    const executor = await startExecutor();
    const { state, source } = watched();
    const items = {
      [Symbol.iterator]: () => {
        const inner = source[Symbol.iterator]();
        return {
          next: () => {
            const step = inner.next();
            return step.done === true ? step : { done: false as const, value: text(step.value) };
          },
          return: () => inner.return?.() ?? { done: true as const, value: undefined },
        };
      },
    };
    const text = (i: number) => (i === 5 ? () => undefined : i) as number;
    const seen: number[] = [];
    const error = await failureOf(
      (async () => {
        for await (const value of executor.map('identity', items, { concurrency: 2 })) {
          seen.push(value as number);
        }
      })(),
    );
    expect(codeIn(error)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(state.returned).toBe(1);
    expect(state.taken).toBeLessThanOrEqual(8);
    await bounded(executor.idle(), 'idle');
  });

  test("a task's own failure comes through as it is, others that fail are no unhandled ones", async () => {
    const executor = await startExecutor();
    const { state, source } = watched();
    expect(
      await codeOf(
        collect(executor.map('throwRefused', source as Iterable<never>, { concurrency: 8 })),
      ),
    ).toBe('E_REFUSED');
    expect(state.returned).toBe(1);
    await bounded(executor.idle(), 'idle');
    await sleep(20);
  });

  test('a source that throws ends the iteration with its error', async () => {
    const executor = await startExecutor();
    function* failing() {
      yield 1;
      yield 2;
      throw new RangeError('the source');
    }
    expect(await failureOf(collect(executor.map('identity', failing())))).toBeInstanceOf(
      RangeError,
    );
  });

  test('leaving early ends the source and leaves nothing behind', async () => {
    const executor = await startExecutor();
    const { state, source } = watched();
    expect(await collect(executor.map('identity', source, { concurrency: 4 }), 3)).toEqual([
      0, 1, 2,
    ]);
    expect(state.returned).toBe(1);
    await bounded(executor.idle(), 'idle');
    expect(executor.stats().outstanding).toBe(0);
  });

  test.each(['before it begins', 'while a task runs', 'while the source waits'])(
    'a signal aborted %s ends it with its reason, and the source',
    async (when) => {
      const executor = await startExecutor();
      const controller = new AbortController();
      const reason = new Error('enough');
      let returned = 0;
      let taken = 0;
      const source = {
        [Symbol.asyncIterator]: () => ({
          next: () =>
            taken++ === 0 || when !== 'while the source waits'
              ? Promise.resolve({ done: false as const, value: 1 })
              : new Promise<never>(() => undefined),
          return: () => {
            returned++;
            return Promise.resolve({ done: true as const, value: undefined });
          },
        }),
      };
      if (when === 'before it begins') controller.abort(reason);
      const name = when === 'while a task runs' ? 'never' : 'identity';
      const results = executor.map(name as 'identity', source, {
        signal: controller.signal,
        concurrency: 2,
      });
      const ended = failureOf(collect(results), `a map aborted ${when}`);
      setTimeout(() => controller.abort(reason), 50);
      expect(await ended).toBe(reason);
      expect(returned).toBe(1);
    },
  );

  test('closing the executor ends it with CLOSED', async () => {
    const executor = await startExecutor();
    const ended = codeOf(collect(executor.map('asyncIdentity', numbers())));
    await sleep(10);
    await bounded(executor.close(), 'close');
    expect(await ended).toBe('ERR_MOIRAI_CLOSED');
  });

  test('a lost worker ends it with WORKER_LOST', async () => {
    const executor = await startExecutor();
    expect(await codeOf(collect(executor.map('exit', [0])))).toBe('ERR_MOIRAI_WORKER_LOST');
    expect(await collect(executor.map('identity', [1, 2]))).toEqual([1, 2]);
  });
});

test('a name that does not exist and a source that is none throw at once', async () => {
  const executor = await startExecutor({ threads: 1 });
  expect(codeIn(thrownBy(() => executor.map('missing' as 'add', [1])))).toBe(
    'ERR_MOIRAI_TASK_NOT_FOUND',
  );
  for (const source of [5, null, undefined, {}, () => 1]) {
    expect(thrownBy(() => executor.map('identity', source as never))).toMatchObject({
      code: 'ERR_MOIRAI_INVALID_ARGUMENT',
      argument: 'source',
    });
  }
});
