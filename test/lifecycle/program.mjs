// One process of the life-and-death table: brings an executor, or channels, into a state, then ends in
// some way.
// usage: program.mjs STATE ENDING
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  Condition,
  createChannel,
  Executor,
  f64,
  Mutex,
  RealtimeContext,
  RtConstraints,
  share,
} from 'moirai';

const [state, ending] = isMainThread ? process.argv.slice(2) : workerData;
const tasks = new URL('./tasks.mjs', import.meta.url);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What the executor is doing when the end comes.
const states = {
  async starting() {
    Executor.start({ tasks, threads: 2 }).catch(() => {});
    await sleep(5);
  },
  async idle() {
    const executor = await Executor.start({ tasks, threads: 2 });
    await executor.run.noop();
    return executor;
  },
  async busy() {
    const executor = await Executor.start({ tasks, threads: 2 });
    for (let i = 0; i < 2; i++) executor.run.forever().catch(() => {});
    for (let i = 0; i < 1000; i++) executor.run.busy(1).catch(() => {});
    await sleep(20);
    return executor;
  },
  async parked() {
    const executor = await Executor.start({ tasks, threads: 2 });
    for (let i = 0; i < 10; i++) executor.run.pending().catch(() => {});
    await sleep(50);
    return executor;
  },
  async closing() {
    const executor = await Executor.start({ tasks, threads: 2 });
    for (let i = 0; i < 10; i++) executor.run.pending().catch(() => {});
    executor.close().catch(() => {});
    await sleep(5);
    return executor;
  },
  // Told to end and given more time than there is.
  async cancelling() {
    const executor = await Executor.start({ tasks, threads: 2 });
    for (const name of ['forever', 'pending', 'pending']) {
      const handle = executor.spawn(name, []);
      while (handle.status === 'queued') await sleep(1);
      handle.cancel(undefined, { force: true, grace: 60_000 });
    }
    return executor;
  },
  // Before the limit, and while what exceeded it is being ended.
  async limited() {
    const executor = await Executor.start({ tasks, threads: 2 });
    for (let i = 0; i < 10; i++) {
      executor.spawn('pending', [], { timeout: 60_000 }).catch(() => {});
      executor.spawn('pending', [], { timeout: 1 + i, grace: i }).catch(() => {});
    }
    executor.spawn('forever', [], { timeout: 5, grace: 10 }).catch(() => {});
    await sleep(20);
    return executor;
  },
  async waiting() {
    const executor = await Executor.start({ tasks, threads: 1, maxQueue: 2, onFull: 'wait' });
    for (let i = 0; i < 100; i++) executor.run.pending().catch(() => {});
    return executor;
  },
  async growing() {
    const executor = await Executor.start({ tasks, minThreads: 1, maxThreads: 4 });
    for (let i = 0; i < 50; i++) executor.run.busy(50).catch(() => {});
    await sleep(10);
    return executor;
  },
  async blocking() {
    const executor = await Executor.start({ tasks, threads: 1 });
    const handle = executor.spawn('blocked', [], { blocking: true });
    handle.catch(() => {});
    while (handle.status === 'queued') await sleep(1);
    return executor;
  },
  // Some workers are being born, others leave while they have something to do.
  async resizing() {
    const executor = await Executor.start({ tasks, threads: 3 });
    for (let i = 0; i < 6; i++) executor.run.pending().catch(() => {});
    await sleep(10);
    for (const threads of [1, 4, 2, 3]) executor.resize(threads).catch(() => {});
    await sleep(5);
    return executor;
  },
  // Tiny tasks without pause, so that both sides are in the middle of their loops.
  async flooded() {
    const executor = await Executor.start({ tasks, threads: 2 });
    const flood = async () => {
      for (;;) await executor.run.noop();
    };
    for (let i = 0; i < 64; i++) flood().catch(() => {});
    await sleep(20);
    return executor;
  },
};

// Channels between this thread and others: one that floods, one that sleeps in its event loop, one
// that blocks; this one receives, and waits for what never comes.
states.conversing = async () => {
  const ends = new URL('../channel/fixtures/ends.mjs', import.meta.url);
  const workers = [];
  const start = (job) => workers.push(new Worker(ends, { workerData: job }));
  const flood = createChannel({ kind: 'spsc', codec: f64() });
  start({ job: 'countSync', count: 1e12, sender: share(flood.sender) });
  void (async () => {
    for await (const _ of flood.receiver);
  })().catch(() => {});
  const silent = createChannel({ codec: f64() });
  for (const job of ['blockForEver', 'collect']) start({ job, receiver: share(silent.receiver) });
  createChannel()
    .receiver.receive()
    .catch(() => {});
  await once(workers[1], 'message');
  await sleep(20);
  return {
    close: () =>
      Promise.all(workers.map((worker) => worker.terminate())).then(() => process.exit(5)),
  };
};

// Real-time threads, which sleep in native code or in their event loop; with ticks that are in time, far
// away, always late, and one that never returns.
const loops = new URL('../realtime/fixtures/loops.mjs', import.meta.url);
for (const [name, mode, tick, periodUs] of [
  ['ticking', 'exclusive', 'allocates', 500],
  ['ticking in the event loop', 'cooperative', 'allocates', 500],
  ['between far ticks', 'exclusive', 'nothing', 3.6e9],
  ['always late', 'exclusive', 'alwaysLong', 1000],
  ['stuck in a tick', 'exclusive', 'never', 1000],
]) {
  states[name] = async () => {
    const policy = RtConstraints.fifo(2);
    const rt = await RealtimeContext.start({ tasks: loops, policy, mode, required: false });
    rt.periodic('nothing', { periodUs: 700 });
    const task = rt.periodic(tick, { periodUs });
    const wanted = periodUs > 1e9 ? 0 : 2;
    while (task.stats().ticks < wanted) await sleep(5);
    return rt;
  };
}
states.watched = async () => {
  const policy = RtConstraints.fifo(2);
  const rt = await RealtimeContext.start({ tasks: loops, policy, required: false });
  const watchdog = { timeoutUs: 1e9, safeState: 'nothing' };
  const task = rt.periodic('nothing', { periodUs: 1000, watchdog });
  while (task.stats().ticks < 2) await sleep(5);
  return rt;
};
const quietly = { tasks: loops, policy: RtConstraints.fifo(2), required: false };
// Without a task, and with one that ends although no timer waits for that.
states.resting = () => RealtimeContext.start(quietly);
states.finishing = async () => {
  const rt = await RealtimeContext.start(quietly);
  const task = rt.periodic('nothing', { periodUs: 1000 });
  const stop = () => void task.stop().then(() => (process.exitCode = 5));
  setTimeout(stop, 200).unref();
  return rt;
};

// Threads that hold a mutex, block for it, wait for it in their loops, and wait at a condition; this one
// waits for what never comes.
states.locking = async () => {
  const fixtures = new URL('../sync/fixtures/', import.meta.url);
  const [held, free] = [new Mutex(), new Mutex()];
  const condition = new Condition();
  const words = new Int32Array(new SharedArrayBuffer(16));
  const workers = [];
  const start = (file, job, mutex) => {
    const locks = { mutex: share(mutex), condition: share(condition) };
    const worker = new Worker(new URL(file, fixtures), { workerData: { job, words, ...locks } });
    // Of several that are terminated at once, one may hear before its own end that the owner has died.
    worker.on('error', () => {});
    workers.push(worker);
    return worker;
  };
  await once(start('holder.mjs', 'hold', held), 'message');
  const waiters = ['block', 'waitInLoop'].map((job) => start('holder.mjs', job, held));
  for (const job of ['block', 'loop']) start('waiter.mjs', job, free);
  await Promise.all(waiters.map((worker) => once(worker, 'message')));
  while (words[0] < 2) await sleep(1);
  held.lockAsync().catch(() => {});
  await sleep(10);
  return {
    close: () =>
      Promise.all(workers.map((worker) => worker.terminate())).then(() => process.exit(5)),
  };
};

const endings = {
  exit: () => process.exit(7),
  async throw() {
    setImmediate(() => {
      throw new Error('planned');
    });
    await sleep(1000);
  },
  async reject() {
    void Promise.reject(new Error('planned'));
    await sleep(1000);
  },
  async signal() {
    process.kill(process.pid, 'SIGTERM');
    await sleep(10_000);
  },
  async forceClose(executor) {
    await executor?.close({ force: true });
    process.exitCode = 5;
    if (executor === undefined) process.exit(5);
  },
  // Nothing more to do: an idle executor lets the process end.
  natural() {
    process.exitCode = 4;
  },
};

if (isMainThread && ending === 'terminate') {
  // The executor's owner is itself a Worker, which is terminated.
  const worker = new Worker(new URL(import.meta.url), { workerData: [state, 'stay'] });
  await Promise.race([once(worker, 'message'), once(worker, 'exit')]);
  await worker.terminate();
  console.log('terminated');
  process.exitCode = 3;
} else if (ending === 'doubleLoad') {
  // The same addon under another name is another library with state of its own.
  const require = createRequire(import.meta.url);
  const directory = mkdtempSync(join(tmpdir(), 'moirai-'));
  const release = new URL('../../build/Release/', import.meta.url).pathname;
  const file = readdirSync(release).find((name) => name.endsWith('.node'));
  copyFileSync(join(release, file), join(directory, 'copy.node'));
  const copy = require(join(directory, 'copy.node'));
  rmSync(directory, { recursive: true });
  if (typeof copy.openExecutor !== 'function') throw new Error('the copy has no functions');
  await states[state]();
  process.exit(6);
} else {
  const executor = await states[state]();
  if (ending === 'stay') {
    parentPort.postMessage('up');
    setInterval(() => {}, 1000);
  } else {
    await endings[ending](executor);
  }
}
