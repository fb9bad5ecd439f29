// Ending tasks that run: told, given time, left behind or ended by force; and their neighbours.
import { Worker } from 'node:worker_threads';
import type { Executor, ExecutorOptions } from 'moirai';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type * as steeredTasks from './fixtures/steered.mjs';
import { Board, bounded, codeIn, codeOf, failureOf, fixture, startExecutor, until } from './kit.js';

type Steered = typeof steeredTasks;

async function start(options: ExecutorOptions = {}) {
  const board = new Board();
  const executor = (await startExecutor({
    tasks: fixture('steered.mjs'),
    workerData: board.workerData,
    threads: 1,
    ...options,
  })) as unknown as Executor<Steered>;
  return { board, executor };
}

const timeout = 'ERR_MOIRAI_TIMEOUT';
const lost = 'ERR_MOIRAI_WORKER_LOST';

describe('cancel of a task that runs', () => {
  test('checkpoint throws the reason, in a computation that never yields', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('reasonSeen', [0]);
    await until(() => board.at(0) === 1, 'it runs');
    const reason = Object.assign(new Error('no longer needed'), { code: 42 });
    expect(handle.cancel(reason, { grace: 60_000 })).toBe(true);
    expect(await failureOf(handle)).toBe(reason);
    expect(handle.status).toBe('cancelled');
    expect(board.at(1), 'the task saw the reason, whole').toBe(1);
    expect(await bounded(executor.run.add(1, 2), 'the next task')).toBe(3);
    expect(executor.stats().workers[0]?.tasks).toBe(2);
  });

  test('the signal aborts with the reason', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('waitUntilTold', [0, 1]);
    await until(() => board.at(0) === 1, 'it runs');
    expect(handle.cancel(undefined, { grace: 60_000 })).toBe(true);
    expect(await codeOf(handle)).toBe('ERR_MOIRAI_CANCELLED');
    expect(board.at(1)).toBe(1);
    await bounded(executor.idle(), 'idle');
  });

  test('a task that gives a value all the same counts as cancelled', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('ignoreAndReturn', [0, 30]);
    await until(() => board.at(0) === 1, 'it runs');
    expect(handle.cancel('why not', { grace: 60_000 })).toBe(true);
    expect(handle.cancel('again'), 'asked twice').toBe(true);
    expect(await failureOf(handle)).toBe('why not');
    await bounded(executor.idle(), 'idle');
  });

  test('after the grace the handle is settled, and the slot comes back from a task that waits', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('never', [0]);
    await until(() => board.at(0) === 1, 'it runs');
    expect(handle.cancel(undefined, { grace: 5 })).toBe(true);
    expect(await codeOf(handle)).toBe('ERR_MOIRAI_CANCELLED');
    await bounded(executor.idle(), 'nothing is outstanding');
    expect(await bounded(executor.run.add(2, 2), 'the same worker')).toBe(4);
  });

  test('without force a task that keeps its thread keeps it', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'it runs');
    handle.cancel(undefined, { grace: 1 });
    expect(await codeOf(handle)).toBe('ERR_MOIRAI_CANCELLED');
    const next = executor.spawn('add', [1, 1]);
    board.open(1);
    expect(await bounded(next, 'the next task')).toBe(2);
    expect(executor.stats().outstanding).toBe(0);
  });

  test("the caller's signal", async () => {
    const { board, executor } = await start();
    const controller = new AbortController();
    const options = { signal: controller.signal, grace: 60_000 };
    const handles = [
      executor.spawn('waitUntilTold', [0, 1], options),
      executor.spawn('waitUntilTold', [0, 1], options),
      executor.spawn('computeUntilTold', [0], options),
    ];
    await until(() => board.at(0) === 3, 'all run');
    const reason = new Error('the caller went away');
    controller.abort(reason);
    const failures = await Promise.all(handles.map((handle) => failureOf(handle)));
    expect(failures).toEqual([reason, reason, reason]);
    await bounded(executor.idle(), 'idle');
  });

  test('of a task whose arguments come by message', async () => {
    const { board, executor } = await start();
    const blocker = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'it runs');
    const { port1, port2 } = new MessageChannel();
    const handle = executor.spawn('tick', [port2 as unknown as number], { transfer: [port2] });
    expect(handle.cancel()).toBe(true);
    board.open(1);
    await bounded(blocker, 'the blocker');
    expect(await codeOf(handle)).toBe('ERR_MOIRAI_CANCELLED');
    await bounded(executor.idle(), 'idle');
    port1.close();
  });
});

describe('a result by message that nobody wants any more', () => {
  test('is not taken for that of a later task in the same slot', async () => {
    const { board, executor } = await start({ threads: 2, maxQueue: 2, onFull: 'wait' });
    for (let round = 0; round < 60; round++) {
      const dropped = executor.spawn('moveAfter', [0, 1, -1]);
      await until(() => board.at(0) === round + 1, 'it runs');
      dropped.cancel(undefined, { grace: 0 });
      const later = Array.from({ length: 8 }, (_, i) => executor.spawn('moveAfter', [2, 0, i]));
      await Promise.allSettled([dropped]);
      const values = await bounded(Promise.all(later), 'those after it');
      expect(values.map((buffer) => new Float64Array(buffer)[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    }
  });
});

describe('force', () => {
  test.each(['spinForever', 'waitForever', 'computeUntilTold'] as const)(
    '%s: the worker is ended and replaced',
    async (name) => {
      const { board, executor } = await start();
      const handle = executor.spawn(name, [0]);
      await until(() => board.at(0) === 1, 'it runs');
      expect(handle.cancel('enough', { force: true, grace: 5 })).toBe(true);
      expect(await failureOf(handle)).toBe('enough');
      expect(await bounded(executor.run.add(1, 2), 'a task on the replacement')).toBe(3);
    },
  );

  test('500 neighbours: those not begun run once, those begun fail or run again', async () => {
    const { board, executor } = await start();
    const waiting = Array.from({ length: 100 }, (_, i) =>
      executor.spawn('tickLater', [1000 + i, 600_000], { idempotent: false }),
    );
    const again = Array.from({ length: 100 }, (_, i) =>
      executor.spawn('tickLater', [2000 + i, 50], { idempotent: true }),
    );
    await until(() => board.counts(1000, 100).every((n) => n === 1), 'the first wait');
    const endless = executor.spawn('spinForever', [0]);
    const queued = Array.from({ length: 300 }, (_, i) => executor.spawn('tick', [3000 + i]));
    await until(() => board.at(0) === 1, 'the endless one runs');
    endless.cancel('enough', { force: true, grace: 1 });
    expect(await failureOf(endless)).toBe('enough');
    const codes = await Promise.all(waiting.map((handle) => codeOf(handle)));
    expect(codes.every((code) => code === lost)).toBe(true);
    await bounded(Promise.all(again), 'those that may run again');
    await bounded(Promise.all(queued), 'those that had not begun');
    expect(board.counts(3000, 300).every((n) => n === 1)).toBe(true);
    expect(board.counts(1000, 100).every((n) => n === 1)).toBe(true);
    expect(board.counts(2000, 100).every((n) => n === 1 || n === 2)).toBe(true);
    expect(executor.stats().outstanding).toBe(0);
  });

  test('a worker that is to be ended begins no other task', async () => {
    const { board, executor } = await start();
    const [started, gate, ran] = [0, 1, 2];
    const handle = executor.spawn('spinUntil', [started, gate]);
    const queued = Array.from({ length: 1000 }, () => executor.spawn('tick', [ran]));
    await until(() => board.at(started) === 1, 'it runs');
    let begun = -1;
    const { terminate } = Worker.prototype;
    const spy = vi.spyOn(Worker.prototype, 'terminate').mockImplementationOnce(function (
      this: Worker,
    ) {
      // The task ends now, and its worker could begin others until it is told to end.
      board.open(gate);
      for (const end = performance.now() + 20; performance.now() < end; );
      begun = board.at(ran);
      return terminate.call(this);
    });
    onTestFinished(() => spy.mockRestore());
    handle.cancel('enough', { force: true, grace: 1 });
    expect(await failureOf(handle)).toBe('enough');
    await bounded(Promise.all(queued), 'the others, on the replacement');
    expect(begun).toBe(0);
    expect(board.at(ran)).toBe(queued.length);
  });

  test('a task that ends just when its worker is to be ended takes no other along', async () => {
    const { board, executor } = await start();
    const rounds = 50;
    const neighbours = 1000;
    for (let round = 0; round < rounds; round++) {
      const [started, gate, ran] = [3 * round, 3 * round + 1, 3 * round + 2];
      const handle = executor.spawn('spinUntil', [started, gate]);
      const queued = Array.from({ length: neighbours }, () => executor.spawn('tick', [ran]));
      await until(() => board.at(started) === 1, 'it runs');
      handle.cancel('enough', { force: true, grace: 0 });
      for (const end = performance.now() + 1.2; performance.now() < end; );
      // The grace is over: the event loop will find that next, while the task ends.
      board.open(gate);
      for (const end = performance.now() + (round % 10) / 2000; performance.now() < end; );
      expect(await failureOf(handle)).toBe('enough');
      await bounded(Promise.all(queued), `those not begun, round ${round}`);
      expect(board.at(ran), `round ${round}`).toBe(neighbours);
    }
  });

  test('joinSync on the main thread: the wait itself ends the task and replaces the worker', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('spinForever', [0], { timeout: 20, grace: 5 });
    const error = (() => {
      try {
        handle.joinSync(60_000);
      } catch (caught) {
        return caught;
      }
      return undefined;
    })();
    expect(codeIn(error)).toBe(timeout);
    expect(board.at(0)).toBe(1);
    expect(await bounded(executor.run.add(1, 2), 'a task on the replacement')).toBe(3);
  });
});

describe('timeout', () => {
  test('ends a task that listens, one that waits, and one that never yields', async () => {
    const { executor } = await start({ threads: 2 });
    const handles = [
      executor.spawn('waitUntilTold', [0, 1], { timeout: 20 }),
      executor.spawn('never', [0], { timeout: 20, grace: 10 }),
      executor.spawn('computeUntilTold', [0], { timeout: 20 }),
    ];
    const errors = await Promise.all(handles.map((handle) => failureOf(handle)));
    for (const [index, error] of errors.entries()) {
      expect(codeIn(error)).toBe(timeout);
      expect((error as { scope?: unknown }).scope).toBe('task');
      expect(handles[index]?.status).toBe('failed');
    }
    await bounded(executor.idle(), 'idle');
    const endless = executor.spawn('spinForever', [0], { timeout: 20, grace: 5 });
    expect(await codeOf(endless)).toBe(timeout);
    await bounded(executor.idle(), 'idle');
  });

  test('a waiting task that timed out does not take its neighbours along', async () => {
    const { board, executor } = await start();
    const neighbour = executor.spawn('tickLater', [5, 150]);
    const late = executor.spawn('never', [0], { timeout: 10, grace: 5 });
    expect(await codeOf(late)).toBe(timeout);
    expect(await bounded(neighbour, 'the neighbour')).toBe(5);
    expect(board.at(5)).toBe(1);
  });

  test('nor does one that waits behind a long computation of another', async () => {
    const { board, executor } = await start();
    const late = executor.spawn('never', [0], { timeout: 20, grace: 5 });
    await until(() => board.at(0) === 1, 'it runs');
    const neighbour = executor.spawn('holdThread', [1, 2]);
    expect(await codeOf(late)).toBe(timeout);
    board.open(2);
    await bounded(neighbour, 'the computation');
    await bounded(executor.idle(), 'idle');
  });

  test('without grace tasks that wait do not take their worker along', async () => {
    const { executor } = await start();
    let ended = 0;
    executor.on('workerDestroy', () => ended++);
    const neighbour = executor.spawn('tickLater', [5, 1500]);
    const late = Array.from({ length: 300 }, (_, i) =>
      codeOf(executor.spawn('never', [0], { timeout: 1 + (i % 50), grace: 0 })),
    );
    expect(new Set(await Promise.all(late))).toEqual(new Set([timeout]));
    expect(await bounded(neighbour, 'the neighbour')).toBe(5);
    expect(ended).toBe(0);
  });

  test('a task left behind counts neither for concurrency nor for a worker sent home', async () => {
    const { executor } = await start({ concurrency: 1 });
    expect(await codeOf(executor.spawn('never', [0], { timeout: 5, grace: 1 }))).toBe(timeout);
    expect(await bounded(executor.run.add(1, 2), 'the next task')).toBe(3);
    await bounded(executor.resize(2), 'one more');
    const left = executor.spawn('never', [0]);
    await until(() => left.status === 'running', 'it runs');
    left.cancel(undefined, { grace: 1 });
    expect(await codeOf(left)).toBe('ERR_MOIRAI_CANCELLED');
    await bounded(executor.resize(1), 'one less');
    await bounded(executor.resize(2), 'its seat is free again');
  });

  test('counts from the beginning, not from the call', async () => {
    const { board, executor } = await start();
    const blocker = executor.spawn('holdThread', [0, 1]);
    await until(() => board.at(0) === 1, 'it runs');
    const handle = executor.spawn('tickLater', [5, 1], { timeout: 3000 });
    setTimeout(() => board.open(1), 100);
    expect(await bounded(handle, 'the task')).toBe(5);
    await bounded(blocker, 'the blocker');
  });
});

describe('currentTask', () => {
  test('tells what the task is', async () => {
    const { executor } = await start();
    const handle = executor.spawn('about', [], { priority: 'high', deadline: 60_000 });
    const about = await bounded(handle, 'about');
    expect(about).toMatchObject({ id: handle.id, name: 'about', priority: 'high', worker: 0 });
    expect(about.hasDeadline).toBe(true);
    expect(about.remaining).toBeGreaterThan(0);
    expect(about.remaining).toBeLessThanOrEqual(60_000);
    const plain = await bounded(executor.run.about(), 'about');
    expect(plain).toMatchObject({ priority: 'normal', hasDeadline: false, remaining: Infinity });
  });

  test('is right after awaits, with many tasks of one worker in flight', async () => {
    const { executor } = await start();
    const handles = Array.from({ length: 50 }, (_, i) => executor.spawn('aboutLater', [i % 7]));
    for (const handle of handles) {
      expect(await bounded(handle, 'about')).toEqual({ id: handle.id, same: true });
    }
  });
});

describe('idempotent', () => {
  test('runs again when its worker is lost, with the arguments as they were', async () => {
    const { board, executor } = await start();
    const value = { deep: ['x'.repeat(1000)] };
    const handle = executor.spawn('exitTimes', [0, 2, value], { idempotent: true });
    value.deep.push('changed afterwards');
    expect(await bounded(handle, 'the third try')).toEqual({ deep: ['x'.repeat(1000)] });
    expect(board.at(0)).toBe(3);
    expect(executor.stats().rerun).toBe(2);
  });

  test('but not for ever', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('exitTimes', [0, 1000, 1], { idempotent: true });
    expect(await codeOf(handle)).toBe(lost);
    expect(board.at(0)).toBe(3);
  });

  test('a cancelled one does not', async () => {
    const { board, executor } = await start();
    const handle = executor.spawn('spinForever', [0], { idempotent: true });
    await until(() => board.at(0) === 1, 'it runs');
    handle.cancel('enough', { force: true, grace: 1 });
    expect(await failureOf(handle)).toBe('enough');
    await bounded(executor.idle(), 'idle');
    expect(board.at(0)).toBe(1);
  });
});

describe('bad luck', () => {
  test('a stack overflow is an error of its task', async () => {
    const { executor } = await start();
    expect(await failureOf(executor.run.recurse())).toBeInstanceOf(RangeError);
    expect(await bounded(executor.run.add(1, 2), 'the same worker')).toBe(3);
  });

  test('a microtask that throws after its task is done costs the worker, not the result', async () => {
    const { executor } = await start();
    expect(await bounded(executor.run.throwInMicrotask(), 'the result')).toBe('done before');
    expect(await bounded(executor.run.add(1, 2), 'the replacement')).toBe(3);
  });

  test('globals that a task spoils: what follows settles, and a forced end mends it', async () => {
    const { executor } = await start();
    executor.run.spoilGlobals().catch(() => undefined);
    const after = executor.spawn('spinForever', [], { timeout: 200, grace: 5 });
    expect(await failureOf(after)).toBeInstanceOf(Error);
    expect(await bounded(executor.run.add(1, 2), 'the replacement')).toBe(3);
  });
});
