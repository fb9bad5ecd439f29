// In which order tasks run: by priority, by deadline, first come; and nobody starves.
import type { Priority } from 'moirai';
import { describe, expect, test } from 'vitest';
import { Board, bounded, startExecutor, until } from './kit.js';

const priorities: readonly Priority[] = ['critical', 'high', 'normal', 'low', 'idle'];

/** An executor with one worker that is held until `open`. */
async function held() {
  const board = new Board();
  const executor = await startExecutor({ threads: 1, workerData: board.workerData });
  const blocker = executor.spawn('holdThread', [0, 1]);
  await until(() => board.at(0) === 1, 'the worker is held');
  const order: unknown[] = [];
  return {
    board,
    executor,
    order,
    add: (value: string, options: { priority?: Priority; deadline?: number }) => {
      const handle = executor.spawn('identity', [value], options);
      void handle.then((given) => order.push(given));
    },
    open: async () => {
      board.open(1);
      await bounded(blocker, 'the one that held it');
      await bounded(executor.idle(), 'idle');
    },
  };
}

describe('what waits runs', () => {
  test('by priority, first come first served among equals', async () => {
    const { add, open, order } = await held();
    for (const round of [1, 2, 3]) {
      for (const priority of priorities.toReversed()) add(`${priority} ${round}`, { priority });
    }
    await open();
    expect(order).toEqual(
      priorities.flatMap((priority) => [1, 2, 3].map((round) => `${priority} ${round}`)),
    );
  });

  test('the earliest deadline first within its priority, before those without one', async () => {
    const { add, open, order } = await held();
    add('normal, whenever', {});
    add('normal, by 9 s', { deadline: 9000 });
    add('low, by 1 s', { deadline: 1000, priority: 'low' });
    add('normal, by 5 s', { deadline: 5000 });
    add('high, whenever', { priority: 'high' });
    await open();
    expect(order).toEqual([
      'high, whenever',
      'normal, by 5 s',
      'normal, by 9 s',
      'normal, whenever',
      'low, by 1 s',
    ]);
  });
});

test('deadlines met and missed are counted; none ends a task', async () => {
  const { add, executor, open, order } = await held();
  for (let i = 0; i < 5; i++) add('late', { deadline: 0 });
  for (let i = 0; i < 3; i++) add('in time', { deadline: 600_000 });
  await open();
  expect(order).toHaveLength(8);
  expect(executor.stats().deadlines).toEqual({ met: 3, missed: 5 });
});

test('idle tasks are finished under a steady load of critical ones', async () => {
  const executor = await startExecutor({ threads: 1 });
  let critical = 0;
  const load = { on: true };
  const loops = Array.from({ length: 32 }, async () => {
    while (load.on) {
      await executor.spawn('busy', [0.2], { priority: 'critical' });
      critical++;
    }
  });
  const before = critical;
  const others = ['idle', 'low', 'normal', 'high'] as const;
  const waiting = others.map((priority) => executor.spawn('nothing', [], { priority }));
  await bounded(Promise.all(waiting), 'tasks of every other priority');
  expect(critical, 'the load went on').toBeGreaterThan(before);
  load.on = false;
  await bounded(Promise.all(loops), 'the load');
});
