// A mutex waited for in the event loop.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  createChannel,
  f64,
  Mutex,
  selectSync,
  Semaphore,
  share,
  type MutexGuard,
  type Receiver,
} from 'moirai';
import { describe, expect, onTestFinished, test } from 'vitest';

const fixture = new URL('./fixtures/holder.mjs', import.meta.url);

function start(mutex: Mutex | Semaphore, job: string, more: object = {}): Worker {
  const worker = new Worker(fixture, { workerData: { mutex: share(mutex), job, ...more } });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return worker;
}

/** The error that a promise ends with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('flows of one thread exclude one another, and come in the order of their calls', async () => {
  const mutex = new Mutex();
  const order: number[] = [];
  let inside = 0;
  const flow = async (number: number): Promise<void> => {
    const guard = await mutex.lockAsync();
    expect(++inside).toBe(1);
    await sleep(number % 3);
    order.push(number);
    inside--;
    guard.unlock();
  };
  await Promise.all([0, 1, 2, 3, 4, 5].map(flow));
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  expect(mutex.isLocked).toBe(false);
});

test('a thread that holds it may wait for it, but not block', async () => {
  const mutex = new Mutex();
  const guard = mutex.lock();
  const pending = mutex.lockAsync();
  expect(() => mutex.lock()).toThrow('holds the mutex already');
  guard.unlock();
  (await pending).unlock();
});

test('threads in their loops and threads that block lose nothing', async () => {
  const mutex = new Mutex();
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const jobs = [
    { job: 'count', rounds: 20_000 },
    { job: 'countAsync', rounds: 500 },
    { job: 'countAsync', rounds: 500 },
  ];
  const ends = jobs.map(({ job, rounds }) =>
    once(start(mutex, job, { counter, rounds }), 'message'),
  );
  for (let i = 0; i < 500; i++) {
    using _guard = await mutex.lockAsync();
    counter[0] = (counter[0] ?? 0) + 1;
  }
  await Promise.all(ends);
  expect(counter[0]).toBe(20_000 + 3 * 500);
});

test('a waiter in the loop hears that another thread unlocked, or ended', async () => {
  const mutex = new Mutex({ robust: true });
  const brief = start(mutex, 'holdBriefly');
  await once(brief, 'message');
  (await mutex.lockAsync()).unlock();
  const worker = start(mutex, 'hold');
  await once(worker, 'message');
  const pending = mutex.lockAsync();
  await sleep(10);
  await worker.terminate();
  const guard = await pending;
  expect(guard.ownerDied).toBe(true);
});

test('without robust it is refused instead', async () => {
  const mutex = new Mutex();
  const worker = start(mutex, 'hold');
  await once(worker, 'message');
  const pending = [mutex.lockAsync(), mutex.lockAsync()];
  const refusals = Promise.all(pending.map(failure));
  await sleep(10);
  await worker.terminate();
  const code = 'ERR_MOIRAI_OWNER_DIED';
  expect(await refusals).toMatchObject([{ code }, { code }]);
});

test('a wait ends by its signal or its time, and the next one has its turn', async () => {
  const mutex = new Mutex();
  const guard = mutex.lock();
  const controller = new AbortController();
  const waits = [
    mutex.lockAsync({ signal: controller.signal }),
    mutex.lockAsync({ timeout: 5 }),
    mutex.lockAsync(),
  ] as const;
  const failures = Promise.all([failure(waits[0]), failure(waits[1])]);
  controller.abort('enough');
  const timeout = { code: 'ERR_MOIRAI_TIMEOUT', scope: 'wait' };
  expect(await failures).toMatchObject(['enough', timeout]);
  guard.unlock();
  (await waits[2]).unlock();
  await expect(mutex.lockAsync({ signal: controller.signal })).rejects.toBe('enough');
});

test('a wait for another thread that was given up leaves the mutex as it was', async () => {
  const mutex = new Mutex();
  await once(start(mutex, 'hold'), 'message');
  for (const timeout of [1, 2, 3, 4]) {
    await expect(mutex.lockAsync({ timeout })).rejects.toMatchObject({
      code: 'ERR_MOIRAI_TIMEOUT',
    });
  }
  expect(mutex.tryLock()).toBe(null);
});

test('a wait with a timeout keeps the process alive, also for what its own thread holds', () => {
  const script = `
    const { Mutex } = await import('moirai');
    const mutex = new Mutex();
    const guard = mutex.lock();
    console.log(await mutex.lockAsync({ timeout: 5 }).catch((error) => error.code));`;
  const arguments_ = ['--input-type=module', '--eval', script];
  const { stdout, status } = spawnSync(process.execPath, arguments_, { encoding: 'utf8' });
  expect([stdout.trim(), status]).toEqual(['ERR_MOIRAI_TIMEOUT', 0]);
});

test('closing refuses who waits', async () => {
  const mutex = new Mutex();
  await once(start(mutex, 'hold'), 'message');
  const pending = mutex.lockAsync();
  mutex.close();
  expect(await failure(pending)).toMatchObject({ code: 'ERR_MOIRAI_CLOSED' });
  await expect(mutex.lockAsync()).rejects.toMatchObject({ code: 'ERR_MOIRAI_CLOSED' });
});

test('waits that are given up while the lock is handed over lose nothing', async () => {
  const mutex = new Mutex();
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const end = once(start(mutex, 'holdAgain', { counter, rounds: 150 }), 'message');
  let had = 0;
  while (counter[0] !== 150) {
    const guard = await mutex.lockAsync({ timeout: Math.random() * 3 }).catch(() => undefined);
    had += guard === undefined ? 0 : 1;
    guard?.unlock();
  }
  await end;
  const last: MutexGuard = mutex.lock();
  expect(last.locked).toBe(true);
  expect(had).toBeGreaterThan(0);
});

interface Blocked {
  readonly lock: Mutex;
  readonly receiver: Receiver<number>;
}

/** The owner of the lock needs the other one again while this thread blocks for what it will do then. */
async function blockWhileWaiting(
  make: () => Mutex | Semaphore,
  block: (on: Blocked) => void,
): Promise<void> {
  for (let isMet = false; !isMet; ) {
    const first = make();
    const lock = new Mutex();
    const { sender, receiver } = createChannel({ codec: f64() });
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const ends = { other: share(lock), sender: share(sender) };
    const worker = start(first, 'relock', { ...ends, counter });
    await once(worker, 'message');
    isMet = true;
    let isHeldAgain = false;
    const take = async (): Promise<void> => {
      using _held = first instanceof Mutex ? await first.lockAsync() : await first.acquireAsync();
      // In the instant in which the other one had let go of it: once more.
      if (!isHeldAgain) isMet = false;
    };
    const pending = take();
    await once(worker, 'message');
    isHeldAgain = true;
    await sleep(5);
    Atomics.store(counter, 0, 1);
    Atomics.notify(counter, 0);
    block({ lock, receiver });
    await pending;
    await worker.terminate();
  }
}

const blocking: readonly (readonly [string, (on: Blocked) => void])[] = [
  ['a mutex', ({ lock }) => lock.lock().unlock()],
  ['a message', ({ receiver }) => void receiver.receiveSync(20_000)],
  ['one of several', ({ receiver }) => void selectSync({ receiver }, 20_000)],
];

describe.each(blocking)('a thread that blocks for %s is not given', (_, block) => {
  test('the mutex that its event loop waits for', async () => {
    await blockWhileWaiting(() => new Mutex(), block);
  });

  test('what its event loop waits for in a queue', async () => {
    await blockWhileWaiting(() => new Semaphore({ permits: 1 }), block);
  });
});
