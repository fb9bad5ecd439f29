// A mutex with priority inheritance. That inversion is resolved: native/core/sync/pi_mutex_test.cc.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Condition, Mutex, share, type MutexOptions } from 'moirai';
import { expect, onTestFinished, test } from 'vitest';

const fixture = new URL('./fixtures/holder.mjs', import.meta.url);
const options: MutexOptions = { priorityInheritance: true };

function start(mutex: Mutex, job: string, more: object = {}): Worker {
  const worker = new Worker(fixture, { workerData: { mutex: share(mutex), job, ...more } });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return worker;
}

test('threads that count lose nothing', async () => {
  const mutex = new Mutex(options);
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const rounds = 10_000;
  const ends = [1, 2].map(() => once(start(mutex, 'count', { counter, rounds }), 'message'));
  for (let i = 0; i < rounds; i++) {
    using _guard = mutex.lock();
    counter[0] = (counter[0] ?? 0) + 1;
  }
  await Promise.all(ends);
  expect(counter[0]).toBe(3 * rounds);
});

test('what this thread holds is refused, and so are waits in the loop', async () => {
  const mutex = new Mutex(options);
  const guard = mutex.lock();
  expect(mutex.tryLock()).toBe(null);
  expect(() => mutex.lock()).toThrow('holds the mutex already');
  const code = 'ERR_MOIRAI_NOT_SUPPORTED';
  await expect(mutex.lockAsync()).rejects.toMatchObject({ code });
  await expect(new Condition().waitAsync(guard)).rejects.toMatchObject({ code });
  expect(guard.locked).toBe(true);
  expect(new Condition().waitFor(guard, 1)).toBe(false);
  expect(guard.unlock()).toBe(true);
});

test('a holder or a waiter that is terminated keeps nobody waiting', async () => {
  const mutex = new Mutex({ ...options, robust: true });
  const holder = start(mutex, 'hold');
  await once(holder, 'message');
  expect([mutex.tryLock(), mutex.lockFor(5)]).toEqual([null, null]);
  const waiter = start(mutex, 'block');
  await once(waiter, 'message');
  await waiter.terminate();
  await holder.terminate();
  const guard = mutex.lock();
  expect(guard.ownerDied).toBe(true);
  guard.markConsistent();
  guard.unlock();
  expect(mutex.lock().ownerDied).toBe(false);
});

test('without robust a dead owner is refused', async () => {
  const mutex = new Mutex(options);
  await once(start(mutex, 'leave'), 'exit');
  expect(() => mutex.lock()).toThrow('a thread ended while it held the mutex');
});
