// Ticks: when they are due, in which order, what becomes of late ones. Times of the clock are not
// asserted, only those on the grid.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { RealtimeContext, RtConstraints, type MoiraiError } from 'moirai';
import type * as conversing from './fixtures/conversing.mjs';
import type * as sequence from './fixtures/sequence.mjs';
import { Notes, start, ticks, until } from './threads.js';

const modes = ['exclusive', 'cooperative'] as const;

/** Steps from one expected time to the next, in periods. */
function steps(expected: readonly number[], periodUs: number): number[] {
  return expected.slice(1).map((us, i) => (us - (expected[i] ?? 0)) / periodUs);
}

describe.each(modes)('%s', (mode) => {
  test('expected times are on the grid, and no tick comes before its own', async () => {
    const notes = new Notes();
    await using rt = await start({ mode, workerData: notes.memory });
    const task = rt.periodic('note', { periodUs: 1000, phaseUs: 250 });
    await ticks(task, 300);
    await task.stop();
    const { expected, actual } = notes;
    expect(expected.length).toBe(task.stats().ticks);
    expect(expected.every((us) => us % 1000 === 250)).toBe(true);
    expect(actual.every((us, i) => us >= (expected[i] ?? Infinity))).toBe(true);
    expect(Math.min(...steps(expected, 1000))).toBeGreaterThanOrEqual(1);
  });

  test.each([
    [1000, 500],
    [3000, 500],
    [400, 200],
  ])('releases of a period of %i µs are %i µs after its multiples', async (periodUs, phaseUs) => {
    const notes = new Notes();
    await using rt = await start({ mode, workerData: notes.memory });
    const task = rt.periodic('note', { periodUs });
    await ticks(task, 20);
    await task.stop();
    expect(notes.expected.length).toBe(task.stats().ticks);
    expect(notes.expected.every((us) => us % periodUs === phaseUs)).toBe(true);
  });

  test('a thread that wakes early ticks not before the release', async () => {
    const notes = new Notes();
    await using rt = await start({ mode, spinUs: 100, workerData: notes.memory });
    const task = rt.periodic('note', { periodUs: 1000 });
    await ticks(task, 300);
    await task.stop();
    const { expected, actual } = notes;
    expect(expected.length).toBe(task.stats().ticks);
    expect(actual.every((us, i) => us >= (expected[i] ?? Infinity))).toBe(true);
    expect(Math.min(...steps(expected, 1000))).toBeGreaterThanOrEqual(1);
  });

  test('figures are those of the ticks, and stay when the task is over', async () => {
    await using rt = await start({ mode });
    const task = rt.periodic('nothing', { periodUs: 500 });
    await ticks(task, 100);
    await task.stop();
    const stats = task.stats();
    const { ticks: count, wakeup, execution, response, period } = stats;
    expect(stats.state).toBe('stopped');
    expect([wakeup.count, execution.count, response.count]).toEqual([count, count, count]);
    expect(period.count).toBe(count - 1);
    expect(response.min).toBeGreaterThanOrEqual(wakeup.min);
    // The slot is used again, and the old figures are not.
    const next = rt.periodic('nothing', { periodUs: 50_000 });
    await ticks(next, 2);
    expect(next.stats().ticks).toBeLessThan(count);
    expect(task.stats().ticks).toBe(count);
  });

  test('an overrun goes on with the next aligned tick', async () => {
    const notes = new Notes();
    await using rt = await start({ mode, workerData: notes.memory });
    const task = rt.periodic('sometimesLong', { periodUs: 1000 });
    await ticks(task, 26);
    await task.stop();
    const jumps = steps(notes.expected, 1000);
    expect(jumps.every((jump) => Number.isInteger(jump) && jump >= 1)).toBe(true);
    for (let i = 4; i < 25; i += 5) expect(jumps[i]).toBeGreaterThanOrEqual(3);
    const { skipped, overruns, misses } = task.stats();
    // And perhaps some after the last one.
    expect(skipped).toBeGreaterThanOrEqual(jumps.reduce((sum, jump) => sum + jump - 1, 0));
    expect(overruns).toBeGreaterThanOrEqual(5);
    expect(misses).toBeGreaterThanOrEqual(5);
  });

  test('catching up leaves no release out', async () => {
    const notes = new Notes();
    await using rt = await start({ mode, workerData: notes.memory });
    const options = { periodUs: 1000, onOverrun: 'catch-up', maxCatchUp: 1e6 } as const;
    const task = rt.periodic('sometimesLong', options);
    await ticks(task, 31);
    await task.stop();
    expect(new Set(steps(notes.expected, 1000))).toEqual(new Set([1]));
    expect(task.stats().skipped).toBe(0);
  });

  test('catching up has a bound', async () => {
    const notes = new Notes();
    await using rt = await start({ mode, workerData: notes.memory });
    const options = { periodUs: 500, onOverrun: 'catch-up', maxCatchUp: 1 } as const;
    const task = rt.periodic('alwaysLong', options);
    await ticks(task, 10);
    await task.stop();
    expect(Math.max(...steps(notes.expected, 500))).toBeGreaterThanOrEqual(3);
    expect(task.stats().skipped).toBeGreaterThan(0);
  });

  test('stop ends the task with its first overrun', async () => {
    await using rt = await start({ mode });
    const error = await new Promise<unknown>((resolve) => {
      rt.periodic('alwaysLong', { periodUs: 1000, onOverrun: 'stop', onError: resolve });
    });
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_DEADLINE_MISSED' });
  });

  test('more than m misses in k end the task', async () => {
    await using rt = await start({ mode });
    let error: unknown;
    const task = rt.periodic('alwaysLong', {
      periodUs: 10_000,
      deadlineUs: 1000,
      maxMisses: { m: 2, k: 4 },
      onError: (reason) => (error = reason),
    });
    await until(() => error !== undefined);
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_DEADLINE_MISSED' });
    const { state, misses, skipped } = task.stats();
    expect(state).toBe('failed');
    // A release that passed while the thread had no CPU is a miss, too.
    expect(misses).toBeLessThanOrEqual(3);
    expect(misses + skipped).toBeGreaterThanOrEqual(3);
    await task.stop();
  });

  test('each miss is told, with where the time went', async () => {
    await using rt = await start({ mode });
    const late: string[] = [];
    const task = rt.periodic('alwaysLong', {
      periodUs: 10_000,
      deadlineUs: 1000,
      onMiss: (miss) => late.push(...miss.causes),
    });
    await ticks(task, 5);
    await task.stop();
    const { misses, causes, lastMisses } = task.stats();
    expect(misses).toBe(task.stats().ticks);
    expect(Object.values(causes).reduce((sum, count) => sum + count, 0)).toBe(misses);
    expect(late).toContain('long-tick');
    expect(lastMisses.at(-1)).toMatchObject({ task: 'alwaysLong', tick: misses });
    expect(lastMisses.every(({ lateUs }) => lateUs > 0)).toBe(true);
  });

  test('messages and timers of the module go on', async () => {
    const { port1, port2 } = new MessageChannel();
    await using rt = await startWith<typeof conversing>('conversing', mode, port2);
    const task = rt.periodic('count', { periodUs: 1000 });
    await ticks(task, 200);
    const answer = await new Promise<Record<string, unknown>>((resolve) => {
      port1.once('message', resolve);
      port1.postMessage('there?');
    });
    expect(answer).toMatchObject({ message: 'there?' });
    expect(answer['ticks']).toBeGreaterThanOrEqual(200);
    expect(answer['timers']).toBeGreaterThan(0);
    port1.close();
  });

  test.each([
    ['the earliest deadline', RtConstraints.fifo(2), 2],
    ['the shortest period', RtConstraints.rateMonotonic(1000), 1],
  ])('of two that are due %s goes first', async (_, policy, first) => {
    const memory = new SharedArrayBuffer(8 * 8001);
    const url = new URL('./fixtures/sequence.mjs', import.meta.url);
    const options = { tasks: url, policy, mode, required: false, workerData: memory };
    await using rt = await RealtimeContext.start<typeof sequence>(options);
    const fast = rt.periodic('fast', { periodUs: 1000 });
    const slow = rt.periodic('slow', { periodUs: 2000, deadlineUs: 500 });
    await ticks(slow, 100);
    await Promise.all([fast.stop(), slow.stop()]);
    const [count = 0, ...seen] = new Float64Array(memory);
    const orders = new Map<number, number[]>();
    for (let i = 0; i < count; i++) {
      const [who = 0, expected = 0] = seen.slice(2 * i, 2 * i + 2);
      orders.set(expected, [...(orders.get(expected) ?? []), who]);
    }
    const both = [...orders.values()].filter(({ length }) => length === 2);
    expect(both.length).toBeGreaterThan(50);
    expect(new Set(both.map(([who]) => who))).toEqual(new Set([first]));
  });
});

async function startWith<M extends object>(
  name: string,
  mode: (typeof modes)[number],
  port: MessagePort,
): Promise<RealtimeContext<M>> {
  const tasks = new URL(`./fixtures/${name}.mjs`, import.meta.url);
  const policy = RtConstraints.fifo(2);
  const workerData = port as unknown;
  return RealtimeContext.start<M>({
    tasks,
    policy,
    mode,
    required: false,
    workerData,
    transferList: [port],
  });
}

test('tasks are admitted while all of them can keep their deadlines', async () => {
  await using rt = await start();
  rt.periodic('nothing', { periodUs: 1000, wcetUs: 400 });
  const heavy = (): unknown => rt.periodic('nothing', { periodUs: 2000, wcetUs: 1300 });
  expect(heavy).toThrow(
    expect.objectContaining<Partial<MoiraiError>>({ code: 'ERR_MOIRAI_NOT_SCHEDULABLE' }),
  );
  // Without a cost nothing can be said.
  const free = rt.periodic('nothing', { periodUs: 2000 });
  await ticks(free, 3);
});

test('there are up to sixteen tasks at a time', async () => {
  await using rt = await start();
  const tasks = Array.from({ length: 16 }, () => rt.periodic('nothing', { periodUs: 20_000 }));
  expect(() => rt.periodic('nothing', { periodUs: 20_000 })).toThrow(
    expect.objectContaining<Partial<MoiraiError>>({ code: 'ERR_MOIRAI_QUEUE_FULL' }),
  );
  await tasks[5]?.stop();
  await ticks(rt.periodic('nothing', { periodUs: 20_000 }), 1);
});
