// The contenders: each moves messages from this thread to one worker (or between them, for latency),
// in the way that its own documentation shows.
import { Worker } from 'node:worker_threads';
import { createChannel, f64, share, struct } from 'moirai';
import { RingBuffer } from 'ringbuf.js';
import { createPinned } from '../executor/placement.mjs';

export const tick = struct({
  price: 'f64',
  size: 'f64',
  bid: 'f64',
  ask: 'f64',
  at: 'f64',
  seq: 'u32',
  venue: 'u32',
  flags: 'f64',
  id: 'f64',
});

const capacity = 1024;
const workerUrl = new URL('./worker.mjs', import.meta.url);

function start(workerData, cpus, transferList = []) {
  return createPinned(cpus, () => new Worker(workerUrl, { workerData, transferList }));
}

/** Each case: `run(count)` moves that many messages and resolves when the worker has had them all. */
function moirai(kind, codec, job, send) {
  return (cpus) => {
    const there = createChannel({ kind, capacity, codec });
    const back = createChannel({ kind: 'spsc', capacity: 4, codec: f64() });
    const worker = start(
      { job, receiver: share(there.receiver), answers: share(back.sender) },
      cpus,
    );
    return {
      async run(count) {
        send(there.sender, count);
        await back.receiver.receive();
      },
      stop: () => worker.terminate(),
    };
  };
}

function oneByOne(sender, count) {
  for (let i = 1; i < count; ) if (sender.trySend(i)) i++;
  sender.sendSync(-1);
}

const batch = new Float64Array(256).fill(1);
function batches(sender, count) {
  for (let left = count - 1; left > 0; ) {
    left -= sender.trySendBatch(left < 256 ? batch.subarray(0, left) : batch);
  }
  sender.sendSync(-1);
}

function inPlace(sender, count) {
  for (let i = 1; i <= count; ) {
    const slot = sender.tryClaim();
    if (slot === undefined) continue;
    const { view } = slot;
    view.price = i;
    view.size = 2;
    view.seq = i === count ? 0 : i;
    slot.commit();
    i++;
  }
}

/** A ring of ringbuf.js, one number or 256 at a time. */
function ringbuf(size) {
  return (cpus) => {
    const memory = RingBuffer.getStorageForCapacity(capacity, Float64Array);
    const ring = new RingBuffer(memory, Float64Array);
    const worker = start({ job: 'ringbuf', memory, size }, cpus);
    const values = new Float64Array(size).fill(1);
    const last = Float64Array.of(-1);
    return {
      async run(count) {
        const answered = new Promise((resolve) => worker.once('message', resolve));
        worker.postMessage('begin');
        for (let left = count - 1; left > 0; ) {
          left -= ring.push(values, left < size ? left : size);
        }
        while (ring.push(last, 1) === 0);
        await answered;
      },
      stop: () => worker.terminate(),
    };
  };
}

/** A message each; the worker answers the last. At most `capacity` are on their way, as in a ring. */
function messagePort(message) {
  return (cpus) => {
    const worker = start({ job: 'port' }, cpus);
    let answered;
    let left = 0;
    const more = () => {
      for (let i = 0; i < capacity / 2 && left > 0; i++, left--) worker.postMessage(message(left));
    };
    worker.on('message', (last) => (last ? answered() : more()));
    return {
      run: (count) =>
        new Promise((resolve) => {
          answered = resolve;
          left = count;
          more();
          more();
        }),
      stop: () => worker.terminate(),
    };
  };
}

function broadcast(cpus) {
  const channel = new BroadcastChannel('bench');
  const worker = start({ job: 'broadcast' }, cpus);
  let answered;
  let left = 0;
  const more = () => {
    for (let i = 0; i < capacity / 2 && left > 0; i++, left--) channel.postMessage(left);
  };
  channel.addEventListener('message', ({ data }) => {
    if (data === 'last') answered();
    else if (data === 'more') more();
  });
  const ready = new Promise((resolve) => worker.once('message', resolve));
  return {
    async run(count) {
      await ready;
      await new Promise((resolve) => {
        answered = resolve;
        left = count;
        more();
        more();
      });
    },
    stop() {
      channel.close();
      return worker.terminate();
    },
  };
}

function pingPong(kind, sync) {
  return (cpus) => {
    const there = createChannel({ kind, capacity: 4, codec: f64() });
    const back = createChannel({ kind, capacity: 4, codec: f64() });
    const ends = { receiver: share(there.receiver), answers: share(back.sender) };
    const worker = start({ job: sync ? 'echoSync' : 'echo', ...ends }, cpus);
    return {
      async trip(i) {
        if (sync) {
          there.sender.sendSync(i);
          back.receiver.receiveSync();
        } else {
          there.sender.trySend(i);
          await back.receiver.receive();
        }
      },
      stop: () => worker.terminate(),
    };
  };
}

/** Neither thread ever leaves its loop. */
function pingPongAwake(cpus) {
  const there = createChannel({ kind: 'spsc', capacity: 4, codec: f64() });
  const back = createChannel({ kind: 'spsc', capacity: 4, codec: f64() });
  const ends = { receiver: share(there.receiver), answers: share(back.sender) };
  const worker = start({ job: 'echoAwake', ...ends }, cpus);
  return {
    trip(i) {
      there.sender.trySend(i);
      while (back.receiver.tryReceive() === undefined);
    },
    stop: () => worker.terminate(),
  };
}

function pingPongPort(cpus) {
  const worker = start({ job: 'echoPort' }, cpus);
  let arrived;
  worker.on('message', () => arrived());
  return {
    trip: (i) =>
      new Promise((resolve) => {
        arrived = resolve;
        worker.postMessage(i);
      }),
    stop: () => worker.terminate(),
  };
}

export const throughput = {
  'numbers, spsc': moirai('spsc', f64(), 'numbers', oneByOne),
  'numbers, mpmc': moirai('mpmc', f64(), 'numbers', oneByOne),
  'numbers in batches, spsc': moirai('spsc', f64(), 'batches', batches),
  'structs of 64 bytes in place, spsc': moirai('spsc', tick, 'structs', inPlace),
  'numbers, ringbuf.js': ringbuf(1),
  'numbers in batches, ringbuf.js': ringbuf(256),
  'numbers, MessagePort': messagePort((left) => left),
  'objects of 9 fields, MessagePort': messagePort((left) => ({
    price: left,
    size: 2,
    bid: 0,
    ask: 0,
    at: 0,
    seq: left,
    venue: 0,
    flags: 0,
    id: 0,
  })),
  'numbers, BroadcastChannel': broadcast,
};

export const latency = {
  'receive(), spsc': pingPong('spsc', false),
  'receiveSync(), spsc': pingPong('spsc', true),
  MessagePort: pingPongPort,
};

/** Contenders that would keep both CPUs busy while they wait. */
export const spinningOnly = { 'tryReceive() in a loop, spsc': pingPongAwake };
