// What goes wrong is said, ends what it must, and nothing else.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { RealtimeContext, RtConstraints } from 'moirai';
import { loopsUrl, start, ticks, until } from './threads.js';

const modes = ['exclusive', 'cooperative'] as const;

describe.each(modes)('%s', (mode) => {
  test('a tick that throws ends its task and no other', async () => {
    await using rt = await start({ mode });
    const other = rt.periodic('nothing', { periodUs: 1000 });
    let error: unknown;
    const task = rt.periodic('throwsAtTen', {
      periodUs: 1000,
      onError: (reason) => (error = reason),
    });
    await until(() => error !== undefined);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toBe('the tenth');
    expect(task.stats()).toMatchObject({ state: 'failed', ticks: 10 });
    await ticks(other, other.stats().ticks + 5);
    expect(other.stats().state).toBe('running');
    await task.stop();
  });

  test('what a tick throws is thrown by its owner where that has no onError, an Error or not', async () => {
    const throws = fileURLToPath(new URL('fixtures/throws.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [throws, mode]);
    const wanted = { name: 'MoiraiError', code: 'ERR_MOIRAI_TICK_FAILED', value: 7 };
    expect(JSON.parse(stdout)).toEqual(wanted);
  });

  test('a thread that exits fails all its tasks', async () => {
    const rt = await start({ mode });
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    rt.periodic('nothing', { periodUs: 1000, onError });
    rt.periodic('exitsAtTen', { periodUs: 1000, onError });
    await until(() => errors.length === 2);
    const lost = { code: 'ERR_MOIRAI_WORKER_LOST' };
    expect(errors).toMatchObject([lost, lost]);
    expect(() => rt.periodic('nothing', { periodUs: 1000 })).toThrow(
      expect.objectContaining(lost) as Error,
    );
    await rt.close();
  });

  test('closing stops what ticks, and cuts off a tick that never returns', async () => {
    const rt = await start({ mode });
    const fine = rt.periodic('nothing', { periodUs: 1000 });
    const stuck = rt.periodic('never', { periodUs: 1000 });
    await until(() => stuck.stats().ticks === 2);
    await rt.close();
    await rt.close();
    expect([fine.stats().state, stuck.stats().state]).toEqual(['stopped', 'stopped']);
    expect(() => rt.periodic('nothing', { periodUs: 1000 })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_CLOSED' }) as Error,
    );
  });

  test('many contexts come and go', async () => {
    for (let i = 0; i < 10; i++) {
      await using rt = await start({ mode });
      const task = rt.periodic('note', { periodUs: 200 });
      if (i % 2 === 0) await ticks(task, 3);
    }
  });
});

const invalid = (argument: string): unknown =>
  expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument });

describe('wrong arguments', () => {
  const fine = { tasks: loopsUrl, policy: RtConstraints.fifo(2) };

  test.each<[string, object]>([
    ['options.policy', { ...fine, policy: 'fifo' }],
    ['options.tasks', { ...fine, tasks: 7 }],
    ['options.tasks', { ...fine, tasks: '' }],
    ['options.transferList[0]', { ...fine, transferList: [1] }],
    ['options.cpu', { ...fine, cpu: 9999 }],
    [
      'options.cpu',
      { ...fine, cpu: 0, policy: RtConstraints.deadline({ runtimeUs: 9, periodUs: 900 }) },
    ],
    ['options.mode', { ...fine, mode: 'alone' }],
    ['options.lockMemory', { ...fine, lockMemory: 1 }],
    ['options.youngGenerationMb', { ...fine, youngGenerationMb: 0 }],
    ['options.spinUs', { ...fine, spinUs: 501 }],
    ['options.dmaLatencyUs', { ...fine, dmaLatencyUs: -1 }],
    ['options.polciy', { ...fine, polciy: 1 }],
  ])('%s is named', async (argument, options) => {
    await expect(RealtimeContext.start(options as never)).rejects.toEqual(invalid(argument));
  });

  test('those of a task are named too', async () => {
    await using rt = await start();
    const wrong: readonly [string, object][] = [
      ['options.periodUs', {}],
      ['options.periodUs', { periodUs: 49 }],
      ['options.phaseUs', { periodUs: 1000, phaseUs: -1 }],
      ['options.deadlineUs', { periodUs: 1000, deadlineUs: 0 }],
      ['options.wcetUs', { periodUs: 1000, deadlineUs: 500, wcetUs: 501 }],
      ['options.onOverrun', { periodUs: 1000, onOverrun: 'never' }],
      ['options.maxMisses.k', { periodUs: 1000, maxMisses: { m: 1, k: 65 } }],
      ['options.maxMisses.m', { periodUs: 1000, maxMisses: { m: 4, k: 4 } }],
      ['options.onMiss', { periodUs: 1000, onMiss: 'log' }],
      ['options.onError', { periodUs: 1000, onError: 1 }],
      ['options.period', { period: 1000 }],
    ];
    for (const [argument, options] of wrong) {
      expect(() => rt.periodic('nothing', options as never)).toThrow(invalid(argument));
    }
    for (const name of [undefined, 7, Symbol('nothing'), () => undefined]) {
      expect(() => rt.periodic(name as never, { periodUs: 1000 })).toThrow(invalid('name'));
    }
    expect(() => rt.periodic('nothign' as 'nothing', { periodUs: 1000 })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_TASK_NOT_FOUND' }) as Error,
    );
  });

  test.each([
    'data:text/javascript,export const a = 1;',
    'data:text/javascript,throw 1',
    '/none.mjs',
  ])('a module that cannot be used: %s', async (tasks) => {
    await expect(start({ tasks })).rejects.toMatchObject({
      code: 'ERR_MOIRAI_TASKS_NOT_LOADED',
    });
  });

  test('a path is one from the working directory', async () => {
    const tasks = relative(process.cwd(), fileURLToPath(loopsUrl));
    await using rt = await start({ tasks });
    await ticks(rt.periodic('nothing', { periodUs: 1000 }), 1);
  });

  test('why it cannot be used is known, too, when its end is known first', async () => {
    const wrong = { code: 'ERR_MOIRAI_TASKS_NOT_LOADED' };
    // The threads that Node makes at first use are there afterwards.
    await expect(start({ tasks: '/none.mjs' })).rejects.toMatchObject(wrong);
    const before = new Set(readdirSync('/proc/self/task'));
    const starting = start({ tasks: '/none.mjs' });
    // This thread hears nothing until the other one has ended: then both have been said.
    const born = readdirSync('/proc/self/task').filter((id) => !before.has(id));
    const giveUp = performance.now() + 20_000;
    while (born.some((id) => existsSync(`/proc/self/task/${id}`)) && performance.now() < giveUp);
    await expect(starting).rejects.toMatchObject(wrong);
  });

  test('what cannot be cloned is refused', async () => {
    await expect(start({ workerData: () => 1 })).rejects.toMatchObject({
      code: 'ERR_MOIRAI_NOT_SERIALIZABLE',
    });
  });
});
