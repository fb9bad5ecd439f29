// A mutex within one thread and between threads.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { attach, Mutex, MoiraiError, share } from 'moirai';
import { expect, onTestFinished, test } from 'vitest';

const fixture = new URL('./fixtures/holder.mjs', import.meta.url);

/** The code of what it throws. */
function refusal(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof MoiraiError) return error.code;
    throw error;
  }
  return undefined;
}

function start(mutex: Mutex, job: string, more: object = {}): Worker {
  const worker = new Worker(fixture, { workerData: { mutex: share(mutex), job, ...more } });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return worker;
}

test('a guard unlocks once, and says whether it holds', () => {
  const mutex = new Mutex();
  const guard = mutex.lock();
  expect([guard.locked, mutex.isLocked, guard.ownerDied]).toEqual([true, true, false]);
  expect([guard.unlock(), guard.unlock()]).toEqual([true, false]);
  expect([guard.locked, mutex.isLocked]).toEqual([false, false]);
});

test('a disposed guard is unlocked, also when the block throws', () => {
  const mutex = new Mutex();
  expect(() => {
    using _guard = mutex.lock();
    throw new Error('planned');
  }).toThrow('planned');
  expect(mutex.isLocked).toBe(false);
});

test('who locks what it holds is refused, and nothing has changed', () => {
  const mutex = new Mutex();
  const guard = mutex.lock();
  for (const again of [() => mutex.lock(), () => mutex.lockFor(10)]) {
    expect(refusal(again)).toBe('ERR_MOIRAI_DEADLOCK');
  }
  expect([mutex.tryLock(), mutex.lockFor(0)]).toEqual([null, null]);
  expect(guard.locked).toBe(true);
  guard.unlock();
  mutex.lock().unlock();
});

test('an old guard does not unlock what a new one holds', () => {
  const mutex = new Mutex();
  const old = mutex.lock();
  old.unlock();
  const guard = mutex.lock();
  expect(old.unlock()).toBe(false);
  expect(guard.locked).toBe(true);
});

test('threads that count lose nothing', async () => {
  const mutex = new Mutex();
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const rounds = 50_000;
  const ends = [1, 2, 3].map(() => once(start(mutex, 'count', { counter, rounds }), 'message'));
  for (let i = 0; i < rounds; i++) {
    using _guard = mutex.lock();
    counter[0] = (counter[0] ?? 0) + 1;
  }
  await Promise.all(ends);
  expect(counter[0]).toBe(4 * rounds);
});

test('what another thread holds is not had at once, nor within some time', async () => {
  const mutex = new Mutex();
  await once(start(mutex, 'hold'), 'message');
  expect(mutex.tryLock()).toBe(null);
  expect(mutex.lockFor(5)).toBe(null);
});

test('a thread that blocks can be terminated', async () => {
  const mutex = new Mutex();
  const guard = mutex.lock();
  const worker = start(mutex, 'block');
  await once(worker, 'message');
  expect(await worker.terminate()).toBe(1);
  guard.unlock();
  mutex.lock().unlock();
});

/** A mutex whose holder is no more. */
async function abandoned(robust: boolean, end: 'terminated' | 'ended'): Promise<Mutex> {
  const mutex = new Mutex({ robust });
  const worker = start(mutex, end === 'ended' ? 'leave' : 'hold');
  await once(worker, end === 'ended' ? 'exit' : 'message');
  await worker.terminate();
  return mutex;
}

test.each(['terminated', 'ended'] as const)('a holder that was %s is reported', async (end) => {
  const mutex = await abandoned(false, end);
  expect(refusal(() => mutex.lock())).toBe('ERR_MOIRAI_OWNER_DIED');
  expect(refusal(() => mutex.tryLock())).toBe('ERR_MOIRAI_OWNER_DIED');
});

test.each(['terminated', 'ended'] as const)('a robust one outlives a holder %s', async (end) => {
  const mutex = await abandoned(true, end);
  const guard = mutex.lock();
  expect(guard.ownerDied).toBe(true);
  guard.markConsistent();
  guard.unlock();
  expect(mutex.tryLock()?.ownerDied).toBe(false);
});

test('what a dead owner left and nobody set right is given up', async () => {
  const mutex = await abandoned(true, 'terminated');
  mutex.lock().unlock();
  expect(refusal(() => mutex.lock())).toBe('ERR_MOIRAI_OWNER_DIED');
});

test('a closed mutex is refused', () => {
  const mutex = new Mutex();
  mutex.close();
  mutex.close();
  expect(refusal(() => mutex.lock())).toBe('ERR_MOIRAI_CLOSED');
  expect(refusal(() => share(mutex))).toBe('ERR_MOIRAI_CLOSED');
});

test('one that is closed while it is held is refused to others, unless it is robust', async () => {
  for (const options of [{}, { robust: true }, { priorityInheritance: true }]) {
    const mutex = new Mutex(options);
    const handle = share(mutex);
    const guard = mutex.lock();
    const waiter = start(mutex, 'say');
    await once(waiter, 'message');
    mutex.close();
    const [said] = (await once(waiter, 'message')) as [unknown];
    expect(said).toBe('robust' in options ? 'ownerDied' : 'ERR_MOIRAI_OWNER_DIED');
    guard.unlock(); // of what it no longer holds
    const again = attach<Mutex>(handle);
    expect(refusal(() => again.lock())).toBe('ERR_MOIRAI_OWNER_DIED');
  }
});

test('one that this thread has closed can be opened again by its name', () => {
  const name = `again-${process.pid}`;
  new Mutex({ shared: name }).close();
  using mutex = new Mutex({ shared: name });
  expect(mutex.lock().unlock()).toBe(true);
  expect(Mutex.unlink(name)).toBe(true);
});

test('a handle leads to its own lock, and to none when another has its name', () => {
  const name = `handle-${process.pid}`;
  using mutex = new Mutex({ shared: name });
  const [early, late] = [share(mutex), share(mutex)];
  Mutex.unlink(name);
  expect(refusal(() => attach(early))).toBe('ERR_MOIRAI_SYSTEM');
  using _other = new Mutex({ shared: name });
  expect(refusal(() => attach(late))).toBe('ERR_MOIRAI_CORRUPT');
  Mutex.unlink(name);
});
