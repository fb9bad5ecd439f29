// The receiving thread: takes what comes until the sender has closed, then says how much, or when.
import { parentPort, workerData } from 'node:worker_threads';
import { attach } from 'moirai';

const receiver = attach(workerData.receiver);
parentPort.postMessage('ready');

/** In the thread's own loop, blocking when there is nothing. */
function count() {
  let messages = 0;
  try {
    for (;;) {
      if (receiver.tryReceive() === undefined) receiver.receiveSync();
      messages++;
    }
  } catch (error) {
    if (error.code !== 'ERR_MOIRAI_DISCONNECTED') throw error;
  }
  return messages;
}

/** Each message is the time at which it was sent, in ms of the clock that all threads have. */
async function delays() {
  const samples = [];
  for await (const sent of receiver) {
    const now = Number(process.hrtime.bigint()) / 1e6;
    samples.push([sent, now - sent]);
  }
  return samples;
}

const result = workerData.job === 'count' ? count() : await delays();
parentPort.postMessage({ result, stats: receiver.stats() });
