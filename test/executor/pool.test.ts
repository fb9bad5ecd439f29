// How many workers there are: fixed, elastic, resized, and those that blocking tasks have.
import { fileURLToPath } from 'node:url';
import type { ExecutorOptions, QueuedTask } from 'moirai';
import { topology } from 'moirai';
import { describe, expect, test } from 'vitest';
import {
  Board,
  bounded,
  codeOf,
  cpusAllowed,
  fixture,
  runNode,
  sleep,
  startExecutor,
  threadIds,
  until,
} from './kit.js';

async function start(options: ExecutorOptions) {
  const board = new Board();
  const executor = await startExecutor({
    threads: undefined,
    workerData: board.workerData,
    ...options,
  });
  return { board, executor };
}

describe('an elastic pool', () => {
  test('grows while tasks wait and all are busy, and shrinks when they are idle', async () => {
    const { board, executor } = await start({ minThreads: 1, maxThreads: 4, idleTimeout: 50 });
    const events: string[] = [];
    executor.on('workerCreate', (worker) => events.push(`create ${worker}`));
    executor.on('workerDestroy', (worker) => events.push(`destroy ${worker}`));
    expect(executor.threads).toBe(1);
    const blockers = Array.from({ length: 4 }, () => executor.spawn('holdThread', [0, 1]));
    await until(() => board.at(0) === 4, 'all four run at a time');
    expect(executor.threads).toBe(4);
    board.open(1);
    const workers = await bounded(Promise.all(blockers), 'the blockers');
    expect(new Set(workers).size).toBe(4);
    await until(() => executor.threads === 1, 'three are sent home');
    await until(() => events.length === 6, 'all of it is told');
    expect(events.filter((event) => event.startsWith('destroy'))).toHaveLength(3);
    expect(await bounded(executor.run.add(1, 2), 'a task on the last one')).toBe(3);
  });

  test('does not grow for tasks that only wait', async () => {
    const { board, executor } = await start({ minThreads: 1, maxThreads: 8 });
    const waiting = Array.from({ length: 50 }, () => executor.spawn('holdTask', [0, 1]));
    await until(() => board.at(0) === 50, 'all have begun');
    // Slow as this machine may be, some may have waited for a worker so long that there is another.
    const before = executor.threads;
    await sleep(100);
    expect(executor.threads).toBe(before);
    board.open(1);
    await bounded(Promise.all(waiting), 'all');
  });

  test('loses no task and runs none twice while it breathes', async () => {
    const { board, executor } = await start({ minThreads: 1, maxThreads: 3, idleTimeout: 1 });
    for (let round = 0; round < 20; round++) {
      const tasks = Array.from({ length: 30 }, (_, i) =>
        i % 10 === 0 ? executor.run.busy(3) : executor.run.tick(100 + round * 30 + i),
      );
      await bounded(Promise.all(tasks), `round ${round}`);
      await new Promise((resolve) => {
        setTimeout(resolve, round % 4);
      });
    }
    const expected = Array.from({ length: 600 }, (_, i) => (i % 10 === 0 ? 0 : 1));
    expect(board.counts(100, 600)).toEqual(expected);
  });
});

describe('resize', () => {
  test('up and down, also beyond what there was at the start', async () => {
    const { board, executor } = await start({ threads: 1 });
    await bounded(executor.resize(5), 'resize');
    expect(executor.threads).toBe(5);
    const blockers = Array.from({ length: 5 }, () => executor.spawn('holdThread', [0, 1]));
    await until(() => board.at(0) === 5, 'all run at a time');
    await bounded(executor.resize(2), 'resize while all are busy');
    expect(executor.threads).toBe(2);
    board.open(1);
    await bounded(Promise.all(blockers), 'those that were running');
    expect(await bounded(executor.run.add(1, 2), 'a task on those that stayed')).toBe(3);
    const before = threadIds().length;
    await bounded(executor.resize(1), 'resize');
    await until(() => threadIds().length < before, 'the thread is gone');
    expect(executor.threads).toBe(1);
  });

  test('calls that overlap: the last one counts', async () => {
    const { executor } = await start({ threads: 2 });
    const sizes = [4, 1, 3, 1, 4, 2];
    await bounded(Promise.all(sizes.map((size) => executor.resize(size))), 'all');
    expect(executor.threads).toBe(2);
    await bounded(
      Promise.all(Array.from({ length: 100 }, (_, i) => executor.run.add(i, 1))),
      'tasks',
    );
  });

  test('keeps the process alive until it has resolved, with no task outstanding', async () => {
    const { code, stdout, stderr } = await runNode([fileURLToPath(fixture('resizes.mjs'))]);
    expect([code, stdout], stderr).toEqual([0, '2\n']);
  });

  test('racing cancel, tasks and close: everything settles', async () => {
    const { executor } = await start({ threads: 2 });
    const outcomes: Promise<unknown>[] = [];
    for (let i = 0; i < 300; i++) {
      const handle = executor.spawn('asyncAdd', [i, 1]);
      outcomes.push(
        handle.then(
          () => 'done',
          () => 'cancelled',
        ),
      );
      if (i % 7 === 0) handle.cancel();
      if (i % 50 === 0) executor.resize(1 + (i % 4)).catch(() => undefined);
    }
    const closing = executor.close();
    expect(await codeOf(executor.resize(3))).toBe('ERR_MOIRAI_CLOSED');
    const ends = await bounded(Promise.all(outcomes), 'every task');
    expect(ends.every((end) => end === 'done' || end === 'cancelled')).toBe(true);
    await bounded(closing, 'close');
  });
});

describe('blocking tasks', () => {
  test.each(['wait', 'own queue'])(
    'get a worker also after waiting for a slot: %s',
    async (how) => {
      const waiting: QueuedTask[] = [];
      const queue = {
        push: (task: QueuedTask) => waiting.push(task),
        shift: () => waiting.shift(),
      };
      const { executor } = await start({
        threads: 1,
        ...(how === 'wait' ? { onFull: 'wait', maxQueue: 2 } : { queue }),
      } as const);
      const tasks = Array.from({ length: 20 }, (_, i) =>
        executor.spawn('busy', [1], { blocking: i >= 10 }),
      );
      await bounded(Promise.all(tasks), 'all');
    },
  );

  test('are not left waiting for a worker that is just being sent home', async () => {
    const { executor } = await start({ threads: 1, idleTimeout: 2, blockingThreads: 1 });
    for (let round = 0; round < 60; round++) {
      await bounded(executor.spawn('busy', [0], { blocking: true }), `round ${round}`, 20_000);
      const end = performance.now() + 1.5 + (round % 30) / 10;
      await new Promise((resolve) => {
        setImmediate(function look() {
          if (performance.now() < end) setImmediate(look);
          else resolve(undefined);
        });
      });
    }
  });

  test('run beside the others, which they do not hold up', async () => {
    const { board, executor } = await start({ threads: 1, blockingThreads: 3, idleTimeout: 30 });
    const blocked = Array.from({ length: 3 }, () =>
      executor.spawn('holdThread', [0, 1], { blocking: true }),
    );
    const fourth = executor.spawn('tick', [2], { blocking: true });
    await until(() => board.at(0) === 3, 'three block their threads');
    expect(executor.threads, 'they are no part of the pool').toBe(1);
    expect(await bounded(executor.run.add(1, 2), 'another task')).toBe(3);
    expect(fourth.status).toBe('queued');
    board.open(1);
    await bounded(Promise.all([...blocked, fourth]), 'the blocking ones');
    expect(board.at(2)).toBe(1);
    await until(() => threadIds().length > 0 && executor.stats().workers.length <= 4, 'they end');
  });

  test('take one at a time, in their order, and end when idle', async () => {
    const { executor } = await start({ threads: 1, blockingThreads: 1, idleTimeout: 20 });
    const order: unknown[] = [];
    const handles = [3, 1, 2].map((value) => {
      const handle = executor.spawn('identity', [value], { blocking: true });
      void handle.then((given) => order.push(given));
      return handle;
    });
    await bounded(Promise.all(handles), 'all');
    expect(order).toEqual([3, 1, 2]);
    const before = threadIds().length;
    await until(() => threadIds().length < before, 'its thread is gone');
    const again = executor.spawn('identity', [4], { blocking: true });
    expect(await bounded(again, 'a new one')).toBe(4);
  });

  test('one that ends its worker, and forced cancel of one', async () => {
    const { board, executor } = await start({ threads: 1, blockingThreads: 2 });
    expect(await codeOf(executor.spawn('exit', [1], { blocking: true }))).toBe(
      'ERR_MOIRAI_WORKER_LOST',
    );
    const endless = executor.spawn('spinForever', [], { blocking: true, timeout: 20, grace: 5 });
    expect(await codeOf(endless)).toBe('ERR_MOIRAI_TIMEOUT');
    expect(await bounded(executor.spawn('tick', [3], { blocking: true }), 'another')).toBe(0);
    expect(board.at(3)).toBe(1);
  });
});

describe('a placement of the user', () => {
  test('decides the CPUs of each worker', async () => {
    const cpu = topology().allowed[0] ?? 0;
    const asked: number[] = [];
    const { executor } = await start({
      threads: 2,
      placement: {
        place: (machine, workers) => {
          asked.push(workers);
          return Array.from({ length: workers }, (_, i) => ({
            cpus: i === 0 ? [cpu] : machine.allowed,
          }));
        },
      },
    });
    expect(asked).toEqual([2]);
    const seen = new Map<number, string>();
    await until(() => {
      executor.run.whereAmI().then(
        ({ worker, cpus }) => seen.set(worker, cpus),
        () => undefined, // asked once too often: the executor is being closed
      );
      return seen.size === 2;
    }, 'both workers have answered');
    expect(seen.get(0)).toBe(String(cpu));
    expect(seen.get(1)).toBe(cpusAllowed('self'));
  });

  test.each([
    ['too few places', () => []],
    ['no such CPU', () => [{ cpus: [9999] }, {}]],
    ['no such node', () => [{ node: 999 }, {}]],
  ])('%s: INVALID_ARGUMENT', async (_, place) => {
    expect(await codeOf(start({ threads: 2, placement: { place } }))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
  });
});

describe('strategies of stealing', () => {
  test.each(['none', 'one', 'half', 'quarter', 'adaptive'] as const)(
    '%s: every task runs once, also when a worker dies with tasks it had claimed',
    async (steal) => {
      const { board, executor } = await start({ threads: 2, steal });
      const outcomes = Array.from({ length: 2000 }, (_, i) =>
        i % 500 === 250
          ? codeOf(executor.spawn('exitCounted', [i]))
          : bounded(executor.run.tick(i), `task ${i}`),
      );
      await Promise.all(outcomes);
      expect(board.counts(0, 2000).every((n) => n === 1)).toBe(true);
    },
  );
});
