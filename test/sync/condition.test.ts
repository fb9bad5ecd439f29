// A condition: who is called, when, and with what in its hands.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Condition, Mutex, share } from 'moirai';
import { expect, onTestFinished, test } from 'vitest';

const fixture = new URL('./fixtures/waiter.mjs', import.meta.url);

class Meeting {
  readonly mutex = new Mutex();
  readonly condition = new Condition();
  /** [how many wait, how many went on, a value that is waited for] */
  readonly words = new Int32Array(new SharedArrayBuffer(16));

  start(job: string): Worker {
    const workerData = {
      mutex: share(this.mutex),
      condition: share(this.condition),
      words: this.words,
      job,
    };
    const worker = new Worker(fixture, { workerData });
    onTestFinished(async () => {
      await worker.terminate();
    });
    return worker;
  }

  /** So many are in the line: they raised the count while they held the mutex. */
  async until(index: number, count: number): Promise<void> {
    for (;;) {
      using _guard = await this.mutex.lockAsync();
      if (this.words[index] === count) return;
      await sleep(1);
    }
  }
}

function refusal(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof Error && 'code' in error) {
      return String(error.code);
    }
    throw error;
  }
  return undefined;
}

test('a call without waiters is for nobody, and is not kept', () => {
  const { mutex, condition } = new Meeting();
  expect([condition.notify(), condition.notify(0), condition.notify(3)]).toEqual([0, 0, 0]);
  using guard = mutex.lock();
  expect(condition.waitFor(guard, 1)).toBe(false);
});

test('a wait that times out has the mutex again', () => {
  const { mutex, condition } = new Meeting();
  const guard = mutex.lock();
  expect(condition.waitFor(guard, 0)).toBe(false);
  expect(condition.waitFor(guard, 2)).toBe(false);
  expect([guard.locked, mutex.isLocked]).toEqual([true, true]);
  guard.unlock();
  expect(condition.notify()).toBe(0);
});

test('a wait takes a guard that holds its mutex, and nothing else', () => {
  const { mutex, condition } = new Meeting();
  const guard = mutex.lock();
  guard.unlock();
  for (const wrong of [guard, mutex, undefined, {}]) {
    expect(refusal(() => condition.wait(wrong as typeof guard))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
  }
  expect(refusal(() => condition.notify(-1))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
});

test('a predicate is asked while the mutex is held, at first and after each call', () => {
  const { mutex, condition } = new Meeting();
  using guard = mutex.lock();
  const asked: boolean[] = [];
  const answers = [false, false];
  const predicate = (): boolean => {
    asked.push(guard.locked && mutex.isLocked);
    return answers.shift() ?? true;
  };
  expect(condition.waitFor(guard, 2, () => true)).toBe(true);
  expect(condition.waitFor(guard, 2, predicate)).toBe(false);
  expect(asked).toEqual([true, true]);
  expect(() =>
    condition.waitFor(guard, 2, () => {
      throw new Error('planned');
    }),
  ).toThrow('planned');
  expect(guard.locked).toBe(true);
});

test.each(['block', 'loop'])('notify calls as many as it is told to: %s', async (how) => {
  const meeting = new Meeting();
  for (let i = 0; i < 3; i++) meeting.start(how);
  await meeting.until(0, 3);
  expect(meeting.condition.notify(1)).toBe(1);
  await meeting.until(1, 1);
  expect(meeting.condition.notify(2)).toBe(2);
  await meeting.until(1, 3);
  expect(meeting.condition.notify()).toBe(0);
});

test('notify without a number calls all', async () => {
  const meeting = new Meeting();
  for (const how of ['block', 'loop', 'block', 'loop']) meeting.start(how);
  await meeting.until(0, 4);
  expect(meeting.condition.notify()).toBe(4);
  await meeting.until(1, 4);
});

test('who waits longest is called first', async () => {
  const { mutex, condition } = new Meeting();
  const order: number[] = [];
  const waits = [0, 1, 2, 3].map(async (number) => {
    using guard = await mutex.lockAsync();
    await condition.waitAsync(guard);
    order.push(number);
  });
  await sleep(1);
  for (let i = 0; i < 4; i++) {
    expect(condition.notify(1)).toBe(1);
    await waits[i];
  }
  expect(order).toEqual([0, 1, 2, 3]);
});

test('a waiter that was terminated is not called in the place of another', async () => {
  const meeting = new Meeting();
  const first = meeting.start('block');
  await meeting.until(0, 1);
  meeting.start('block');
  await meeting.until(0, 2);
  await first.terminate();
  expect(meeting.condition.notify(1)).toBe(1);
  await meeting.until(1, 1);
  expect(meeting.condition.notify(1)).toBe(0);
});

test('flows of a thread that was terminated hold nobody up', async () => {
  const meeting = new Meeting();
  const { mutex, condition } = meeting;
  const holder = mutex.lock();
  const crowd = meeting.start('crowd');
  await once(crowd, 'message');
  holder.unlock();
  await meeting.until(0, 10);
  const again = mutex.lock();
  meeting.start('block');
  meeting.start('loop');
  await sleep(20);
  await crowd.terminate();
  again.unlock();
  await meeting.until(0, 12);
  expect(condition.notify()).toBe(2);
  await meeting.until(1, 2);
});

test('a wait in the loop ends by its signal or its time, with the mutex held', async () => {
  const { mutex, condition } = new Meeting();
  const guard = await mutex.lockAsync();
  await expect(condition.waitAsync(guard, { timeout: 1 })).rejects.toMatchObject({
    code: 'ERR_MOIRAI_TIMEOUT',
  });
  expect(guard.locked).toBe(true);
  const controller = new AbortController();
  setTimeout(() => controller.abort('enough'), 1);
  await expect(condition.waitAsync(guard, { signal: controller.signal })).rejects.toBe('enough');
  expect([guard.locked, mutex.isLocked]).toEqual([true, true]);
  expect(condition.notify()).toBe(0);
});

test('closing ends the waits of the loop', async () => {
  const { mutex, condition } = new Meeting();
  const guard = mutex.lock();
  setTimeout(() => condition.close(), 1);
  await expect(condition.waitAsync(guard)).rejects.toMatchObject({ code: 'ERR_MOIRAI_CLOSED' });
  expect(guard.locked).toBe(true);
  expect(refusal(() => condition.wait(guard))).toBe('ERR_MOIRAI_CLOSED');
});

test('one more wait than there is room for is refused before anything changes', async () => {
  const { mutex, condition } = new Meeting();
  const waits = Array.from({ length: 248 }, async () => {
    using guard = await mutex.lockAsync();
    await condition.waitAsync(guard);
  });
  await sleep(1);
  using guard = await mutex.lockAsync();
  expect(refusal(() => condition.wait(guard))).toBe('ERR_MOIRAI_QUEUE_FULL');
  expect(guard.locked).toBe(true);
  expect(condition.notify()).toBe(248);
  guard.unlock();
  await Promise.all(waits);
});

test('a queue between threads that block and threads in their loops loses nothing', async () => {
  const meeting = new Meeting();
  const { mutex, condition, words } = meeting;
  const takers = ['takeBlocking', 'takeInLoop', 'takeBlocking'].map((job) => meeting.start(job));
  const ends = takers.map(async (taker) => (await once(taker, 'message'))[0] as number);
  const count = 3000;
  for (let i = 0; i < count; i++) {
    using _guard = await mutex.lockAsync();
    words[2] = (words[2] ?? 0) + 1;
    condition.notify(1);
  }
  for (;;) {
    using _guard = await mutex.lockAsync();
    if (words[2] === 0) break;
    await sleep(1);
  }
  {
    using _guard = await mutex.lockAsync();
    words[2] = -1;
    condition.notify();
  }
  const taken = await Promise.all(ends);
  expect(taken.reduce((sum, one) => sum + one)).toBe(count);
});
