// One contender of the locks' benchmark, in a process of its own: contender.mjs NAME quick|full
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const [name, length] = workerData?.args ?? process.argv.slice(2);
const roundMs = length === 'quick' ? 20 : 300;

/** Nanoseconds of one call of many; `many(n)` makes n. */
async function nsEach(many) {
  let count = 100;
  let spent = 0;
  for (const target of [roundMs / 4, roundMs / 4, roundMs]) {
    count = Math.max(100, Math.round(count * Math.min(50, target / (spent || target / 50))));
    const start = performance.now();
    await many(count);
    spent = performance.now() - start;
  }
  return (spent * 1e6) / count;
}

function lockAgainAndAgain(mutex, count) {
  for (let i = 0; i < count; i++) {
    const guard = mutex.lock();
    guard.unlock();
  }
}

/** Uncontended: nanoseconds for a lock and an unlock. */
const alone = {
  'bare compare-exchange'() {
    const words = new Int32Array(new SharedArrayBuffer(64));
    return nsEach((count) => {
      for (let i = 0; i < count; i++) {
        if (Atomics.compareExchange(words, 0, 0, 7) !== 0) throw new Error('taken');
        Atomics.compareExchange(words, 0, 7, 0);
      }
    });
  },
  async Mutex() {
    const { Mutex } = await import('moirai');
    const mutex = new Mutex();
    return nsEach((count) => lockAgainAndAgain(mutex, count));
  },
  async 'Mutex, named'() {
    const { Mutex } = await import('moirai');
    const shared = `bench-${process.pid}`;
    const mutex = new Mutex({ shared });
    Mutex.unlink(shared);
    return nsEach((count) => lockAgainAndAgain(mutex, count));
  },
  async 'Mutex, priorityInheritance'() {
    const { Mutex } = await import('moirai');
    const mutex = new Mutex({ priorityInheritance: true });
    return nsEach((count) => lockAgainAndAgain(mutex, count));
  },
  async 'Mutex, lockAsync'() {
    const { Mutex } = await import('moirai');
    const mutex = new Mutex();
    return nsEach(async (count) => {
      for (let i = 0; i < count; i++) {
        const guard = await mutex.lockAsync();
        guard.unlock();
      }
    });
  },
  async 'async-mutex'() {
    const { Mutex } = await import('async-mutex');
    const mutex = new Mutex();
    return nsEach(async (count) => {
      for (let i = 0; i < count; i++) {
        const release = await mutex.acquire();
        release();
      }
    });
  },
  'navigator.locks'() {
    const locks = globalThis.navigator?.locks;
    if (locks === undefined) {
      return { absent: `Node ${process.versions.node} has no navigator.locks; try --node` };
    }
    return nsEach(async (count) => {
      for (let i = 0; i < count; i++) await locks.request('bench', () => undefined);
    });
  },
};

/** How often the mutex was had in a round, and the longest time it took. */
function contend(mutex, milliseconds) {
  let had = 0;
  let longest = 0;
  const end = performance.now() + milliseconds;
  for (let before = performance.now(); before < end; ) {
    const guard = mutex.lock();
    const now = performance.now();
    if (now - before > longest) longest = now - before;
    had++;
    guard.unlock();
    before = performance.now();
  }
  return { had, longest };
}

function outcome(own, other) {
  return {
    perSecond: ((own.had + other.had) / roundMs) * 1000,
    share: own.had / (own.had + other.had),
    longestMs: Math.max(own.longest, other.longest),
  };
}

const together = {
  async 'Mutex, two threads'() {
    const { Mutex, share } = await import('moirai');
    const mutex = new Mutex();
    const worker = await startPinned(() => ({ job: 'contend', mutex: share(mutex) }));
    worker.postMessage('go');
    const own = contend(mutex, roundMs);
    const [other] = await once(worker, 'message');
    return outcome(own, other);
  },
  async 'Mutex, two processes'() {
    const { Mutex, topology } = await import('moirai');
    const { chooseCpus, createPinned } = await import('../executor/placement.mjs');
    const shared = `bench-${process.pid}`;
    const mutex = new Mutex({ shared });
    const child = createPinned(chooseCpus(topology()), () =>
      fork(fileURLToPath(import.meta.url), ['child', length, shared]),
    );
    await once(child, 'message');
    Mutex.unlink(shared);
    child.send('go');
    const own = contend(mutex, roundMs);
    const [other] = await once(child, 'message');
    child.disconnect();
    return outcome(own, other);
  },
  async 'Condition, there and back'() {
    const { Condition, Mutex, share } = await import('moirai');
    const mutex = new Mutex();
    const condition = new Condition();
    const words = new Int32Array(new SharedArrayBuffer(4));
    const worker = await startPinned(() => ({
      job: 'answer',
      mutex: share(mutex),
      condition: share(condition),
      words,
    }));
    worker.postMessage('go');
    const ns = await nsEach((count) => {
      const guard = mutex.lock();
      for (let i = 0; i < count; i++) {
        words[0] = 1;
        condition.notify(1);
        while (words[0] === 1) condition.wait(guard);
      }
      guard.unlock();
    });
    return { us: ns / 1000 };
  },
};

/** A worker thread on the other CPU, ready. */
async function startPinned(data) {
  const { topology } = await import('moirai');
  const { chooseCpus, createPinned } = await import('../executor/placement.mjs');
  const worker = createPinned(
    chooseCpus(topology()),
    () => new Worker(new URL(import.meta.url), { workerData: { ...data(), args: [name, length] } }),
  );
  await once(worker, 'message');
  return worker;
}

async function work() {
  const { attach, Mutex } = await import('moirai');
  if (workerData?.job === 'contend') {
    const mutex = attach(workerData.mutex);
    parentPort.postMessage('ready');
    await once(parentPort, 'message');
    parentPort.postMessage(contend(mutex, roundMs));
  } else if (workerData?.job === 'answer') {
    const mutex = attach(workerData.mutex);
    const condition = attach(workerData.condition);
    const { words } = workerData;
    parentPort.postMessage('ready');
    await once(parentPort, 'message');
    const guard = mutex.lock();
    for (;;) {
      while (words[0] === 0) condition.wait(guard);
      words[0] = 0;
      condition.notify(1);
    }
  } else {
    const mutex = new Mutex({ shared: process.argv[4] });
    process.send('ready');
    await once(process, 'message');
    process.send(contend(mutex, roundMs));
  }
}

if (!isMainThread || name === 'child') {
  await work();
} else {
  const value = await (alone[name] ?? together[name])();
  const result = typeof value === 'number' ? { ns: value } : value;
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}
