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
