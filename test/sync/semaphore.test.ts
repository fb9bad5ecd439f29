import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { attach, Semaphore, share, type Permits } from 'moirai';
import {
  codeOf,
  codeOfAsync,
  fileOf,
  inThread,
  kill,
  meeting,
  newSeed,
  sleep,
  startProcess,
  startThread,
} from './kit.js';
import { runs } from '../properties.js';

const name = `semaphore-${process.pid}`;
afterEach(() => rmSync(fileOf(name), { force: true }));

test('does what a count does, whatever is acquired and released', () => {
  const step = fc.record({ take: fc.boolean(), count: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(fc.nat(6), fc.array(step, { maxLength: 40, size: 'max' }), (permits, steps) => {
      using semaphore = new Semaphore({ permits });
      let free = permits;
      for (const { take, count } of steps) {
        const isThere = !take || free >= count;
        const result = take ? semaphore.tryAcquire(count) : semaphore.release(count);
        expect(result !== null).toBe(isThere);
        if (isThere) free += take ? -count : count;
        expect(semaphore.available).toBe(free);
      }
    }),
    { numRuns: runs(200) },
  );
});

test('serves waits of an event loop in the order of their coming', async () => {
  using semaphore = new Semaphore({ permits: 0 });
  const order: number[] = [];
  const waits = [3, 1, 2, 1].map(async (count, i) => {
    await semaphore.acquireAsync(count);
    order.push(i);
  });
  semaphore.release(2); // enough for the second, but it came later
  await sleep(20);
  expect([order, semaphore.tryAcquire()]).toEqual([[], null]);
  semaphore.release(5);
  await Promise.all(waits);
  expect([order, semaphore.available]).toEqual([[0, 1, 2, 3], 0]);
});

test('a wait that is given up has taken nothing, and lets the next go', async () => {
  using semaphore = new Semaphore({ permits: 1 });
  const controller = new AbortController();
  const large = semaphore.acquireAsync(2, { signal: controller.signal });
  const small = semaphore.acquireAsync();
  const timed = codeOfAsync(semaphore.acquireAsync(5, { timeout: 1 }));
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(large).rejects.toBe(reason);
  expect((await small).release()).toBe(true);
  expect(await timed).toBe('ERR_MOIRAI_TIMEOUT');
  expect(semaphore.available).toBe(1);
  expect(await codeOfAsync(semaphore.acquireAsync(1, { timeout: -1 }))).toBe(
    'ERR_MOIRAI_INVALID_ARGUMENT',
  );
});

test('a blocking call goes before the waits of its own thread, which keep their place', async () => {
  using semaphore = new Semaphore({ permits: 1 });
  const first = semaphore.acquire();
  const waiting = semaphore.acquireAsync();
  expect(semaphore.acquireFor(5)).toBe(null);
  first.release(); // goes to the wait in the loop, which cannot take it while this thread blocks
  const second = semaphore.acquire();
  expect(semaphore.available).toBe(0);
  second.release();
  expect((await waiting).release()).toBe(true);
  expect(semaphore.available).toBe(1);
});

test('a wait that is given up before its turn comes keeps nothing', async () => {
  const semaphore = new Semaphore({ permits: 3 });
  const one = semaphore.tryAcquire(1);
  const two = semaphore.tryAcquire(2);
  const controller = new AbortController();
  const first = semaphore.acquireAsync(1, { signal: controller.signal });
  const second = semaphore.acquireAsync(1);
  two?.release();
  // Steps before the first wait, in vain, and lets it have its permit again.
  expect(semaphore.acquireFor(5, 3)).toBe(null);
  controller.abort(new Error('planned'));
  await expect(first).rejects.toThrow('planned');
  (await second).release();
  one?.release();
  expect(semaphore.available).toBe(3);
});

test('permits are given back once, by their guard', () => {
  using semaphore = new Semaphore({ permits: 2 });
  let kept: Permits;
  {
    using permits = semaphore.acquire(2);
    kept = permits;
    expect([permits.count, semaphore.available]).toEqual([2, 0]);
  }
  expect([kept.release(), semaphore.available]).toEqual([false, 2]);
});

test('refuses what cannot be, and changes nothing', () => {
  using semaphore = new Semaphore({ permits: 1 });
  using robust = new Semaphore({ permits: 1, robust: true });
  for (const call of [
    () => semaphore.acquire(0),
    () => semaphore.release(2 ** 31),
    () => semaphore.release(2 ** 31 - 2),
    () => semaphore.acquireFor(-1),
    () => robust.acquire(2),
    () => robust.release(),
    () => new Semaphore(undefined as never),
    () => new Semaphore({ permits: -1 }),
    () => new Semaphore({ permits: 1, shared: '/' }),
    () => new Semaphore({ permits: 1, permit: 1 } as never),
  ]) {
    expect(codeOf(call)).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  }
  expect([semaphore.available, robust.available]).toEqual([1, 1]);
});

test('is closed for a thread that has closed it, also for those who wait', async () => {
  const semaphore = new Semaphore({ permits: 0 });
  const handle = share(semaphore);
  const waiting = codeOfAsync(semaphore.acquireAsync());
  semaphore.close();
  expect(await waiting).toBe('ERR_MOIRAI_CLOSED');
  for (const call of [() => semaphore.acquire(), () => semaphore.available]) {
    expect(codeOf(call)).toBe('ERR_MOIRAI_CLOSED');
  }
  const again = attach(handle);
  again.release();
  expect(again.tryAcquire()?.count).toBe(1);
});

test('never gives more than there are, between threads that block and that do not', async () => {
  const seed = newSeed() % 1000;
  const semaphore = new Semaphore({ permits: 3 });
  const counter = new SharedArrayBuffer(8);
  const most = await Promise.all(
    [0, 1, 2, 3].map((n) =>
      inThread<number>(
        'share',
        { handle: share(semaphore), counter, rounds: 1500, seed: seed + n },
        meeting,
      ),
    ),
  );
  expect(Math.max(...most)).toBeLessThanOrEqual(3);
  expect(semaphore.available).toBe(3);
});

test('a thread that blocks can be terminated', async () => {
  const semaphore = new Semaphore({ permits: 0 });
  const worker = await startThread(
    'block',
    { handle: share(semaphore), method: 'acquire' },
    meeting,
  );
  await worker.terminate();
  semaphore.release();
  expect(semaphore.acquire().count).toBe(1); // what it waited for is not kept for it
});

test('what a killed process had comes back where permits have owners, and only there', async () => {
  for (const robust of [true, false]) {
    const options = { permits: 2, robust, shared: name };
    using semaphore = new Semaphore(options);
    const given = { kind: 'Semaphore', options, method: 'acquire', args: [2] };
    const child = await startProcess('hold', given, meeting);
    expect(semaphore.tryAcquire()).toBe(null);
    const waiting = semaphore.acquireAsync(1, { timeout: robust ? 60_000 : 300 });
    await kill(child);
    expect(await codeOfAsync(waiting)).toBe(robust ? undefined : 'ERR_MOIRAI_TIMEOUT');
    Semaphore.unlink(name);
  }
});

test('is whole after processes were killed at any instant', async () => {
  const options = { permits: 2, robust: true, shared: name };
  using semaphore = new Semaphore(options);
  for (let i = 0; i < 8; i++) {
    const given = { kind: 'Semaphore', options };
    const children = await Promise.all([
      startProcess('churn', given, meeting),
      startProcess('churn', given, meeting),
    ]);
    await sleep(i % 4);
    for (const child of children) await kill(child);
    semaphore.acquire(2).release();
    expect(semaphore.available).toBe(2);
  }
});

test('a time limit holds while others are stopped at any instant, and all goes on with them', async () => {
  const options = { permits: 2, shared: name };
  using semaphore = new Semaphore(options);
  const child = await startProcess('churn', { kind: 'Semaphore', options }, meeting);
  for (let i = 0; i < 10; i++) {
    child.kill('SIGSTOP');
    semaphore.tryAcquire()?.release();
    semaphore.acquireFor(5, 2)?.release();
    const waiting = codeOfAsync(semaphore.acquireAsync(1, { timeout: 5 }).then((p) => p.release()));
    expect([undefined, 'ERR_MOIRAI_TIMEOUT']).toContain(await waiting);
    child.kill('SIGCONT');
    semaphore.acquire(2).release();
  }
  await kill(child);
});
