import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  Barrier,
  Executor,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedMap,
  SharedStack,
  WaitGroup,
} from 'moirai';

test('locks and their friends are arguments and results of tasks, as they are', async () => {
  await using executor = await Executor.start({
    tasks: new URL('fixtures/object-tasks.mjs', import.meta.url),
    threads: 1,
  });
  const objects = {
    barrier: new Barrier({ parties: 2 }),
    group: new WaitGroup(),
    lock: new RwLock(),
    map: new SharedMap({ capacity: 4 }),
    mutex: new Mutex(),
    once: new Once(),
    semaphore: new Semaphore({ permits: 1 }),
    stack: new SharedStack({ capacity: 4 }),
  };
  objects.group.add();
  const task = executor.spawn('useAll', [objects]);
  await objects.group.waitAsync();
  const led = await objects.barrier.waitAsync();
  const result = (await task) as { stack: SharedStack; led: boolean };
  expect(result.led).toBe(!led);
  expect([result.stack.pop(), objects.once.isDone, objects.map.has('k')]).toEqual([7, true, true]);
});

test('a thread that blocks for a task is not given the mutex that its event loop waits for', async () => {
  await using executor = await Executor.start({
    tasks: new URL('fixtures/object-tasks.mjs', import.meta.url),
    threads: 1,
  });
  const mutex = new Mutex();
  const words = new Int32Array(new SharedArrayBuffer(8));
  const task = executor.spawn('takeThrice', [mutex, words]);
  const go = (step: number): void => {
    Atomics.store(words, 1, step);
    Atomics.notify(words, 1);
  };
  while (Atomics.load(words, 0) < 1) await sleep(1);
  // It may get the mutex at the first of the two instants, and lets the task go on then.
  const pending = mutex.lockAsync().then((guard) => guard.unlock());
  await sleep(5);
  go(1); // who has waited for so long hears of this, and asks to be the next one
  while (Atomics.load(words, 0) < 2) await sleep(1);
  await sleep(5);
  go(2);
  expect(task.joinSync(20_000)).toBe(true);
  expect(await pending).toBe(true);
});
