// A payload as a SharedArrayBuffer given to a task, beside one copied by a bare MessagePort: what one
// task costs, by size of payload. One worker each; the rounds alternate, medians are printed.
//
//   npm run build && node bench/executor/shared-buffer.mjs [rounds]
import { MessageChannel, Worker } from 'node:worker_threads';
import { Executor } from 'moirai';
import { describeMachine } from '../machine.mjs';

const rounds = Number(process.argv[2] ?? 5);
const now = performance.now.bind(performance);
const sizes = { '1 KiB': 1 << 10, '1 MiB': 1 << 20, '64 MiB': 1 << 26 };

const executor = await Executor.start({ threads: 1 });
const touch = (bytes) => bytes[0] + bytes.length;
const byNumber = (size) => {
  const shared = new Uint8Array(new SharedArrayBuffer(size));
  return () => executor.call(touch, shared);
};

const { port1, port2 } = new MessageChannel();
const code = `const { workerData } = require('node:worker_threads');
  workerData.on('message', (bytes) => workerData.postMessage(bytes[0] + bytes.length));`;
const worker = new Worker(code, { eval: true, workerData: port2, transferList: [port2] });
const waiting = [];
port1.on('message', (answer) => waiting.shift()(answer));
const byClone = (size) => {
  const bytes = new Uint8Array(size);
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port1.postMessage(bytes);
    });
};

/** Microseconds a task, with so many in flight, over at least 150 ms. */
async function cost(call, inFlight) {
  const start = now();
  let count = 0;
  let spent;
  do {
    await Promise.all(Array.from({ length: inFlight }, call));
    count += inFlight;
    spent = now() - start;
  } while (spent < 150);
  return (spent / count) * 1000;
}

console.log(describeMachine());
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
for (const [name, size] of Object.entries(sizes)) {
  for (const inFlight of size > 1 << 20 ? [1] : [1, 64]) {
    const methods = { number: byNumber(size), clone: byClone(size) };
    const costs = { number: [], clone: [] };
    for (const call of Object.values(methods)) await cost(call, inFlight);
    for (let round = 0; round < rounds; round++) {
      for (const [method, call] of Object.entries(methods)) {
        costs[method].push(await cost(call, inFlight));
      }
    }
    const [number, clone] = [median(costs.number), median(costs.clone)];
    console.log(
      `${name}, ${inFlight} in flight: shared ${number.toFixed(1)} µs, cloned ${clone.toFixed(1)} µs: ${(clone / number).toFixed(1)}x`,
    );
  }
}
port1.close();
await worker.terminate();
await executor.close();
