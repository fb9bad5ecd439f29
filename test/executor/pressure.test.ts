// A full executor: refusal, waiting, its events, queues of the user's own, and endless sources.
import type { QueuedTask } from 'moirai';
import { describe, expect, test } from 'vitest';
import {
  Board,
  bounded,
  codeIn,
  codeOf,
  failureOf,
  startExecutor,
  thrownBy,
  until,
} from './kit.js';

describe("onFull: 'wait'", () => {
  test('spawn stays synchronous, tasks are admitted in order and run once', async () => {
    const board = new Board();
    const executor = await startExecutor({
      threads: 1,
      maxQueue: 4,
      onFull: 'wait',
      workerData: board.workerData,
    });
    const total = 500;
    const order: number[] = [];
    const handles = Array.from({ length: total }, (_, i) => executor.spawn('identity', [i]));
    expect(handles.every((handle) => handle.status !== 'done')).toBe(true);
    expect(handles.at(-1)?.status).toBe('queued');
    expect(executor.stats().outstanding).toBe(total);
    for (const handle of handles) void handle.then((i) => order.push(i as number));
    await bounded(executor.idle(), 'idle');
    expect(order).toEqual(Array.from({ length: total }, (_, i) => i));
  });

  test('arguments are taken as they are at the call, whatever kind they are', async () => {
    const executor = await startExecutor({ threads: 1, maxQueue: 1, onFull: 'wait' });
    const list = [1];
    const moved = new ArrayBuffer(8);
    const shared = new SharedArrayBuffer(8);
    const blocker = executor.spawn('sleepFor', [20, 0]);
    const copied = executor.spawn('identity', [list]);
    list.push(2);
    const byMove = executor.spawn('byteLength', [moved], { transfer: [moved] });
    expect(moved.byteLength, 'it has left already').toBe(0);
    const byMessage = executor.spawn('writeShared', [shared, 1, 7]);
    const large = executor.spawn('textLength', ['x'.repeat(100_000)]);
    expect(codeIn(thrownBy(() => executor.spawn('identity', [() => 1])))).toBe(
      'ERR_MOIRAI_NOT_SERIALIZABLE',
    );
    await bounded(blocker, 'the blocker');
    expect(await bounded(copied, 'copied')).toEqual([1]);
    expect(await bounded(byMove, 'moved')).toBe(8);
    await bounded(byMessage, 'by message');
    expect(new Int32Array(shared)[1]).toBe(7);
    expect(await bounded(large, 'large')).toBe(100_000);
  });

  test('one that waits can be cancelled, by handle and by signal', async () => {
    const board = new Board();
    const executor = await startExecutor({
      threads: 1,
      maxQueue: 1,
      onFull: 'wait',
      workerData: board.workerData,
    });
    const blocker = executor.spawn('holdThread', [0, 1]);
    const controller = new AbortController();
    const cancelled = executor.spawn('tick', [2]);
    const aborted = executor.spawn('tick', [2], { signal: controller.signal });
    const kept = executor.spawn('tick', [3]);
    expect(cancelled.cancel('not this one')).toBe(true);
    controller.abort('nor this one');
    expect(await failureOf(cancelled)).toBe('not this one');
    expect(await failureOf(aborted)).toBe('nor this one');
    board.open(1);
    await bounded(Promise.all([blocker, kept]), 'the others');
    expect(board.counts(2, 2)).toEqual([0, 1]);
  });

  test.each([
    [true, 'ERR_MOIRAI_CLOSED'],
    [false, 'ran'],
  ])('closing with force: %s, they all end with %s', async (force, end) => {
    const executor = await startExecutor({ threads: 1, maxQueue: 2, onFull: 'wait' });
    const handles = Array.from({ length: 50 }, () => executor.spawn('sleepFor', [1, 'ran']));
    const outcomes = Promise.allSettled(handles);
    await bounded(executor.close({ force }), 'close');
    const ends = (await outcomes).map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value : codeIn(outcome.reason),
    );
    expect(new Set(ends)).toEqual(new Set([end]));
  });

  test('a worker that dies loses none of those who wait', async () => {
    const executor = await startExecutor({ threads: 1, maxQueue: 2, onFull: 'wait' });
    const outcomes = Array.from({ length: 40 }, (_, i) =>
      i % 10 === 3
        ? codeOf(executor.spawn('exit', [1]))
        : bounded(executor.spawn('identity', [i]), `task ${i}`),
    );
    expect(await Promise.all(outcomes)).toEqual(
      Array.from({ length: 40 }, (_, i) => (i % 10 === 3 ? 'ERR_MOIRAI_WORKER_LOST' : i)),
    );
  });
});

test.each(['reject', 'wait'] as const)(
  'needsDrain when the last place is taken, drain when half are free again: %s',
  async (onFull) => {
    const executor = await startExecutor({ threads: 1, maxQueue: 8, onFull });
    const events: string[] = [];
    executor.on('needsDrain', () => events.push('needsDrain'));
    executor.on('drain', () => events.push(`drain ${executor.stats().outstanding <= 4}`));
    const handles = Array.from({ length: 8 }, () => executor.spawn('sleepFor', [5, 0]));
    await bounded(Promise.all(handles), 'all');
    await until(() => events.length >= 2, 'both events');
    expect(events).toEqual(['needsDrain', 'drain true']);
  },
);

test('map over an endless source, in bounded memory, until it is left', async () => {
  const executor = await startExecutor({ threads: 2, maxQueue: 16, onFull: 'wait' });
  let pulled = 0;
  function* endless(): Generator<number> {
    for (;;) yield pulled++;
  }
  let seen = 0;
  for await (const value of executor.map('identity', endless(), { concurrency: 8 })) {
    expect(value).toBe(seen++);
    expect(pulled - seen).toBeLessThanOrEqual(8);
    if (seen === 20_000) break;
  }
  await bounded(executor.idle(), 'idle');
});

describe('a queue of the user', () => {
  test('decides the order', async () => {
    const board = new Board();
    const stack: QueuedTask[] = [];
    const executor = await startExecutor({
      threads: 1,
      workerData: board.workerData,
      queue: { push: (task) => void stack.push(task), shift: () => stack.pop() },
    });
    const blockers = [executor.spawn('holdThread', [0, 1]), executor.spawn('holdThread', [0, 1])];
    const order: unknown[] = [];
    const handles = Array.from({ length: 20 }, (_, i) => {
      const handle = executor.spawn('identity', [i], { priority: 'low' });
      handle.then(
        (value) => order.push(value),
        () => undefined,
      );
      return handle;
    });
    expect(stack).toHaveLength(20);
    expect(stack[0]).toMatchObject({
      id: handles[0]?.id,
      name: 'identity',
      priority: 'low',
      args: [0],
    });
    expect(handles[7]?.cancel()).toBe(true);
    board.open(1);
    await bounded(Promise.all(blockers), 'the blockers');
    await bounded(executor.idle(), 'idle');
    await expect(handles[7]).rejects.toMatchObject({ code: 'ERR_MOIRAI_CANCELLED' });
    expect(order).toEqual(
      Array.from({ length: 20 }, (_, i) => 19 - i).filter((value) => value !== 7),
    );
  });

  test('one that gives what it was not given ends the executor with an error', async () => {
    const executor = await startExecutor({
      threads: 1,
      queue: { push: () => undefined, shift: () => ({ id: 1 }) as unknown as QueuedTask },
    });
    executor.on('error', () => undefined);
    expect(await codeOf(executor.spawn('nothing', []))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    await bounded(executor.close(), 'close');
  });
});
