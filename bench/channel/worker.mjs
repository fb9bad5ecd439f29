// The other thread of the channel benchmark.
import { parentPort, workerData } from 'node:worker_threads';
import { attach } from 'moirai';
import { RingBuffer } from 'ringbuf.js';

const { job, receiver, answers, memory, size } = workerData;
const input = receiver && attach(receiver);
const output = answers && attach(answers);

/** Lets the event loop live between rounds; within one, messages are taken as fast as they come. */
async function rounds(round) {
  for (;;) round(await input.receive());
}

const jobs = {
  async numbers() {
    await rounds((first) => {
      for (let value = first; value !== -1; ) value = input.tryReceive() ?? 0;
      output.sendSync(1);
    });
  },
  async batches() {
    const into = new Float64Array(256);
    await rounds((first) => {
      for (let last = first; last !== -1; ) {
        const count = input.tryReceiveBatch(into);
        if (count > 0) last = into[count - 1];
      }
      output.sendSync(1);
    });
  },
  async structs() {
    await rounds((first) => {
      let sum = first.price;
      for (let seq = first.seq; seq !== 0; ) {
        const slot = input.tryPeek();
        if (slot === undefined) continue;
        sum += slot.view.price + slot.view.size;
        seq = slot.view.seq;
        slot.release();
      }
      output.sendSync(sum);
    });
  },
  ringbuf() {
    const ring = new RingBuffer(memory, Float64Array);
    const into = new Float64Array(size);
    parentPort.on('message', () => {
      for (let last = 0; last !== -1; ) {
        const count = ring.pop(into, size);
        if (count > 0) last = into[count - 1];
      }
      parentPort.postMessage(1);
    });
  },
  port() {
    let count = 0;
    parentPort.on('message', (message) => {
      const left = message.seq ?? message;
      if (left === 1) parentPort.postMessage(true);
      else if (++count % 512 === 0) parentPort.postMessage(false);
    });
  },
  broadcast() {
    const channel = new BroadcastChannel('bench');
    let count = 0;
    channel.addEventListener('message', ({ data }) => {
      if (data === 1) channel.postMessage('last');
      else if (++count % 512 === 0) channel.postMessage('more');
    });
    parentPort.postMessage('ready');
  },
  async echo() {
    for await (const value of input) output.trySend(value);
  },
  echoSync() {
    for (;;) output.sendSync(input.receiveSync());
  },
  echoAwake() {
    for (;;) {
      const value = input.tryReceive();
      if (value !== undefined) output.trySend(value);
    }
  },
  echoPort() {
    parentPort.on('message', (value) => parentPort.postMessage(value));
  },
};
await jobs[job]();
