// A worker that dies: what it had begun fails, everything else runs once, another takes its place.
import { describe, expect, test } from 'vitest';
import {
  Board,
  bounded,
  codeIn,
  codeOf,
  failureOf,
  runProgram,
  startExecutor,
  threadIds,
  until,
} from './kit.js';

const lost = 'ERR_MOIRAI_WORKER_LOST';

describe('tasks that it had begun fail with WORKER_LOST', () => {
  test.each([0, 3])('process.exit(%i)', async (code) => {
    const { run } = await startExecutor({ threads: 1 });
    expect(await codeOf(run.exit(code))).toBe(lost);
    expect(await bounded(run.add(1, 1), 'a task on the replacement')).toBe(2);
  });

  test.each([
    ['throwOutside', 'thrown outside any task'],
    ['rejectOutside', 'rejected unobserved'],
  ] as const)('%s: the cause is the error of the worker', async (name, message) => {
    const { run } = await startExecutor({ threads: 1 });
    const error = (await failureOf(run[name]())) as Error;
    expect(codeIn(error)).toBe(lost);
    expect(error.cause).toBeInstanceOf(RangeError);
    expect((error.cause as Error).message).toBe(message);
    expect(await bounded(run.add(1, 1), 'a task on the replacement')).toBe(2);
  });

  test('out of memory: the cause says so', async () => {
    const { run } = await startExecutor({
      threads: 1,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    });
    const error = (await failureOf(run.allocateForever(), 'out of memory')) as Error;
    expect(codeIn(error)).toBe(lost);
    expect(codeIn(error.cause)).toBe('ERR_WORKER_OUT_OF_MEMORY');
    expect(await bounded(run.add(1, 1), 'a task on the replacement')).toBe(2);
  });

  test('all of its async tasks that wait, and no other', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const waiting = Array.from({ length: 20 }, (_, i) => executor.spawn('holdTask', [i, 100]));
    await until(() => board.counts(0, 20).every((n) => n === 1), 'all wait');
    const dying = executor.spawn('exit', [1]);
    const queued = executor.spawn('add', [1, 1]);
    for (const handle of [...waiting, dying]) expect(await codeOf(handle)).toBe(lost);
    expect(await bounded(queued, 'the queued one')).toBe(2);
  });
});

describe('neighbours that had not begun run exactly once', () => {
  test.each([1, 2, 3])('%i workers, one of which dies now and then', async (threads) => {
    const board = new Board();
    const executor = await startExecutor({ threads, workerData: board.workerData });
    const total = 400;
    const outcomes: Promise<unknown>[] = [];
    for (let i = 0; i < total; i++) {
      const handle =
        i % 100 === 50 ? executor.spawn('exitCounted', [i]) : executor.spawn('tick', [i]);
      outcomes.push(
        handle.then(
          () => 'done',
          (error: unknown) => codeIn(error),
        ),
      );
    }
    const results = await bounded(Promise.all(outcomes), 'every task');
    expect(results).toEqual(
      Array.from({ length: total }, (_, i) => (i % 100 === 50 ? lost : 'done')),
    );
    expect(board.counts(0, total)).toEqual(Array.from({ length: total }, () => 1));
    expect(executor.stats().outstanding).toBe(0);
  });

  test('also those whose arguments go by message', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const shared = new SharedArrayBuffer(1024);
    const blocker = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the worker is busy');
    const dying = executor.spawn('exit', [1]);
    const queued = Array.from({ length: 20 }, (_, i) =>
      executor.spawn('writeShared', [shared, i, i + 1]),
    );
    board.open(1);
    await bounded(blocker, 'the blocker');
    expect(await codeOf(dying)).toBe(lost);
    await bounded(Promise.all(queued), 'tasks by message');
    expect([...new Int32Array(shared).subarray(0, 20)]).toEqual(queued.map((_, i) => i + 1));
  });
});

describe('the replacement', () => {
  test('has the number of the one that was lost, the same data, and keeps the count', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 2, workerData: board.workerData });
    const events: string[] = [];
    executor.on('workerCreate', (worker) => events.push(`create ${worker}`));
    executor.on('workerDestroy', (worker) => events.push(`destroy ${worker}`));
    const threads = threadIds().length;
    for (let i = 0; i < 5; i++) expect(await codeOf(executor.run.exit(1))).toBe(lost);
    await until(() => events.length === 10, 'five deaths and births are told');
    expect(executor.threads).toBe(2);
    await until(() => threadIds().length <= threads, 'as many threads as before');
    for (const kind of ['create', 'destroy']) {
      for (const event of events.filter((one) => one.startsWith(kind))) {
        expect(event).toMatch(/ [01]$/u);
      }
    }
    await bounded(
      Promise.all([executor.run.holdTask(1, 2), Promise.resolve(board.open(2))]),
      'a task with the shared data',
    );
    const { workers } = executor.stats();
    expect(workers.map((each) => each.worker)).toEqual([0, 1]);
  });

  test('is told of as an error event when no task carries the loss', async () => {
    const executor = await startExecutor({ threads: 1 });
    const errors: unknown[] = [];
    executor.on('error', (error) => errors.push(error));
    await bounded(executor.run.throwOutsideWhenIdle(), 'the task');
    await until(() => errors.length === 1, 'an error event');
    expect(codeIn(errors[0])).toBe(lost);
    expect(((errors[0] as Error).cause as Error).message).toBe('thrown by nobody');
    expect(await bounded(executor.run.add(1, 1), 'a task on the replacement')).toBe(2);
    expect(errors).toHaveLength(1);
  });

  test('without a listener it is a warning, and the process goes on', async () => {
    const end = await runProgram('idle-death.mjs');
    expect({ code: end.code, stdout: end.stdout.trim() }, end.stderr).toEqual({
      code: 0,
      stdout: '2',
    });
    expect(end.stderr).toMatch(/worker 0 was lost/u);
  });

  test('dying during close does not hold the close up', async () => {
    const executor = await startExecutor({ threads: 2 });
    const dying = [codeOf(executor.run.exitLater(20)), codeOf(executor.run.exitLater(30))];
    const queued = Array.from({ length: 50 }, (_, i) => executor.run.asyncAdd(i, 1));
    const closed = executor.close();
    expect(await Promise.all(dying)).toEqual([lost, lost]);
    await bounded(Promise.allSettled(queued), 'all others settle');
    await bounded(closed, 'close');
  });
});
