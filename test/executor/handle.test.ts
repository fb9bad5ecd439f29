// What one can do with the handle that spawn gives.
/* oxlint-disable vitest/no-conditional-expect -- the condition is part of the promise */
import { EventEmitter } from 'node:events';
import { TaskHandle } from 'moirai';
import { describe, expect, test } from 'vitest';
import {
  Board,
  bounded,
  codeIn,
  codeOf,
  failureOf,
  runProgram,
  startExecutor,
  thrownBy,
  until,
} from './kit.js';

// Blocks this thread for long: so long that it is a hang.
const hangMs = 20_000;

describe('as a promise', () => {
  test('is a thenable with then, catch and finally', async () => {
    const executor = await startExecutor();
    const handle = executor.spawn('add', [1, 2]);
    expect(handle).toBeInstanceOf(TaskHandle);
    expect(await bounded(handle, 'the handle')).toBe(3);
    expect(await handle.then((value) => value * 2)).toBe(6);
    let finished = 0;
    expect(await handle.finally(() => finished++)).toBe(3);
    const failing = executor.spawn('throwRefused', ['no']);
    expect(await failing.catch((error: unknown) => codeIn(error))).toBe('E_REFUSED');
    expect(await codeOf(failing.finally(() => finished++))).toBe('E_REFUSED');
    expect(finished).toBe(2);
    expect(await Promise.all([handle, executor.spawn('asyncAdd', [2, 2])])).toEqual([3, 4]);
  });

  test('may be awaited and joined any number of times, before and after the end', async () => {
    const executor = await startExecutor();
    const handle = executor.spawn('asyncAdd', [1, 2]);
    expect(await Promise.all([handle, handle.join(), handle.join()])).toEqual([3, 3, 3]);
    expect(handle.join()).toBe(handle.join());
    expect(await handle.join()).toBe(3);
  });

  test('has a unique id and the name of its task', async () => {
    const executor = await startExecutor();
    const handles = Array.from({ length: 100 }, () => executor.spawn('nothing', []));
    expect(new Set(handles.map((handle) => handle.id)).size).toBe(100);
    expect(handles[0]?.name).toBe('nothing');
    await bounded(Promise.all(handles), 'all');
  });
});

describe('status', () => {
  test('goes from queued to running to done', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const first = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the first task runs');
    const second = executor.spawn('add', [1, 1]);
    expect([first.status, first.isFinished]).toEqual(['running', false]);
    expect([second.status, second.isFinished]).toEqual(['queued', false]);
    board.open(1);
    await bounded(second, 'the second');
    expect([first.status, first.isFinished]).toEqual(['done', true]);
    expect([second.status, second.isFinished]).toEqual(['done', true]);
  });

  test('is running while an async task waits, failed and cancelled at such ends', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const waiting = executor.spawn('holdTask', [0, 1]);
    await until(() => board.at(0) === 1, 'the task runs');
    expect(waiting.status).toBe('running');
    board.open(1);
    await bounded(waiting, 'the task');
    const failed = executor.spawn('throwRefused', ['no']);
    await failureOf(failed);
    expect([failed.status, failed.isFinished]).toEqual(['failed', true]);
    const blocker = executor.spawn('holdThread', [2, 3]);
    await until(() => board.at(2) === 1, 'the blocker runs');
    const cancelled = executor.spawn('tick', [4]);
    expect(cancelled.cancel()).toBe(true);
    expect([cancelled.status, cancelled.isFinished]).toEqual(['cancelled', true]);
    board.open(3);
    await bounded(blocker, 'the blocker');
  });
});

describe('tryJoin', () => {
  test('is undefined before the end, then { value }, also for the value undefined', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const blocker = executor.spawn('holdThread', [0, 1]);
    const handle = executor.spawn('nothing', []);
    expect(handle.tryJoin()).toBeUndefined();
    board.open(1);
    await bounded(Promise.all([blocker, handle]), 'both');
    expect(handle.tryJoin()).toEqual({ value: undefined });
    expect(blocker.tryJoin()).toEqual({ value: 0 });
  });

  test("throws the task's error", async () => {
    const executor = await startExecutor();
    const handle = executor.spawn('throwRefused', ['no']);
    await failureOf(handle);
    expect(codeIn(thrownBy(() => handle.tryJoin()))).toBe('E_REFUSED');
    expect(codeIn(thrownBy(() => handle.tryJoin()))).toBe('E_REFUSED');
  });
});

describe('joinTimeout', () => {
  test('an expired wait is TIMEOUT with scope wait, and the task goes on', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const handle = executor.spawn('holdTask', [0, 1]);
    const error = await failureOf(handle.joinTimeout(5));
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_TIMEOUT', scope: 'wait' });
    expect(handle.isFinished).toBe(false);
    expect(await codeOf(handle.joinTimeout(0))).toBe('ERR_MOIRAI_TIMEOUT');
    board.open(1);
    expect(await bounded(handle.joinTimeout(hangMs), 'the task after expired waits')).toBe(0);
    expect(await handle.joinTimeout(0), 'finished already').toBe(0);
  });

  test("rejects with the task's error when that comes first", async () => {
    const executor = await startExecutor();
    expect(await codeOf(executor.spawn('rejectRefused', ['no']).joinTimeout(hangMs))).toBe(
      'E_REFUSED',
    );
  });

  test.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY], ['5'], [undefined]])(
    'INVALID_ARGUMENT for %s',
    async (ms) => {
      const executor = await startExecutor({ threads: 1 });
      const handle = executor.spawn('add', [1, 1]);
      const error = await failureOf(handle.joinTimeout(ms as number));
      expect(error).toMatchObject({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'ms' });
      expect(await handle).toBe(2);
    },
  );
});

describe('joinSync', () => {
  test('gives the result of synchronous and async tasks and throws their errors', async () => {
    const executor = await startExecutor();
    expect(executor.spawn('add', [2, 3]).joinSync(hangMs)).toBe(5);
    expect(executor.spawn('asyncAdd', [2, 3]).joinSync(hangMs)).toBe(5);
    expect(executor.spawn('nothing', []).joinSync()).toBeUndefined();
    const error = thrownBy(() => executor.spawn('rejectRefused', ['no']).joinSync(hangMs));
    expect(codeIn(error)).toBe('E_REFUSED');
  });

  test('can be called again, and when the task is finished', async () => {
    const executor = await startExecutor();
    const handle = executor.spawn('add', [2, 3]);
    expect(handle.joinSync(hangMs)).toBe(5);
    expect(handle.joinSync(0)).toBe(5);
    expect(await handle).toBe(5);
  });

  test('an expired wait is TIMEOUT with scope wait, and the task goes on', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const handle = executor.spawn('holdThread', [0, 1]);
    for (const ms of [0, 5]) {
      const error = thrownBy(() => handle.joinSync(ms));
      expect(error).toMatchObject({ code: 'ERR_MOIRAI_TIMEOUT', scope: 'wait' });
    }
    board.open(1);
    expect(handle.joinSync(hangMs)).toBe(0);
  });

  test('carries arguments and results that need a MessagePort', async () => {
    const executor = await startExecutor();
    const shared = new SharedArrayBuffer(16);
    executor.spawn('writeShared', [shared, 1, 42]).joinSync(hangMs);
    expect(new Int32Array(shared)[1]).toBe(42);
    expect(executor.spawn('moved', [1000]).joinSync(hangMs).buffer.byteLength).toBe(1000);
  });

  test('takes in the results of other tasks meanwhile', async () => {
    const executor = await startExecutor({ threads: 1 });
    const others = Array.from({ length: 100 }, (_, i) => executor.spawn('add', [i, 0]));
    executor.spawn('asyncAdd', [1, 1]).joinSync(hangMs);
    expect(others.every((handle) => handle.isFinished)).toBe(true);
    expect(others.map((handle) => handle.tryJoin()?.value)).toEqual(others.map((_, i) => i));
  });

  test('is WORKER_LOST when the worker dies, and the next task runs on a replacement', async () => {
    const executor = await startExecutor({ threads: 1 });
    for (let i = 0; i < 2; i++) {
      const error = thrownBy(() => executor.spawn('exit', [0]).joinSync(hangMs));
      expect(codeIn(error)).toBe('ERR_MOIRAI_WORKER_LOST');
      expect(executor.spawn('add', [i, 1]).joinSync(hangMs)).toBe(i + 1);
    }
    expect(executor.threads).toBe(1);
  });

  test('replaces one worker after the other within a single wait', async () => {
    const executor = await startExecutor({ threads: 1 });
    const dying = Array.from({ length: 3 }, () => executor.spawn('exit', [1]));
    const last = executor.spawn('add', [1, 2]);
    const codes = Promise.all(dying.map((handle) => codeOf(handle)));
    expect(last.joinSync(hangMs)).toBe(3);
    expect(new Set(await codes)).toEqual(new Set(['ERR_MOIRAI_WORKER_LOST']));
  });

  test('carries values by MessagePort from a worker born within the same wait', async () => {
    const executor = await startExecutor({ threads: 1 });
    const dying = codeOf(executor.spawn('exit', [1]));
    const shared = new SharedArrayBuffer(16);
    const writing = executor.spawn('writeShared', [shared, 2, 5]);
    expect(executor.spawn('moved', [100]).joinSync(hangMs).buffer.byteLength).toBe(100);
    writing.joinSync(hangMs);
    expect(new Int32Array(shared)[2]).toBe(5);
    expect(await dying).toBe('ERR_MOIRAI_WORKER_LOST');
    // The replacement counts as one: its death is noticed too.
    expect(await codeOf(executor.spawn('exit', [1]))).toBe('ERR_MOIRAI_WORKER_LOST');
    expect(await bounded(executor.run.add(1, 1), 'after the second death')).toBe(2);
  });

  test.each([[-1], [Number.NaN], ['5'], [null]])('INVALID_ARGUMENT for %s', async (ms) => {
    const executor = await startExecutor({ threads: 1 });
    const handle = executor.spawn('add', [1, 1]);
    const error = thrownBy(() => handle.joinSync(ms as number));
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'ms' });
    expect(await handle).toBe(2);
  });
});

describe('cancel', () => {
  test('takes a queued task out of its queue: it never runs', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const blocker = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the blocker runs');
    const handles = Array.from({ length: 10 }, (_, i) => executor.spawn('tick', [10 + i]));
    const cancelled = handles.map((handle, i) => (i % 2 === 0 ? handle.cancel() : false));
    expect(cancelled).toEqual(handles.map((_, i) => i % 2 === 0));
    board.open(1);
    await bounded(blocker, 'the blocker');
    for (const [i, handle] of handles.entries()) {
      if (i % 2 === 0) expect(await codeOf(handle)).toBe('ERR_MOIRAI_CANCELLED');
      else expect(await bounded(handle, 'a neighbour')).toBe(0);
    }
    expect(board.counts(10, 10)).toEqual(handles.map((_, i) => i % 2));
    await bounded(executor.idle(), 'idle after cancellation');
    expect(executor.stats().outstanding).toBe(0);
  });

  test('rejects with the reason that was given, whatever it is', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const blocker = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the blocker runs');
    for (const reason of [new Error('enough'), 'a string', null, 0]) {
      const handle = executor.spawn('tick', [2]);
      expect(handle.cancel(reason)).toBe(true);
      expect(handle.status).toBe('cancelled');
      expect(await failureOf(handle)).toBe(reason);
      expect(thrownBy(() => handle.tryJoin())).toBe(reason);
    }
    board.open(1);
    await bounded(blocker, 'the blocker');
    expect(board.at(2)).toBe(0);
  });

  test('is false and does nothing for a task that is finished', async () => {
    const executor = await startExecutor({ threads: 1 });
    const done = executor.spawn('add', [1, 2]);
    expect(await bounded(done, 'the task')).toBe(3);
    expect(done.cancel()).toBe(false);
    const cancelled = executor.spawn('add', [1, 2]);
    cancelled.cancel();
    expect(cancelled.cancel(), 'a second time').toBe(false);
    await cancelled.catch(() => undefined);
  });

  test('gives the place in the queue back', async () => {
    const board = new Board();
    const executor = await startExecutor({
      threads: 1,
      maxQueue: 3,
      workerData: board.workerData,
    });
    const blocker = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the blocker runs');
    for (let round = 0; round < 3; round++) {
      const queued = [executor.spawn('tick', [2]), executor.spawn('tick', [2])];
      expect(codeIn(thrownBy(() => executor.spawn('tick', [2])))).toBe('ERR_MOIRAI_QUEUE_FULL');
      for (const handle of queued) expect(handle.cancel()).toBe(true);
      expect(executor.stats()).toMatchObject({ outstanding: 1, queued: 0 });
    }
    board.open(1);
    await bounded(blocker, 'the blocker');
    expect(board.at(2)).toBe(0);
  });
});

describe('signal', () => {
  test('aborting cancels a queued task with its reason', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const blocker = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the blocker runs');
    const controller = new AbortController();
    const { signal } = controller;
    const handles = [2, 3, 4].map((cell) => executor.spawn('tick', [cell], { signal }));
    const reason = new Error('changed my mind');
    controller.abort(reason);
    for (const handle of handles) {
      expect(handle.status).toBe('cancelled');
      expect(await failureOf(handle)).toBe(reason);
    }
    board.open(1);
    await bounded(blocker, 'the blocker');
    await bounded(executor.idle(), 'idle');
    expect(board.counts(2, 3)).toEqual([0, 0, 0]);
  });

  test('one that is aborted already refuses the task, which costs no place in the queue', async () => {
    const executor = await startExecutor({ threads: 1, maxQueue: 1 });
    for (let i = 0; i < 5; i++) {
      const handle = executor.spawn('add', [1, 1], { signal: AbortSignal.abort() });
      expect(handle.status).toBe('cancelled');
      expect((await failureOf(handle)) as Error).toMatchObject({ name: 'AbortError' });
    }
    expect(await executor.spawn('add', [1, 1])).toBe(2);
  });

  test('does not disturb a task that has begun, nor one that is finished', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const controller = new AbortController();
    const running = executor.spawn('holdThread', [0, 1], { signal: controller.signal });
    const finished = executor.spawn('add', [1, 1], { signal: controller.signal });
    await until(() => board.at(0) === 1, 'the task runs');
    board.open(1);
    await bounded(finished, 'the second');
    controller.abort();
    expect(await bounded(running, 'the first')).toBe(0);
    expect(finished.status).toBe('done');
  });

  test('no listener stays on it when the task is finished', async () => {
    const executor = await startExecutor();
    const { signal } = new AbortController();
    await bounded(
      Promise.all(Array.from({ length: 100 }, () => executor.spawn('nothing', [], { signal }))),
      'tasks with a signal',
    );
    expect(EventEmitter.getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('a failure that nobody looks at', () => {
  test.each([
    ['spawned', 1, /E_REFUSED/u],
    ['run', 1, /E_REFUSED/u],
    ['workerLost', 1, /ERR_MOIRAI_WORKER_LOST/u],
    ['joinedLate', 1, /E_REFUSED/u],
    ['caught', 0, /^$/u],
    ['joinedSync', 0, /^$/u],
    ['afterExpiredWait', 0, /^$/u],
    ['cancelled', 0, /^$/u],
    ['aborted', 0, /^$/u],
    ['closed', 0, /^$/u],
    ['succeeded', 0, /^$/u],
  ])('%s: the process ends with code %i', async (what, code, stderr) => {
    const end = await runProgram('unobserved.mjs', [what]);
    expect({ code: end.code, signal: end.signal }, end.stderr).toEqual({ code, signal: null });
    expect(end.stderr).toMatch(stderr);
  });
});

test('cancelTask ends a task by its number, also one of run', async () => {
  const board = new Board();
  const executor = await startExecutor({ threads: 1, workerData: board.workerData });
  const blocker = executor.spawn('holdThread', [0, 1]);
  await until(() => board.at(0) === 1, 'the blocker runs');
  const handle = executor.spawn('tick', [2]);
  const promise = executor.run.tick(2);
  const known = new Set([blocker.id, handle.id]);
  const other = executor.tasksView('active').find(({ id }) => !known.has(id));
  expect(executor.cancelTask(handle.id, 'by number')).toBe(true);
  expect(executor.cancelTask(other?.id ?? 0)).toBe(true);
  expect(executor.cancelTask(handle.id), 'a second time').toBe(false);
  expect(executor.cancelTask(2 ** 50)).toBe(false);
  expect(await failureOf(handle)).toBe('by number');
  expect(await codeOf(promise)).toBe('ERR_MOIRAI_CANCELLED');
  expect(codeIn(thrownBy(() => executor.cancelTask(-1)))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  board.open(1);
  await bounded(blocker, 'the blocker');
  expect(board.at(2)).toBe(0);
});
