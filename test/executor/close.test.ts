// The end of an executor: what close waits for, what it leaves behind, and executors beside and in others.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Executor } from 'moirai';
import { describe, expect, test } from 'vitest';
import {
  Board,
  bounded,
  codeIn,
  codeOf,
  fixture,
  runNode,
  runProgram,
  startExecutor,
  tasksUrl,
  threadIds,
  thrownBy,
  until,
} from './kit.js';

describe('close', () => {
  test('waits for everything that is outstanding, queued and running', async () => {
    const board = new Board();
    const executor = await startExecutor({ workerData: board.workerData });
    const tasks = Array.from({ length: 50 }, (_, i) => executor.spawn('tickLater', [i, 5]));
    await bounded(executor.close(), 'close');
    expect(tasks.every((handle) => handle.status === 'done')).toBe(true);
    expect(board.counts(0, 50)).toEqual(tasks.map(() => 1));
  });

  test('takes no more tasks from the moment it is called: CLOSED', async () => {
    const executor = await startExecutor();
    const outstanding = executor.spawn('sleepFor', [30, 1]);
    expect(executor.isClosing).toBe(false);
    const closed = executor.close();
    expect(executor.isClosing).toBe(true);
    for (const when of ['while it closes', 'afterwards']) {
      expect(codeIn(thrownBy(() => executor.spawn('add', [1, 1]))), when).toBe('ERR_MOIRAI_CLOSED');
      expect(await codeOf(executor.run.add(1, 1)), when).toBe('ERR_MOIRAI_CLOSED');
      expect(await codeOf(executor.call(() => 1)), when).toBe('ERR_MOIRAI_CLOSED');
      expect(await codeOf(executor.map('identity', [1]).next()), when).toBe('ERR_MOIRAI_CLOSED');
      await bounded(closed, 'close');
    }
    expect(await outstanding).toBe(1);
  });

  test('is idempotent, and what was there can still be asked', async () => {
    const executor = await startExecutor();
    const handle = executor.spawn('add', [1, 2]);
    const first = executor.close();
    expect(executor.close()).toBe(first);
    await bounded(first, 'close');
    await bounded(executor.close(), 'close again');
    await bounded(executor.close({ force: true }), 'close with force afterwards');
    expect(handle.tryJoin()).toEqual({ value: 3 });
    expect(handle.joinSync()).toBe(3);
    expect(await handle).toBe(3);
    expect(executor.threads).toBe(2);
    expect(executor.queued).toBe(0);
    expect(executor.stats()).toMatchObject({ outstanding: 0, queued: 0 });
    await bounded(executor.idle(), 'idle after close');
  });

  test('force ends what runs and what waits with CLOSED; such handles are cancelled', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const running = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the task runs');
    const queued = executor.spawn('tick', [2]);
    await bounded(executor.close({ force: true }), 'close');
    expect([running.status, queued.status]).toEqual(['cancelled', 'cancelled']);
    expect(await codeOf(running)).toBe('ERR_MOIRAI_CLOSED');
    expect(codeIn(thrownBy(() => queued.joinSync()))).toBe('ERR_MOIRAI_CLOSED');
    expect(board.at(2)).toBe(0);
  });

  test('force comes in when a close is already waiting', async () => {
    const executor = await startExecutor();
    const code = codeOf(executor.run.never());
    const closed = executor.close();
    await bounded(executor.close({ force: true }), 'close with force');
    await bounded(closed, 'the first close');
    expect(await code).toBe('ERR_MOIRAI_CLOSED');
  });

  test('a timeout forces when it is over, and leaves alone what ends before', async () => {
    const executor = await startExecutor();
    const never = codeOf(executor.run.never());
    const quick = executor.spawn('add', [1, 2]);
    await bounded(executor.close({ timeout: 30 }), 'close with a timeout');
    expect(await never).toBe('ERR_MOIRAI_CLOSED');
    expect(await quick).toBe(3);
    const other = await startExecutor();
    const slow = other.spawn('sleepFor', [20, 'in time']);
    await bounded(other.close({ timeout: 15_000 }), 'close with a long timeout');
    expect(await slow).toBe('in time');
  });

  test('counts what is queued while it waits', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 1, workerData: board.workerData });
    const running = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'the task runs');
    const queued = [executor.spawn('tick', [2]), executor.spawn('tick', [2])];
    expect(executor.queued).toBe(2);
    const closed = executor.close();
    expect(executor.queued).toBe(2);
    board.open(1);
    await bounded(Promise.all([closed, running, ...queued]), 'close');
    expect(executor.queued).toBe(0);
  });

  test('idle resolves when nothing is outstanding, however often it is asked', async () => {
    const executor = await startExecutor();
    await bounded(executor.idle(), 'idle with nothing');
    const tasks = [executor.spawn('sleepFor', [20]), executor.spawn('throwRefused', ['no'])];
    tasks[1]?.catch(() => undefined);
    await bounded(Promise.all([executor.idle(), executor.idle()]), 'idle');
    expect(tasks.every((handle) => handle.isFinished)).toBe(true);
    expect(executor.stats().outstanding).toBe(0);
  });

  test('await using closes it, as tsc compiles it', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const directory = mkdtempSync(fileURLToPath(new URL('./fixtures/.compiled-', import.meta.url)));
    try {
      execFileSync(process.execPath, [
        `${root}/node_modules/typescript/bin/tsc`,
        '--ignoreConfig',
        '--rootDir',
        fileURLToPath(new URL('./fixtures', import.meta.url)),
        '--outDir',
        directory,
        '--target',
        'es2022',
        '--module',
        'nodenext',
        '--moduleResolution',
        'nodenext',
        '--lib',
        'es2023,esnext.disposable',
        '--types',
        'node',
        '--skipLibCheck',
        '--strict',
        fileURLToPath(fixture('disposed.mts')),
      ]);
      const end = await runNode([`${directory}/disposed.mjs`, tasksUrl.href]);
      expect({ code: end.code, stdout: end.stdout.trim() }, end.stderr).toEqual({
        code: 0,
        stdout: 'false true done',
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('nothing is left behind', () => {
  test('200 lives: threads, descriptors and memory are as before', async () => {
    const end = await runProgram('many-lives.mjs', ['200'], ['--expose-gc']);
    expect({ code: end.code, signal: end.signal }, end.stdout + end.stderr).toEqual({
      code: 0,
      signal: null,
    });
  });

  test('a closed executor has no thread any more', async () => {
    const before = threadIds().length;
    const executor = await startExecutor({ threads: 3 });
    expect(threadIds().length).toBeGreaterThanOrEqual(before + 3);
    await bounded(executor.close(), 'close');
    await until(() => threadIds().length <= before, 'the threads are gone');
  });
});

describe('several', () => {
  test('executors at once, each with its own tasks and data', async () => {
    const boards = Array.from({ length: 4 }, () => new Board());
    const executors = await Promise.all(
      boards.map((board) => startExecutor({ threads: 1, workerData: board.workerData })),
    );
    await bounded(
      Promise.all(
        executors.flatMap((executor, i) =>
          Array.from({ length: 100 + i }, () => executor.run.tick(0)),
        ),
      ),
      'tasks of four executors',
    );
    expect(boards.map((board) => board.at(0))).toEqual([100, 101, 102, 103]);
    await bounded(executors[0]?.close() ?? Promise.resolve(), 'closing one');
    expect(await executors[1]?.run.add(1, 1)).toBe(2);
  });

  test('an executor inside a task of another, awaited and by joinSync', async () => {
    const outer = await startExecutor({ threads: 1, tasks: fixture('nested.mjs') });
    const untyped = outer as unknown as Executor;
    expect(await bounded(untyped.spawn('awaited', [5]), 'nested, awaited')).toBe(10);
    expect(await bounded(untyped.spawn('blocking', [5]), 'nested, joinSync')).toBe(10);
    expect(await bounded(untyped.spawn('leftOpen', [5]), 'nested, never closed')).toBe(10);
    await bounded(outer.close(), 'closing the outer one');
  });

  test('an executor that a Worker thread owns, closed or not before that ends', async () => {
    const end = await runProgram('owned-by-worker.mjs');
    expect({ code: end.code, stdout: end.stdout.trim() }, end.stderr).toEqual({
      code: 0,
      stdout: 'closed 42\nleft open 42\nterminated',
    });
  });
});
