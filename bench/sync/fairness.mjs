// Who gets an RwLock that four threads want at any time: two that read, two that write, each again and
// again, with a little work under the lock.
//
//   npm run build && node bench/sync/fairness.mjs [SECONDS]
//
// Prints how often each got it, and how long each waited at most, in ms. Beside it the same with threads
// that only want to read in turn with one writer: neither side may be kept out.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attach, RwLock, share } from 'moirai';

async function measure(what) {
  const seconds = Number(process.argv[2] ?? 2);
  const lock = new RwLock();
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workers = what.map(
    (method) =>
      new Worker(new URL(import.meta.url), {
        workerData: { handle: share(lock), gate, method, seconds },
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  const results = await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (const [i, [{ count, longest }]] of results.entries()) {
    const times = `${Math.round(count / seconds)}/s`.padStart(10);
    console.log(`${what[i].padEnd(10)} ${times}   at most ${longest.toFixed(1)} ms`);
  }
  console.log();
}

if (isMainThread) {
  await measure(['readLock', 'readLock', 'writeLock', 'writeLock']);
  await measure(['readLock', 'readLock', 'readLock', 'writeLock']);
} else {
  const { handle, gate, method, seconds } = workerData;
  const lock = attach(handle);
  parentPort.postMessage('ready');
  Atomics.wait(gate, 0, 0);
  const end = performance.now() + seconds * 1000;
  let count = 0;
  let longest = 0;
  let sum = 0;
  for (let now = performance.now(); now < end; count++) {
    const guard = lock[method]();
    const had = performance.now();
    longest = Math.max(longest, had - now);
    for (let i = 0; i < 1000; i++) sum += i;
    guard.unlock();
    now = performance.now();
  }
  parentPort.postMessage({ count, longest, sum });
}
