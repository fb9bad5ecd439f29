// Tasks that misbehave: whatever they do, what is outstanding settles and the executor goes on.
/* oxlint-disable unicorn/no-thenable -- expected as it is */
import { describe, expect, test } from 'vitest';
import { Board, bounded, codeOf, failureOf, startExecutor, until } from './kit.js';

describe('thenables', () => {
  test.each([
    ['both', 'first'],
    ['resolves, then throws', 'first'],
  ])('%s: the first word counts', async (kind, value) => {
    const { run } = await startExecutor({ threads: 1 });
    expect(await bounded(run.hostileThenable(kind), kind)).toBe(value);
    expect(await run.add(1, 1)).toBe(2);
  });

  test.each(['getter throws', 'throws', 'changes'])('%s: the task fails', async (kind) => {
    const { run } = await startExecutor({ threads: 1 });
    expect(await failureOf(run.hostileThenable(kind), kind)).toBeInstanceOf(RangeError);
    expect(await run.add(1, 1)).toBe(2);
  });

  test('then that is no function is a property like any other', async () => {
    const { run } = await startExecutor({ threads: 1 });
    const spawned = run.hostileThenable('just text');
    expect(await bounded(spawned, 'the object')).toEqual({ then: 'just text' });
  });

  test('one that never settles holds up nobody, and close({ force }) ends it', async () => {
    const executor = await startExecutor({ threads: 1 });
    const forever = executor.spawn('hostileThenable', ['never']);
    const also = executor.run.never();
    expect(await bounded(executor.run.add(1, 1), 'a neighbour')).toBe(2);
    expect(forever.status).toBe('running');
    const codes = Promise.all([codeOf(forever), codeOf(also)]);
    await bounded(executor.close({ force: true }), 'close');
    expect(await codes).toEqual(['ERR_MOIRAI_CLOSED', 'ERR_MOIRAI_CLOSED']);
  });
});

describe('attacks on the worker', () => {
  test('closing parentPort changes nothing', async () => {
    const executor = await startExecutor({ threads: 1 });
    await bounded(executor.run.closeParentPort(), 'the task');
    expect(await bounded(executor.run.asyncAdd(1, 1), 'the next')).toBe(2);
    const shared = new SharedArrayBuffer(8);
    await bounded(executor.run.writeShared(shared, 0, 1), 'a task by message');
    await bounded(executor.close(), 'close');
  });

  test('closing every MessagePort it can find: what needs one settles all the same', async () => {
    const executor = await startExecutor({ threads: 1 });
    executor.on('error', () => undefined);
    await executor.run.closeProcessHandles().catch(() => undefined);
    expect(await bounded(executor.run.add(1, 1), 'a task by memory')).toBe(2);
    const outcome = executor.run.writeShared(new SharedArrayBuffer(8), 0, 1).then(
      () => 'done',
      () => 'failed',
    );
    expect(['done', 'failed']).toContain(await bounded(outcome, 'a task by message'));
    await bounded(executor.close({ timeout: 1000 }), 'close');
  });

  test('deleting globals: every later task settles', async () => {
    const executor = await startExecutor({ threads: 1 });
    executor.on('error', () => undefined);
    await bounded(executor.run.deleteGlobals(), 'the task').catch(() => undefined);
    const later = [
      executor.run.add(1, 1),
      executor.run.asyncIdentity({ a: [1, 2, 3] }),
      executor.run.throwRefused('no'),
      executor.run.unsendable('function'),
      executor.run.giveShared(),
      executor.run.never(),
    ];
    const outcomes = Promise.allSettled(later.slice(0, 5));
    await bounded(outcomes, 'tasks without globals');
    later[5]?.catch(() => undefined);
    await bounded(executor.close({ force: true }), 'close');
  });

  test('Atomics.wait blocks one worker only; its queue goes to the others', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 2, workerData: board.workerData });
    const blocked = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'one worker is blocked');
    const rest = Array.from({ length: 500 }, (_, i) => executor.run.add(i, 0));
    await bounded(Promise.all(rest), 'everything else');
    expect(blocked.status).toBe('running');
    board.open(1);
    await bounded(blocked, 'the blocked one');
  });

  test('a worker in Atomics.wait or an endless loop is ended by close({ force })', async () => {
    const board = new Board();
    const executor = await startExecutor({ threads: 2, workerData: board.workerData });
    const codes = Promise.all([
      codeOf(executor.run.holdThread(0, 1)),
      codeOf(executor.run.spinForever()),
    ]);
    await until(() => board.at(0) === 1, 'one worker is blocked');
    await bounded(executor.close({ force: true }), 'close');
    expect(await codes).toEqual(['ERR_MOIRAI_CLOSED', 'ERR_MOIRAI_CLOSED']);
  });
});
