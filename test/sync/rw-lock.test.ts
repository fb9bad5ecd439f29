import { once } from 'node:events';
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { attach, RwLock, share, type ReadGuard, type WriteGuard } from 'moirai';
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

const name = `rw-lock-${process.pid}`;
afterEach(() => rmSync(fileOf(name), { force: true }));

test('readers share, a writer is alone', () => {
  const step = fc.constantFrom('read', 'write', 'unread', 'unwrite');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      using lock = new RwLock();
      const readers: ReadGuard[] = [];
      const writers: WriteGuard[] = [];
      for (const one of steps) {
        const isFree = writers.length === 0 && (one === 'read' || readers.length === 0);
        let result: boolean | undefined;
        if (one === 'read') {
          const guard = lock.tryReadLock();
          if (guard !== null) readers.push(guard);
          result = guard !== null;
        } else if (one === 'write') {
          const guard = lock.tryWriteLock();
          if (guard !== null) writers.push(guard);
          result = guard !== null;
        } else {
          (one === 'unread' ? readers : writers).pop()?.unlock();
        }
        expect(result ?? isFree).toBe(isFree);
        expect([lock.readers, lock.isWriteLocked]).toEqual([readers.length, writers.length === 1]);
      }
    }),
    { numRuns: runs(200) },
  );
});

test('serves in the order of coming, readers that come together together', async () => {
  using lock = new RwLock();
  const order: string[] = [];
  const first = lock.readLock();
  const enter = async (what: string, locked: Promise<ReadGuard | WriteGuard>): Promise<void> => {
    const guard = await locked;
    order.push(what);
    await sleep(1);
    guard.unlock();
  };
  const all = [
    enter('write 1', lock.writeLockAsync()),
    enter('read 2', lock.readLockAsync()),
    enter('write 3', lock.writeLockAsync()),
  ];
  expect(lock.tryReadLock()).toBe(null); // behind the writer
  first.unlock();
  await Promise.all(all);
  expect(order).toEqual(['write 1', 'read 2', 'write 3']);
});

test('a blocking call that only its own thread could end is a deadlock', () => {
  using lock = new RwLock();
  const reader = lock.readLock();
  expect(codeOf(() => lock.writeLock())).toBe('ERR_MOIRAI_DEADLOCK'); // upgrade
  expect(codeOf(() => lock.writeLockFor(10))).toBe('ERR_MOIRAI_DEADLOCK');
  expect(lock.tryWriteLock()).toBe(null);
  reader.unlock();
  using writer = lock.writeLock();
  expect(codeOf(() => lock.writeLock())).toBe('ERR_MOIRAI_DEADLOCK');
  expect(codeOf(() => lock.readLock())).toBe('ERR_MOIRAI_DEADLOCK');
  expect([lock.tryReadLock(), writer.locked]).toEqual([null, true]);
});

test('a thread that reads may read again, past a writer that waits for it', async () => {
  using lock = new RwLock();
  const first = lock.readLock();
  const writer = lock.writeLockAsync();
  const second = lock.readLock();
  expect(lock.readers).toBe(2);
  first.unlock();
  second.unlock();
  expect((await writer).unlock()).toBe(true);
});

test('a wait that is given up has nothing, and lets others go', async () => {
  using lock = new RwLock();
  const reader = lock.readLock();
  const writer = codeOfAsync(lock.writeLockAsync({ timeout: 5 }));
  const behind = lock.readLockAsync();
  expect(await writer).toBe('ERR_MOIRAI_TIMEOUT');
  expect((await behind).unlock()).toBe(true);
  expect(await codeOfAsync(lock.writeLockAsync({ signal: AbortSignal.abort() }))).toBe(20);
  reader.unlock();
  expect(lock.tryWriteLock()?.locked).toBe(true);
});

test('is closed for a thread that has closed it', async () => {
  const lock = new RwLock();
  const handle = share(lock);
  lock.readLock();
  const waiting = codeOfAsync(lock.writeLockAsync());
  lock.close();
  expect(await waiting).toBe('ERR_MOIRAI_CLOSED');
  expect(codeOf(() => lock.readLock())).toBe('ERR_MOIRAI_CLOSED');
  expect(attach(handle).tryWriteLock()?.locked).toBe(true); // what it held is as if it had ended
});

test('keeps readers and writers of several threads apart', async () => {
  const seed = newSeed() % 1000;
  const lock = new RwLock();
  const counter = new SharedArrayBuffer(8);
  const torn = await Promise.all(
    [0, 1, 2].map((n) =>
      inThread<number>(
        'readOrWrite',
        { handle: share(lock), counter, rounds: 1500, seed: seed + n },
        meeting,
      ),
    ),
  );
  expect(torn).toEqual([0, 0, 0]);
  const [first, second] = new Int32Array(counter);
  expect([first, lock.readers, lock.isWriteLocked]).toEqual([second, 0, false]);
});

test('a reader that is killed leaves nothing, a writer is told of', async () => {
  const options = { shared: name, robust: true };
  using lock = new RwLock(options);
  const hold = async (method: string): Promise<void> => {
    const child = await startProcess('hold', { kind: 'RwLock', options, method }, meeting);
    expect(lock.tryWriteLock()).toBe(null);
    await kill(child);
  };
  await hold('readLock');
  const first = lock.writeLock();
  expect(first.ownerDied).toBe(false);
  first.unlock();
  await hold('writeLock');
  const reader = await lock.readLockAsync();
  expect(reader.ownerDied).toBe(true);
  reader.unlock();
  const writer = lock.writeLock();
  expect(writer.ownerDied).toBe(true);
  writer.markConsistent();
  writer.unlock();
  expect(lock.readLock().ownerDied).toBe(false);
});

test('one that is not robust refuses everybody after a writer was killed', async () => {
  const options = { shared: name };
  using lock = new RwLock(options);
  const given = { kind: 'RwLock', options, method: 'writeLock' };
  await kill(await startProcess('hold', given, meeting));
  expect(codeOf(() => lock.readLock())).toBe('ERR_MOIRAI_OWNER_DIED');
  expect(await codeOfAsync(lock.writeLockAsync())).toBe('ERR_MOIRAI_OWNER_DIED');
  expect([lock.readers, lock.isWriteLocked]).toEqual([0, false]);
});

test('a thread that ends gives back what it held, and one that blocks can be terminated', async () => {
  const lock = new RwLock();
  const given = { handle: share(lock), method: 'readLock' };
  const holder = await startThread('hold', given, meeting);
  const blocked = await startThread('block', { handle: share(lock), method: 'writeLock' }, meeting);
  await blocked.terminate();
  expect(lock.readLock().unlock()).toBe(true);
  await holder.terminate();
  expect(lock.writeLock().ownerDied).toBe(false);
});

test('is whole after processes were killed at any instant', async () => {
  const options = { shared: name, robust: true };
  using lock = new RwLock(options);
  for (let i = 0; i < 8; i++) {
    const given = { kind: 'RwLock', options };
    const children = await Promise.all([
      startProcess('churn', given, meeting),
      startProcess('churn', given, meeting),
    ]);
    await sleep(i % 4);
    for (const child of children) await kill(child);
    lock.writeLock().unlock();
    expect([lock.readers, lock.isWriteLocked]).toEqual([0, false]);
  }
});

test('a reader passes a waiting writer also when the guard is held for long', async () => {
  const lock = new RwLock();
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const reader = await startThread('readTwice', { handle: share(lock), cells }, meeting);
  const writer = lock.writeLockAsync();
  const { memory } = share(lock).value as { memory: SharedArrayBuffer };
  // The guard stands before the mark of what it is; this thread's token is in the first seat (turnstile.h).
  const words = new BigInt64Array(memory);
  const guard = words.indexOf(0x31_72_75_74_72_69_6f_6en) - 2;
  const token = words[guard + 16] ?? 0n;
  expect(token).not.toBe(0n);
  Atomics.store(words, guard, token);
  Atomics.store(cells, 0, 1);
  Atomics.notify(cells, 0);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  Atomics.store(words, guard, 0n);
  const [said] = (await once(reader, 'message')) as [unknown];
  expect(said).toBe('read twice');
  (await writer).unlock();
  await reader.terminate();
});
