// The three ways to give a task whose result is all one wants: run, call, and the names behind them.
/* oxlint-disable eslint/no-extra-bind, typescript/no-extraneous-class -- these are refused */
import { Executor, MoiraiError } from 'moirai';
import { describe, expect, test } from 'vitest';
import { Board, bounded, codeIn, codeOf, failureOf, startExecutor, thrownBy } from './kit.js';

describe('run', () => {
  test('gives the results of synchronous and of async tasks', async () => {
    const { run } = await startExecutor();
    expect(await bounded(run.add(2, 3), 'add')).toBe(5);
    expect(await bounded(run.asyncAdd(2, 3), 'asyncAdd')).toBe(5);
    expect(await bounded(run.nothing(), 'nothing')).toBeUndefined();
  });

  test('gives a native promise', async () => {
    const { run } = await startExecutor();
    const promise = run.add(1, 1);
    expect(promise).toBeInstanceOf(Promise);
    await bounded(promise, 'add');
  });

  test('hands over every argument, however many', async () => {
    const { run } = await startExecutor();
    expect(await run.count()).toBe(0);
    expect(await run.count(undefined)).toBe(1);
    expect(await run.count(...Array.from({ length: 1000 }, () => null))).toBe(1000);
  });

  test('rejects with what the task throws or rejects with', async () => {
    const { run } = await startExecutor();
    expect(await codeOf(run.throwRefused('no'))).toBe('E_REFUSED');
    expect(await codeOf(run.rejectRefused('no'))).toBe('E_REFUSED');
  });

  test('has exactly the functions of the module as own properties', async () => {
    const { run } = await startExecutor();
    const names = Object.keys(run);
    expect(names).toContain('add');
    expect(names).toContain('asyncAdd');
    expect(names).not.toContain('missing');
    expect(Object.hasOwn(run, 'add')).toBe(true);
    expect('missing' in run).toBe(false);
    expect(typeof run.add).toBe('function');
    const { add } = run;
    expect(await add(20, 22), 'needs no receiver').toBe(42);
  });

  test('a name that does not exist throws TASK_NOT_FOUND at once', async () => {
    const { run } = await startExecutor();
    const untyped = run as unknown as Record<string, () => Promise<unknown>>;
    const error = thrownBy(() => untyped['ad']);
    expect(error).toBeInstanceOf(MoiraiError);
    expect(codeIn(error)).toBe('ERR_MOIRAI_TASK_NOT_FOUND');
    expect(codeIn(thrownBy(() => untyped['toString']))).toBe('ERR_MOIRAI_TASK_NOT_FOUND');
  });

  test('can be awaited, printed, compared and turned to JSON without harm', async () => {
    const { run } = await startExecutor();
    expect(await bounded(Promise.resolve(run), 'await executor.run')).toBe(run);
    expect(JSON.stringify(run)).toBe('{}');
    expect(run).toEqual(run);
    expect(Object.prototype.toString.call(run)).toBe('[object Object]');
    const { inspect } = await import('node:util');
    expect(inspect(run)).toContain('add');
  });

  test('its functions cannot be replaced or removed', async () => {
    const { run } = await startExecutor();
    expect(thrownBy(() => Object.assign(run, { add: null }))).toBeInstanceOf(TypeError);
    expect(await run.add(1, 2)).toBe(3);
  });
});

describe('call', () => {
  test('runs arrow functions, function expressions, methods, and async ones', async () => {
    const executor = await startExecutor();
    expect(await executor.call((a: number, b: number) => a + b, 1, 2)).toBe(3);
    expect(await executor.call(async (a: number) => a * 2, 21)).toBe(42);
    expect(
      await executor.call(function named(this: unknown, text: string) {
        return `${named.name} ${text}`;
      }, 'x'),
    ).toBe('named x');
    const object = {
      method(value: number) {
        return value + 1;
      },
      async asyncMethod(value: number) {
        return value + 2;
      },
      async ['computed key'](value: number) {
        return value + 3;
      },
    };
    expect(await executor.call(object.method, 1)).toBe(2);
    expect(await executor.call(object.asyncMethod, 1)).toBe(3);
    expect(await executor.call(object['computed key'], 1)).toBe(4);
  });

  test('works without a task module', async () => {
    const executor = await Executor.start({ threads: 1 });
    try {
      expect(
        await bounded(
          executor.call((n: number) => n ** 2, 9),
          'call',
        ),
      ).toBe(81);
      expect(Object.keys(executor.run)).toEqual([]);
      expect(codeIn(thrownBy(() => executor.spawn('any', [])))).toBe('ERR_MOIRAI_TASK_NOT_FOUND');
    } finally {
      await executor.close();
    }
  });

  test('a function that reaches for its surroundings rejects with a ReferenceError', async () => {
    const executor = await startExecutor();
    const outside = 5;
    const error = await failureOf(executor.call((n: number) => n + outside, 1));
    expect((error as Error).constructor.name).toBe('ReferenceError');
  });

  test.each([
    ['no function', 5],
    ['a native function', Math.max],
    ['a bound function', ((a: number) => a).bind(null)],
    ['a class', class A {}],
  ])('%s is INVALID_ARGUMENT and names fn', async (_, fn) => {
    const executor = await startExecutor({ threads: 1 });
    const error = thrownBy(() => executor.call(fn as () => void));
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'fn' });
    expect(executor.stats().outstanding).toBe(0);
  });

  test('its errors cross whole', async () => {
    const executor = await startExecutor();
    const error = await failureOf(
      executor.call(() => {
        throw Object.assign(new RangeError('out of it'), { code: 'E_OUT' });
      }),
    );
    expect(error).toBeInstanceOf(RangeError);
    expect(codeIn(error)).toBe('E_OUT');
  });
});

describe('both', () => {
  test('a worker keeps its event loop alive: others finish while one waits', async () => {
    const board = new Board();
    const { run } = await startExecutor({ threads: 1, workerData: board.workerData });
    const waiting = run.holdTask(0, 1);
    expect(await bounded(run.add(1, 2), 'a task beside a waiting one')).toBe(3);
    expect(await bounded(run.asyncAdd(1, 2), 'an async task beside a waiting one')).toBe(3);
    board.open(1);
    expect(await bounded(waiting, 'the waiting one')).toBe(0);
  });

  test('a thousand at a time come back each with its own result', async () => {
    const { run } = await startExecutor();
    const results = await bounded(
      Promise.all(
        Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? run.add(i, 1) : run.asyncAdd(i, 1))),
      ),
      'a thousand tasks',
    );
    expect(results).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
  });
});
