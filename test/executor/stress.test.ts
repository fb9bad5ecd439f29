// Everything at once, for long: each task settles exactly once, and the sums are right.
import type { TaskHandle } from 'moirai';
import { expect, test } from 'vitest';
import { Board, bounded, codeIn, randomFrom, startExecutor } from './kit.js';

test('100,000 mixed tasks on three workers settle exactly once, and the sums match (seeded)', async () => {
  const seed = Number(process.env['MOIRAI_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`stress: MOIRAI_SEED=${seed}`);
  const random = randomFrom(seed);
  const board = new Board();
  const executor = await startExecutor({ threads: 3, workerData: board.workerData });
  const total = 100_000;
  const settled = new Uint8Array(total);
  const counted = { done: 0, failed: 0, cancelled: 0, ticks: 0 };
  let wrong = 0;
  let open = 0;
  let proceed: (() => void) | undefined;

  const finish = (i: number, kind: 'done' | 'failed' | 'cancelled', right: boolean) => {
    settled[i] = (settled[i] ?? 0) + 1;
    counted[kind]++;
    if (!right) wrong++;
    open--;
    if (open < 3000) proceed?.();
  };
  const watch = (i: number, promise: PromiseLike<unknown>, right: (value: unknown) => boolean) => {
    open++;
    promise.then(
      (value) => finish(i, 'done', right(value)),
      (error: unknown) => {
        const code = codeIn(error);
        if (code === 'ERR_MOIRAI_CANCELLED') finish(i, 'cancelled', true);
        else finish(i, 'failed', code === 'E_REFUSED');
      },
    );
  };
  // One that is still queued has ended when `cancel` returns, and never runs. One that a worker is at, as
  // when its thread was preempted there, has run, and counts as cancelled when it has ended.
  let mayCancel = 0;
  let neverRan = 0;
  const cancel = (handle: TaskHandle<unknown>) => {
    if (!handle.cancel()) return;
    mayCancel++;
    if (handle.isFinished) neverRan++;
  };

  const give = (i: number): void => {
    const dice = random();
    if (dice < 0.35) watch(i, executor.run.add(i, 1), (sum) => sum === i + 1);
    else if (dice < 0.5) watch(i, executor.run.asyncIdentity(i), (back) => back === i);
    else if (dice < 0.65) {
      const bytes = new Uint8Array(Math.floor(random() ** 6 * 60_000)).fill(i % 251);
      const { length } = bytes;
      watch(i, executor.run.identity(bytes), (back) => {
        const array = back as Uint8Array;
        return array.length === length && (length === 0 || array[length - 1] === i % 251);
      });
    } else if (dice < 0.7) watch(i, executor.run.throwRefused('planned'), () => false);
    else if (dice < 0.72) watch(i, executor.run.rejectRefused('planned'), () => false);
    else if (dice < 0.74) {
      const buffer = new ArrayBuffer(64);
      watch(i, executor.spawn('byteLength', [buffer], { transfer: [buffer] }), (n) => n === 64);
    } else {
      const handle = executor.spawn('tick', [7]);
      watch(i, handle, (before) => typeof before === 'number');
      const which = random();
      if (which < 0.3) cancel(handle);
      else if (which < 0.5) setImmediate(cancel, handle);
      counted.ticks++;
    }
  };

  const everything = async () => {
    for (let i = 0; i < total; i++) {
      give(i);
      if (open >= 6000) {
        await new Promise<void>((resolve) => {
          proceed = resolve;
        });
        proceed = undefined;
      }
    }
    await executor.idle();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  };
  await bounded(everything(), `the tasks of seed ${seed}`, 50_000);

  const context = `seed ${seed}`;
  expect(wrong, context).toBe(0);
  expect(
    settled.every((times) => times === 1),
    context,
  ).toBe(true);
  expect(counted.done + counted.failed + counted.cancelled, context).toBe(total);
  expect(counted.cancelled, context).toBe(mayCancel);
  expect(board.at(7), `${context}: cancelled in the queue never ran, others once`).toBe(
    counted.ticks - neverRan,
  );
  const { outstanding, queued, workers } = executor.stats();
  expect({ outstanding, queued }, context).toEqual({ outstanding: 0, queued: 0 });
  expect(
    workers.reduce((sum, worker) => sum + worker.tasks, 0),
    context,
  ).toBe(total - neverRan);
});
