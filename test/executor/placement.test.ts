// How many workers, where they are bound, and what they find there.
/* oxlint-disable vitest/no-conditional-expect -- the condition is part of the promise */
import { availableParallelism } from 'node:os';
import { affinity, topology } from 'moirai';
import { describe, expect, test } from 'vitest';
import { Board, bounded, cpusAllowed, startExecutor, threadIds, until } from './kit.js';

/** One answer of whereAmI from each worker. */
async function whereabouts(threads: number, options: object = {}) {
  const executor = await startExecutor({ threads, ...options });
  const seen = new Map<number, { worker: number; linuxThread: number; cpus: string }>();
  const ask = async () => {
    while (seen.size < threads) {
      const answers = await Promise.all(
        Array.from({ length: 4 * threads }, async () => {
          await executor.run.busy(1);
          return executor.run.whereAmI();
        }),
      );
      for (const answer of answers) seen.set(answer.worker, answer);
    }
  };
  await bounded(ask(), 'every worker answers');
  return [...seen.values()];
}

const mask = () => cpusAllowed('self');
const allowed = () => topology().allowed;

describe('threads', () => {
  test("'cores' and 'cpus' are within what this process may use", async () => {
    const machine = topology();
    const cores = await startExecutor({ threads: 'cores' });
    const cpus = await startExecutor({ threads: 'cpus' });
    expect(cores.threads).toBeGreaterThanOrEqual(1);
    expect(cores.threads).toBeLessThanOrEqual(cpus.threads);
    expect(cpus.threads).toBeLessThanOrEqual(machine.effectiveParallelism);
    expect(cpus.threads).toBeLessThanOrEqual(availableParallelism());
    expect(await cores.run.add(1, 1)).toBe(2);
    expect(await cpus.run.add(1, 1)).toBe(2);
  });

  test('may be more than there are CPUs, and all of them work', async () => {
    const threads = allowed().length + 3;
    const places = await whereabouts(threads);
    expect(places.map((place) => place.worker).sort((a, b) => a - b)).toEqual(
      Array.from({ length: threads }, (_, i) => i),
    );
    expect(new Set(places.map((place) => place.linuxThread)).size).toBe(threads);
  });
});

describe('pin', () => {
  test('cpu: each worker has one CPU, and no two the same while there are enough', async () => {
    const threads = Math.min(2, allowed().length);
    const places = await whereabouts(threads, { pin: 'cpu' });
    for (const place of places) {
      expect(place.cpus).toMatch(/^\d+$/u);
      expect(allowed()).toContain(Number(place.cpus));
      expect(cpusAllowed(place.linuxThread)).toBe(place.cpus);
    }
    expect(new Set(places.map((place) => place.cpus)).size).toBe(threads);
  });

  test('core: each worker has the CPUs of one core', async () => {
    const [place] = await whereabouts(1, { pin: 'core' });
    const cpus = expand(place?.cpus ?? '');
    const cores = topology().cores.map((core) =>
      core.cpus.filter((cpu) => allowed().includes(cpu)),
    );
    expect(cores).toContainEqual(cpus);
  });

  test('node: each worker has the CPUs of one node that this process may use', async () => {
    const [place] = await whereabouts(1, { pin: 'node' });
    const nodes = topology().nodes.map((node) =>
      node.cpus.filter((cpu) => allowed().includes(cpu)),
    );
    expect(nodes).toContainEqual(expand(place?.cpus ?? ''));
  });

  test('none: each worker has all that this process may use', async () => {
    for (const place of await whereabouts(2, { pin: 'none' })) expect(place.cpus).toBe(mask());
  });

  test.each(['cpu', 'core', 'node', 'none'] as const)(
    '%s leaves the mask of this thread and of the pool of libuv alone',
    async (pin) => {
      const before = mask();
      const threads = new Set(threadIds());
      await startExecutor({ threads: 2, pin });
      expect(mask()).toBe(before);
      expect(affinity.get()).toEqual(allowed());
      const { readFile } = await import('node:fs/promises');
      await Promise.all(Array.from({ length: 16 }, () => readFile('/proc/self/stat')));
      for (const thread of threads) {
        if (threadIds().includes(thread)) expect(cpusAllowed(thread)).toBe(before);
      }
      // Only the two workers, and what V8 makes for them, may be bound.
      const bound = threadIds().filter((thread) => cpusAllowed(thread) !== before);
      expect(bound.length).toBeLessThanOrEqual(pin === 'none' ? 0 : 2);
    },
  );

  test('a replacement is bound as the one before', async () => {
    const executor = await startExecutor({ threads: 1, pin: 'cpu' });
    const before = await executor.run.whereAmI();
    await executor.run.exit(1).catch(() => undefined);
    const after = await bounded(executor.run.whereAmI(), 'the replacement');
    expect(after.linuxThread).not.toBe(before.linuxThread);
    expect(after.cpus).toBe(before.cpus);
  });

  function expand(list: string): number[] {
    return list.split(',').flatMap((range) => {
      const [from = 0, to = from] = range.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
  }
});

describe('what workers find', () => {
  test('workerData, in moirai/worker and in node:worker_threads', async () => {
    const data = { name: 'config', list: [1, 2, 3], shared: new SharedArrayBuffer(8) };
    const { run } = await startExecutor({ threads: 1, workerData: data });
    const { own, thread } = await run.dataSeen();
    expect(own).toMatchObject({ name: 'config', list: [1, 2, 3] });
    expect(thread).toEqual(own);
    const bare = await startExecutor({ threads: 1 });
    expect((await bare.run.dataSeen()).own).toBeUndefined();
  });

  test('env, argv and execArgv', async () => {
    const { run } = await startExecutor({
      threads: 1,
      env: { MINE: 'yes' },
      argv: ['--one', 2],
      execArgv: ['--no-warnings'],
    });
    expect(await run.environment()).toEqual({
      env: { MINE: 'yes' },
      argv: ['--one', '2'],
      execArgv: ['--no-warnings'],
    });
    const plain = await startExecutor({ threads: 1 });
    expect((await plain.run.environment()).env['PATH']).toBe(process.env['PATH']);
  });

  test('a name is accepted, and nodes that there are', async () => {
    const node = topology().nodes.find((each) => each.cpus.some((cpu) => allowed().includes(cpu)));
    const executor = await startExecutor({ name: 'hashers', nodes: [node?.id ?? 0] });
    expect(await executor.run.add(1, 1)).toBe(2);
    expect(await executor.spawn('add', [1, 1], { node: node?.id ?? 0 })).toBe(2);
    expect(await executor.spawn('add', [1, 1], { node: 900 }), 'a hint, not an order').toBe(2);
  });

  test('spinUs 0 never spins and loses nothing', async () => {
    const { run } = await startExecutor({ spinUs: 0 });
    for (let i = 0; i < 200; i++) expect(await bounded(run.add(i, 1), 'a task')).toBe(i + 1);
  });
});

describe('concurrency', () => {
  test('one worker has no more async tasks running than it says, by memory or by message', async () => {
    const board = new Board();
    const executor = await startExecutor({
      threads: 1,
      concurrency: 3,
      workerData: board.workerData,
    });
    await bounded(
      Promise.all(Array.from({ length: 30 }, () => executor.run.crowd(0, 1, 2))),
      'thirty tasks',
    );
    expect(board.at(1)).toBe(3);
    const shared = new SharedArrayBuffer(8);
    await bounded(
      Promise.all(
        Array.from({ length: 30 }, () => executor.run.crowdOf({ now: 2, most: 3, shared })),
      ),
      'thirty tasks by message',
    );
    expect(board.at(3)).toBeLessThanOrEqual(3);
  });

  test('others take over what a saturated worker leaves', async () => {
    const board = new Board();
    const executor = await startExecutor({
      threads: 2,
      concurrency: 1,
      workerData: board.workerData,
    });
    const held = executor.run.holdTask(0, 1);
    await until(() => board.at(0) === 1, 'one worker is saturated');
    await bounded(
      Promise.all(Array.from({ length: 50 }, (_, i) => executor.run.asyncAdd(i, 0))),
      'the rest, on the other worker',
    );
    board.open(1);
    await bounded(held, 'the held one');
  });

  test('a saturated worker goes on when its task ends', async () => {
    const board = new Board();
    const executor = await startExecutor({
      threads: 1,
      concurrency: 1,
      workerData: board.workerData,
    });
    const held = executor.run.holdTask(0, 1);
    const queued = executor.spawn('add', [1, 1]);
    await until(() => board.at(0) === 1, 'the worker is saturated');
    expect(queued.status).toBe('queued');
    board.open(1);
    expect(await bounded(queued, 'the queued one')).toBe(2);
    await held;
  });
});
