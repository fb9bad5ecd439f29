// Barrier, WaitGroup, Once: what is waited for comes true once, for all who wait.
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { attach, Barrier, Once, share, WaitGroup } from 'moirai';
import {
  codeOf,
  codeOfAsync,
  fileOf,
  inThread,
  kill,
  meeting,
  startProcess,
  startThread,
} from './kit.js';
import { runs } from '../properties.js';

const name = `meeting-${process.pid}`;
afterEach(() => rmSync(fileOf(name), { force: true }));

describe('Barrier', () => {
  test('lets all go when the last has come, turn by turn, one of them as leader', async () => {
    const parties = 3;
    const rounds = 300;
    const barrier = new Barrier({ parties });
    const counter = new SharedArrayBuffer(8);
    const given = { handle: undefined as unknown, counter, rounds, parties };
    const led = await Promise.all(
      [0, 1, 2].map(() => inThread<number>('meet', { ...given, handle: share(barrier) }, meeting)),
    );
    expect(led.reduce((sum, one) => sum + one)).toBe(rounds);
    expect(barrier.arrived).toBe(0);
  });

  test('flows of one event loop can meet', async () => {
    using barrier = new Barrier({ parties: 4 });
    for (let turn = 0; turn < 20; turn++) {
      const leaders = await Promise.all([0, 1, 2, 3].map(() => barrier.waitAsync()));
      expect(leaders.filter(Boolean).length).toBe(1);
    }
  });

  test('who gives up has not arrived', async () => {
    using barrier = new Barrier({ parties: 2 });
    expect(barrier.waitFor(1)).toBe(null);
    expect(await codeOfAsync(barrier.waitAsync({ timeout: 1 }))).toBe('ERR_MOIRAI_TIMEOUT');
    expect(await codeOfAsync(barrier.waitAsync({ signal: AbortSignal.abort() }))).toBe(20);
    expect(barrier.arrived).toBe(0);
    const waiting = barrier.waitAsync();
    expect(barrier.arrived).toBe(1);
    expect([barrier.wait(), await waiting]).toEqual([true, false]);
  });

  test('one that is closed has not arrived either', async () => {
    const barrier = new Barrier({ parties: 2, shared: name });
    using other = new Barrier({ parties: 2, shared: name });
    const handle = share(barrier);
    const waiting = codeOfAsync(barrier.waitAsync());
    barrier.close();
    other.close();
    expect(await waiting).toBe('ERR_MOIRAI_CLOSED');
    expect(codeOf(() => barrier.wait())).toBe('ERR_MOIRAI_CLOSED');
    expect(attach(handle).arrived).toBe(0);
  });

  test('processes meet; one that is killed while it waits has arrived', async () => {
    const options = { parties: 2, shared: name };
    using barrier = new Barrier(options);
    const given = { kind: 'Barrier', options, method: 'wait' };
    const child = await startProcess('block', given, meeting);
    while (barrier.arrived === 0) await new Promise(setImmediate);
    await kill(child);
    expect(barrier.waitFor(60_000)).toBe(true);
  });

  test('refuses wrong options', () => {
    for (const options of [undefined, {}, { parties: 0 }, { parties: 2 ** 15 }, { party: 1 }]) {
      expect(codeOf(() => new Barrier(options as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    }
  });
});

describe('WaitGroup', () => {
  test('counts, and never below zero', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 30, size: 'max' }),
        (steps) => {
          using group = new WaitGroup();
          let count = 0;
          for (const step of steps) {
            const isAllowed = count + step >= 0;
            const code = codeOf(() => group.add(step));
            expect(code).toBe(isAllowed ? undefined : 'ERR_MOIRAI_INVALID_ARGUMENT');
            if (isAllowed) count += step;
            expect([group.count, group.waitFor(0)]).toEqual([count, count === 0]);
          }
        },
      ),
      { numRuns: runs(200) },
    );
  });

  test('waits until all threads are done, round by round', async () => {
    const group = new WaitGroup();
    for (let round = 0; round < 3; round++) {
      group.add(600);
      const waiting = Promise.all([group.waitAsync(), group.waitAsync({ timeout: 60_000 })]);
      await Promise.all(
        [0, 1, 2].map(() => inThread('count', { handle: share(group), rounds: 200 }, meeting)),
      );
      await waiting;
      group.wait();
      expect(group.count).toBe(0);
    }
    expect(codeOf(() => group.done())).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  });

  test('a wait sees that it was none, though it is not any more', async () => {
    using group = new WaitGroup();
    group.add();
    const waiting = group.waitAsync();
    group.done();
    group.add();
    await waiting;
    expect(group.count).toBe(1);
    expect(await codeOfAsync(group.waitAsync({ timeout: 1 }))).toBe('ERR_MOIRAI_TIMEOUT');
    expect(group.waitFor(1)).toBe(false);
  });

  test('is one for processes; one that is killed leaves its part undone', async () => {
    using group = new WaitGroup({ shared: name });
    group.add(2);
    const done = { kind: 'WaitGroup', options: { shared: name }, method: 'done' };
    await kill(await startProcess('hold', done, meeting));
    expect([group.count, group.waitFor(1)]).toEqual([1, false]);
    await kill(await startProcess('hold', done, meeting));
    group.wait();
  });

  test('a thread that blocks can be terminated, a closed one is over', async () => {
    const group = new WaitGroup();
    group.add();
    const blocked = await startThread('block', { handle: share(group), method: 'wait' }, meeting);
    await blocked.terminate();
    const waiting = codeOfAsync(group.waitAsync());
    group.close();
    expect(await waiting).toBe('ERR_MOIRAI_CLOSED');
    expect(codeOf(() => group.add())).toBe('ERR_MOIRAI_CLOSED');
  });
});

describe('Once', () => {
  test('runs once among threads, and the others wait until it has ended', async () => {
    const once = new Once();
    const counter = new SharedArrayBuffer(8);
    const results = await Promise.all(
      [0, 1, 2].map(() =>
        inThread<[boolean, number]>('once', { handle: share(once), counter }, meeting),
      ),
    );
    expect(results.filter(([ran]) => ran).length).toBe(1);
    expect(results.map(([, seen]) => seen)).toEqual([7, 7, 7]);
    expect([new Int32Array(counter)[0], once.isDone, once.call(() => {})]).toEqual([
      1,
      true,
      false,
    ]);
  });

  test('what throws was not run, and the next one runs its own', async () => {
    using once = new Once();
    const error = new Error('not yet');
    expect(() =>
      once.call(() => {
        throw error;
      }),
    ).toThrow(error);
    const failing = once.callAsync(async () => {
      await new Promise(setImmediate);
      throw error;
    });
    const waiting = once.callAsync(() => {});
    await expect(failing).rejects.toBe(error);
    expect([await waiting, once.isDone]).toEqual([true, true]);
  });

  test('a call that waits for its own thread is a deadlock', async () => {
    using once = new Once();
    const running = once.callAsync(() => new Promise<void>((resolve) => setTimeout(resolve, 30)));
    expect(codeOf(() => once.call(() => {}))).toBe('ERR_MOIRAI_DEADLOCK');
    expect(await codeOfAsync(once.callAsync(() => {}, { timeout: 1 }))).toBe('ERR_MOIRAI_TIMEOUT');
    expect(await running).toBe(true);
    using other = new Once();
    expect(codeOf(() => other.call(() => other.call(() => {})))).toBe('ERR_MOIRAI_DEADLOCK');
    expect(other.isDone).toBe(false);
    // oxlint-disable-next-line typescript/no-misused-promises -- which is what is refused
    expect(codeOf(() => other.call(async () => {}))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    expect(codeOf(() => other.call(1 as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  });

  test('what a killed process had begun is run by another', async () => {
    const options = { shared: name };
    using once = new Once(options);
    const child = await startProcess('beginOnce', { kind: 'Once', options }, meeting);
    const waiting = once.callAsync(() => {});
    await kill(child);
    expect([await waiting, once.isDone]).toEqual([true, true]);
  });

  test('what a terminated thread had begun is run by another', async () => {
    const once = new Once();
    const worker = await startThread('beginOnce', { handle: share(once) }, meeting);
    await worker.terminate();
    expect([once.call(() => {}), once.isDone]).toEqual([true, true]);
  });
});
