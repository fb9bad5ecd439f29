// The caller's AsyncLocalStorage: right in everything that runs on the caller's side, and, where asked
// for, in the worker.
import { AsyncLocalStorage, AsyncResource, executionAsyncId } from 'node:async_hooks';
import type { Executor, ExecutorOptions } from 'moirai';
import { describe, expect, test } from 'vitest';
import type * as steeredTasks from './fixtures/steered.mjs';
import { bounded, codeIn, failureOf, fixture, startExecutor, thrownBy } from './kit.js';

type Steered = typeof steeredTasks;

async function start(options: ExecutorOptions = {}): Promise<Executor<Steered>> {
  const executor = await startExecutor({ tasks: fixture('steered.mjs'), threads: 1, ...options });
  return executor as unknown as Executor<Steered>;
}

describe("on the caller's side", () => {
  const storage = new AsyncLocalStorage<string>();

  test('await, then, map, abort: each sees the context that it was written in', async () => {
    const executor = await start();
    const seen: unknown[] = [];
    await storage.run('awaiting', async () => {
      await executor.run.add(1, 2);
      seen.push(storage.getStore());
      const handle = executor.spawn('add', [1, 2]);
      await handle;
      seen.push(storage.getStore());
    });
    const handle = storage.run('spawning', () => executor.spawn('add', [1, 2]));
    await storage.run('then', () => handle.then(() => seen.push(storage.getStore())));
    await storage
      .run('mapping', async () => {
        const source = function* () {
          seen.push(storage.getStore());
          yield 1;
        };
        for await (const _ of executor.map('tick' as never, source() as never)) break;
      })
      .catch(() => undefined);
    expect(seen).toEqual(['awaiting', 'awaiting', 'then', 'mapping']);
  });

  test('a failure too, and tasks settled together do not mix', async () => {
    const executor = await start();
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        storage.run(`caller ${i}`, async () => {
          if (i % 3 === 0) await failureOf(executor.run.recurse(), 'recurse');
          else await executor.run.add(i, 1);
          return storage.getStore();
        }),
      ),
    );
    expect(outcomes).toEqual(Array.from({ length: 100 }, (_, i) => `caller ${i}`));
  });

  test('an AsyncResource of the caller keeps its id', async () => {
    const executor = await start();
    const resource = new AsyncResource('REQUEST');
    const id = await new Promise((resolve) => {
      resource.runInAsyncScope(() => {
        void executor.run.add(1, 2).then(resource.bind(() => resolve(executionAsyncId())));
      });
    });
    expect(id).toBe(resource.asyncId());
  });
});

describe('in the worker, where asked for', () => {
  test('tasks find the values of the moment they were spawned, also after awaits', async () => {
    const requestId = new AsyncLocalStorage<unknown>();
    const executor = await start({ context: { requestId } });
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        requestId.run({ id: i }, async () => {
          const kinds = [
            executor.run.contextSeen(),
            executor.run.contextSeenLater(i % 5),
            executor.spawn('contextSeenLater', [1], { priority: 'high', idempotent: true }),
          ];
          return bounded(Promise.all(kinds), `tasks of ${i}`);
        }),
      ),
    );
    for (const [i, seen] of results.entries()) {
      for (const one of seen) {
        expect(one).toEqual({ requestId: { id: i }, other: undefined, own: undefined });
      }
    }
    expect(await bounded(executor.run.contextSeen(), 'outside')).toEqual({
      requestId: undefined,
      other: undefined,
      own: undefined,
    });
    expect(await bounded(executor.run.add(1, 2), 'arguments are as they were')).toBe(3);
    const sum = await bounded(
      executor.call((a: number, b: number) => a + b, 3, 4),
      'call',
    );
    expect(sum).toBe(7);
  });

  test('a value that cannot be sent fails the call, at once', async () => {
    const requestId = new AsyncLocalStorage<unknown>();
    const executor = await start({ context: { requestId } });
    const error = await failureOf(
      requestId.run(
        () => 1,
        () => executor.run.add(1, 2),
      ),
    );
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_NOT_SERIALIZABLE' });
  });
});

test('a task module can be loaded outside of a worker; only a task has a current task', async () => {
  const worker = await import('moirai/worker');
  expect(worker.workerData).toBeUndefined();
  expect(worker.workerIndex).toBe(-1);
  expect(codeIn(thrownBy(() => worker.currentTask()))).toBe('ERR_MOIRAI_NOT_SUPPORTED');
});
