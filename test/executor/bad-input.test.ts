// Wrong arguments are refused by name, before anything has begun; what cannot be sent, with the place.
import { Executor, type ExecutorOptions } from 'moirai';
import { describe, expect, test } from 'vitest';
import {
  Board,
  bounded,
  codeIn,
  codeOf,
  failureOf,
  startExecutor,
  tasksUrl,
  threadIds,
  thrownBy,
  until,
} from './kit.js';

const invalid = 'ERR_MOIRAI_INVALID_ARGUMENT';

describe('ExecutorOptions', () => {
  const wrong: readonly [argument: string, options: unknown][] = [
    ['options', 5],
    ['options', null],
    ['options', 'tasks.js'],
    ['options', []],
    ['options.task', { task: tasksUrl }],
    ['options.Threads', { Threads: 2 }],
    ['options.spinNs', { spinNs: 5 }],
    ['options.tasks', { tasks: 5 }],
    ['options.tasks', { tasks: '' }],
    ['options.tasks', { tasks: {} }],
    ['options.tasks', { tasks: null }],
    ['options.threads', { threads: 0 }],
    ['options.threads', { threads: -1 }],
    ['options.threads', { threads: 1.5 }],
    ['options.threads', { threads: Number.NaN }],
    ['options.threads', { threads: 1025 }],
    ['options.threads', { threads: 'all' }],
    ['options.threads', { threads: '2' }],
    ['options.threads', { threads: 2n }],
    ['options.threads', { threads: null }],
    ['options.pin', { pin: 'socket' }],
    ['options.pin', { pin: true }],
    ['options.nodes', { nodes: 0 }],
    ['options.nodes', { nodes: [] }],
    ['options.nodes[0]', { nodes: ['0'] }],
    ['options.nodes[0]', { nodes: [-1] }],
    ['options.nodes[1]', { nodes: [0, 1023] }],
    ['options.minThreads', { minThreads: 0 }],
    ['options.minThreads', { minThreads: 2, threads: 2 }],
    ['options.maxThreads', { maxThreads: 1025 }],
    ['options.maxThreads', { minThreads: 4, maxThreads: 3 }],
    ['options.maxThreads', { maxThreads: 3, threads: 'cores' }],
    ['options.idleTimeout', { idleTimeout: -1 }],
    ['options.idleTimeout', { idleTimeout: Number.POSITIVE_INFINITY }],
    ['options.blockingThreads', { blockingThreads: -1 }],
    ['options.steal', { steal: 'all' }],
    ['options.steal', { steal: 2 }],
    ['options.onFull', { onFull: 'drop' }],
    ['options.queue', { queue: 'fifo' }],
    ['options.queue', { queue: { push() {} } }],
    ['options.placement', { placement: () => [] }],
    ['options.context', { context: null }],
    ['options.context.requestId', { context: { requestId: new Map() } }],
    ['options.spinUs', { spinUs: -1 }],
    ['options.spinUs', { spinUs: 0.5 }],
    ['options.spinUs', { spinUs: 10_001 }],
    ['options.spinUs', { spinUs: '50' }],
    ['options.maxQueue', { maxQueue: 0 }],
    ['options.maxQueue', { maxQueue: 2 ** 20 + 1 }],
    ['options.maxQueue', { maxQueue: Number.POSITIVE_INFINITY }],
    ['options.concurrency', { concurrency: 0 }],
    ['options.concurrency', { concurrency: '1' }],
    ['options.name', { name: 5 }],
    ['options.resourceLimits', { resourceLimits: 5 }],
    ['options.resourceLimits', { resourceLimits: 'small' }],
    ['options.env', { env: 5 }],
    ['options.env', { env: 'A=1' }],
    ['options.argv', { argv: 5 }],
    ['options.argv', { argv: 'one' }],
    ['options.execArgv', { execArgv: '--no-warnings' }],
    ['options.execArgv', { execArgv: [5] }],
    ['options.execArgv', { execArgv: ['--no-such-option'] }],
  ];
  test.each(wrong)(
    '%s of %o is INVALID_ARGUMENT and nothing is started',
    async (argument, options) => {
      const before = threadIds().length;
      const error = await failureOf(Executor.start(options as ExecutorOptions));
      expect(error).toMatchObject({ code: invalid, argument });
      expect((error as Error).message).toContain(argument);
      expect(threadIds().length).toBeLessThanOrEqual(before);
    },
  );

  test('a misspelt one is told what it may have meant', async () => {
    const error = await failureOf(Executor.start({ thread: 2 } as ExecutorOptions));
    expect((error as Error).message).toContain("'threads'");
  });

  test('workerData that cannot be cloned is NOT_SERIALIZABLE and nothing is left', async () => {
    const before = threadIds().length;
    expect(await codeOf(Executor.start({ tasks: tasksUrl, workerData: { f: () => 1 } }))).toBe(
      'ERR_MOIRAI_NOT_SERIALIZABLE',
    );
    await until(() => threadIds().length <= before, 'no thread is left over');
  });

  test('properties that are undefined are as if absent', async () => {
    const executor = await startExecutor({ pin: undefined, spinUs: undefined, env: undefined });
    expect(await executor.run.add(1, 1)).toBe(2);
  });
});

describe('SpawnOptions, MapOptions, CloseOptions', () => {
  test.each([
    ['options', 5],
    ['options', null],
    ['options', []],
    ['options.transfers', { transfers: [] }],
    ['options.priority', { priority: 'urgent' }],
    ['options.priority', { priority: 1 }],
    ['options.deadline', { deadline: -1 }],
    ['options.deadline', { deadline: new Date() }],
    ['options.timeout', { timeout: '5' }],
    ['options.timeout', { timeout: Number.NaN }],
    ['options.grace', { grace: -1 }],
    ['options.idempotent', { idempotent: 1 }],
    ['options.idempotent', { idempotent: true, transfer: [new ArrayBuffer(1)] }],
    ['options.blocking', { blocking: 'yes' }],
    ['options.node', { node: -1 }],
    ['options.node', { node: '0' }],
    ['options.node', { node: 0.5 }],
    ['options.transfer', { transfer: new ArrayBuffer(8) }],
    ['options.signal', { signal: {} }],
    ['options.signal', { signal: null }],
  ])('spawn: %s of %o', async (argument, options) => {
    const executor = await startExecutor({ threads: 1 });
    const error = thrownBy(() => executor.spawn('add', [1, 1], options as never));
    expect(error).toMatchObject({ code: invalid, argument });
    expect(executor.stats().outstanding).toBe(0);
  });

  test.each([
    ['options', 5],
    ['options.order', { order: true }],
    ['options.concurrency', { concurrency: 0 }],
    ['options.concurrency', { concurrency: '4' }],
    ['options.ordered', { ordered: 'yes' }],
    ['options.signal', { signal: new AbortController() }],
  ])('map: %s of %o', async (argument, options) => {
    const executor = await startExecutor({ threads: 1 });
    const error = thrownBy(() => executor.map('identity', [1], options as never));
    expect(error).toMatchObject({ code: invalid, argument });
  });

  test.each([
    ['options', 5],
    ['options', true],
    ['options.timeouts', { timeouts: 5 }],
    ['options.force', { force: 'yes' }],
    ['options.timeout', { timeout: -1 }],
    ['options.timeout', { timeout: '5' }],
    ['options.timeout', { timeout: Number.NaN }],
  ])('close: %s of %o, and the executor stays open', async (argument, options) => {
    const executor = await startExecutor({ threads: 1 });
    const error = await failureOf((async () => executor.close(options as never))());
    expect(error).toMatchObject({ code: invalid, argument });
    expect(executor.isClosing).toBe(false);
    expect(await executor.run.add(1, 1)).toBe(2);
  });

  test('spawn: a name that is none, and arguments that are no array', async () => {
    const executor = await startExecutor({ threads: 1 });
    expect(codeIn(thrownBy(() => executor.spawn('missing' as 'add', [1, 1])))).toBe(
      'ERR_MOIRAI_TASK_NOT_FOUND',
    );
    for (const name of [5, null, undefined, Symbol('x')]) {
      expect(thrownBy(() => executor.spawn(name as never, [1, 1]))).toMatchObject({
        code: invalid,
        argument: 'name',
      });
    }
    for (const args of [5, null, undefined, 'ab', new Set([1])]) {
      expect(thrownBy(() => executor.spawn('add', args as never))).toMatchObject({
        code: invalid,
        argument: 'args',
      });
    }
  });

  test('an executor is made by start only', () => {
    expect(codeIn(thrownBy(() => new (Executor as unknown as new () => unknown)()))).toBe(invalid);
  });
});

describe('arguments that cannot be cloned', () => {
  const cyclic: Record<string, unknown> = { f: () => 1 };
  cyclic['self'] = cyclic;
  const cases: readonly [string, unknown][] = [
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a Proxy', new Proxy({}, {})],
    ['a promise', Promise.resolve(1)],
    ['a WeakMap', new WeakMap()],
    ['a cycle with a function in it', cyclic],
    ['one deep inside', { list: [1, { deep: new Map([['key', () => 1]]) }] }],
  ];
  test.each(cases)('%s is NOT_SERIALIZABLE from spawn, run, call, map', async (_, value) => {
    const executor = await startExecutor({ threads: 1 });
    const expected = 'ERR_MOIRAI_NOT_SERIALIZABLE';
    expect(codeIn(thrownBy(() => executor.spawn('identity', [value])))).toBe(expected);
    expect(await codeOf(executor.run.identity(value))).toBe(expected);
    expect(await codeOf(executor.call((v: unknown) => v, value))).toBe(expected);
    expect(await codeOf(executor.map('identity', [value]).next())).toBe(expected);
    expect(executor.stats().outstanding).toBe(0);
    expect(await executor.run.add(1, 1)).toBe(2);
  });

  test('the message says where in the arguments', async () => {
    const executor = await startExecutor({ threads: 1 });
    const error = thrownBy(() => executor.spawn('count', [1, { list: [0, () => 1] }]));
    expect((error as Error).message).toContain('args[1].list[1]');
  });
});

describe('results that cannot be cloned', () => {
  test.each(['function', 'symbol', 'proxy', 'promise', 'weakmap'])(
    'a %s is NOT_SERIALIZABLE, and the worker goes on',
    async (kind) => {
      const { run } = await startExecutor({ threads: 1 });
      const before = await run.whereAmI();
      expect(await codeOf(run.unsendable(kind))).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
      expect((await run.whereAmI()).thread).toBe(before.thread);
    },
  );

  test('a cyclic one comes whole', async () => {
    const { run } = await startExecutor({ threads: 1 });
    const back = (await run.unsendable('cyclic')) as { self: unknown };
    expect(back.self).toBe(back);
  });
});

describe('getters among the arguments that call the executor', () => {
  test('may give it tasks of their own', async () => {
    const executor = await startExecutor({ threads: 1 });
    const inner: Promise<number>[] = [];
    const value = {
      before: 'x'.repeat(1000),
      get nested() {
        inner.push(executor.run.add(20, 22));
        inner.push(executor.spawn('add', [1, 2]).join());
        return 'y'.repeat(1000);
      },
      after: 'z'.repeat(1000),
    };
    const back = await bounded(executor.run.identity(value), 'the outer task');
    expect(back).toEqual({
      before: 'x'.repeat(1000),
      nested: 'y'.repeat(1000),
      after: 'z'.repeat(1000),
    });
    expect(await bounded(Promise.all(inner), 'the inner ones')).toEqual([42, 3]);
  });

  test('may wait for a task of their own', async () => {
    const executor = await startExecutor({ threads: 1 });
    const value = {
      get sum() {
        return executor.spawn('add', [1, 2]).joinSync(20_000);
      },
    };
    expect(await bounded(executor.run.identity(value), 'the outer task')).toEqual({ sum: 3 });
  });

  test.each([
    ['close()', {}],
    ['close({ force: true })', { force: true }],
  ])('may call %s: the task settles in some way and the close ends', async (_, options) => {
    const executor = await startExecutor({ threads: 1 });
    let closed: Promise<void> | undefined;
    const value = {
      get trap() {
        closed ??= executor.close(options);
        return 1;
      },
    };
    const outcome = executor.run.identity(value).then(
      (back) => back,
      (error: unknown) => codeIn(error),
    );
    expect([{ trap: 1 }, 'ERR_MOIRAI_CLOSED']).toContainEqual(await bounded(outcome, 'task', 5000));
    await bounded(closed ?? Promise.reject(new Error('never called')), 'close', 5000);
  });

  test('may close it and then throw', async () => {
    const executor = await startExecutor({ threads: 1 });
    let closed: Promise<void> | undefined;
    const value = {
      get trap(): number {
        closed ??= executor.close();
        throw new RangeError('the getter');
      },
    };
    expect(await failureOf(executor.run.identity(value))).toBeInstanceOf(RangeError);
    await bounded(closed ?? Promise.reject(new Error('never called')), 'close', 5000);
  });
});

describe('a full queue', () => {
  test('QUEUE_FULL from spawn, a rejection from run, and room again afterwards', async () => {
    const board = new Board();
    const executor = await startExecutor({
      threads: 1,
      maxQueue: 4,
      workerData: board.workerData,
    });
    for (let round = 0; round < 3; round++) {
      const [started, gate] = [10 * round, 10 * round + 1];
      const tasks = [executor.spawn('holdThread', [started, gate])];
      for (let i = 0; i < 3; i++) tasks.push(executor.spawn('tick', [10 * round + 2]));
      expect(codeIn(thrownBy(() => executor.spawn('tick', [9])))).toBe('ERR_MOIRAI_QUEUE_FULL');
      expect(await codeOf(executor.run.tick(9))).toBe('ERR_MOIRAI_QUEUE_FULL');
      expect(await codeOf(executor.call(() => 1))).toBe('ERR_MOIRAI_QUEUE_FULL');
      expect(executor.stats().outstanding).toBe(4);
      board.open(gate);
      await bounded(Promise.all(tasks), 'the four');
      expect(board.at(10 * round + 2)).toBe(3);
    }
    expect(board.at(9), 'those refused never ran').toBe(0);
  });

  test('maxQueue 1 takes one task after the other', async () => {
    const executor = await startExecutor({ threads: 2, maxQueue: 1 });
    for (let i = 0; i < 20; i++)
      expect(await bounded(executor.run.add(i, 1), 'a task')).toBe(i + 1);
  });
});
