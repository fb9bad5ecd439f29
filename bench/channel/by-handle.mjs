// What a message costs by the size of the buffer that it stands for: blocks of a pool by handle, and
// buffers transferred through a MessagePort.
//
//   node bench/channel/by-handle.mjs [--rounds 7] [--quick]
//
// Each buffer is written at its ends by the sender and read there by the receiver. Contenders take turns,
// sizes in an order of chance; medians are kept in bench/results/channel-by-handle.json. Ends with exit
// code 1 when the cost by handle is not flat within 20 %. --quick only shows that all of it runs, results
// into build/bench.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { attach, block, createChannel, f64, NumaPool, share, topology } from 'moirai';
import { chooseCpus, createPinned } from '../executor/placement.mjs';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';

const sizes = [64, 1024, 16_384, 262_144, 4_194_304];
const inFlight = 64;

function touch(bytes) {
  bytes[0] = 1;
  bytes[bytes.length - 1] = 2;
}

/** Each: `run(count)` moves that many buffers of `size` to the worker and resolves when it has had all. */
const contenders = {
  'block(pool)': (cpus, size) => {
    const pool = new NumaPool({ blockSize: size, blocksPerNode: inFlight });
    const there = createChannel({ kind: 'spsc', capacity: inFlight, codec: block(pool) });
    const back = createChannel({ kind: 'spsc', capacity: 4, codec: f64() });
    const ends = { receiver: share(there.receiver), answers: share(back.sender) };
    const worker = start(cpus, { job: 'blocks', ...ends });
    return {
      async run(count) {
        for (let left = count; left > 0; ) {
          const one = pool.tryAcquire();
          if (one === undefined) continue;
          touch(one.view);
          left--;
          there.sender.sendSync({ block: one, length: left === 0 ? 0 : 1 });
        }
        await back.receiver.receive();
      },
      async stop() {
        await worker.terminate();
        there.sender.close();
        pool.close();
      },
    };
  },
  // The same buffers go there and back, so none is made or collected; counted is one way.
  'transfer, there and back': (cpus, size) => {
    const worker = start(cpus, { job: 'returns' });
    const buffers = Array.from({ length: inFlight }, () => new ArrayBuffer(size));
    let arrived;
    let left = 0;
    worker.on('message', (buffer) => {
      buffers.push(buffer);
      send();
    });
    const send = () => {
      while (left > 0 && buffers.length > 0) {
        const buffer = buffers.pop();
        touch(new Uint8Array(buffer));
        worker.postMessage(buffer, [buffer]);
        left--;
      }
      if (left === 0 && buffers.length === inFlight) arrived();
    };
    return {
      run: (count) =>
        new Promise((resolve) => {
          arrived = resolve;
          left = Math.ceil(count / 2);
          send();
        }),
      stop: () => worker.terminate(),
    };
  },
  'transfer of a new buffer': (cpus, size) => {
    const worker = start(cpus, { job: 'takes' });
    let arrived;
    let left = 0;
    const send = () => {
      for (let i = 0; i < inFlight / 2 && left > 0; i++, left--) {
        const buffer = new ArrayBuffer(size);
        touch(new Uint8Array(buffer));
        worker.postMessage(buffer, [buffer]);
      }
    };
    worker.on('message', (all) => (all ? arrived() : send()));
    return {
      run: (count) =>
        new Promise((resolve) => {
          arrived = resolve;
          left = count;
          worker.postMessage(count);
          send();
          send();
        }),
      stop: () => worker.terminate(),
    };
  },
};

function start(cpus, data) {
  return createPinned(cpus, () => new Worker(new URL(import.meta.url), { workerData: data }));
}

const jobs = {
  async blocks({ receiver, answers }) {
    const input = attach(receiver);
    const output = attach(answers);
    for (;;) {
      const message = input.tryReceive() ?? (await input.receive());
      if (message.block.view[0] !== 1) throw new Error('not what was sent');
      message.block[Symbol.dispose]();
      if (message.length === 0) output.sendSync(1);
    }
  },
  returns() {
    parentPort.on('message', (buffer) => {
      if (new Uint8Array(buffer)[0] !== 1) throw new Error('not what was sent');
      parentPort.postMessage(buffer, [buffer]);
    });
  },
  takes() {
    let left = 0;
    parentPort.on('message', (message) => {
      if (typeof message === 'number') {
        left = message;
        return;
      }
      if (new Uint8Array(message)[0] !== 1) throw new Error('not what was sent');
      left--;
      if (left === 0) parentPort.postMessage(true);
      else if (left % (inFlight / 2) === 0) parentPort.postMessage(false);
    });
  },
};

/** Microseconds a message. */
async function measure(contender, cpus, size, roundMs) {
  const { run, stop } = contender(cpus, size);
  let count = 200;
  let spent = 0;
  for (const target of [roundMs / 4, roundMs / 4, roundMs]) {
    count = Math.max(200, Math.round(count * Math.min(20, target / (spent || target / 20))));
    const begin = performance.now();
    await run(count);
    spent = performance.now() - begin;
  }
  await stop();
  return (spent / count) * 1000;
}

function shuffled(list) {
  const left = [...list];
  return list.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

async function main() {
  const { values: options } = parseArgs({
    options: {
      rounds: { type: 'string', default: '7' },
      quick: { type: 'boolean', default: false },
    },
  });
  const rounds = options.quick ? 1 : Number(options.rounds);
  const cpus = chooseCpus(topology());
  createPinned(cpus, () => undefined);
  const others = watchOthers();
  const times = new Map();
  // What is compiled in the first turns would be the first size's.
  for (const contender of Object.values(contenders)) await measure(contender, cpus, sizes[0], 200);
  for (let round = 0; round < rounds; round++) {
    // In another order each time: what a turn leaves to the next, freed memory most of all, meets all sizes.
    for (const size of shuffled(sizes)) {
      for (const [name, contender] of Object.entries(contenders)) {
        const key = `${name}|${size}`;
        const list = times.get(key) ?? [];
        times.set(key, list);
        list.push(await measure(contender, cpus, size, options.quick ? 20 : 200));
      }
    }
  }
  const report = { machine: describeMachine(['moirai']), rounds, busy: others(), microseconds: {} };
  for (const name of Object.keys(contenders)) {
    const row = sizes.map((size) => Number(median(times.get(`${name}|${size}`)).toFixed(3)));
    report.microseconds[name] = Object.fromEntries(sizes.map((size, i) => [size, row[i]]));
    console.log(`${name.padEnd(28)}${row.map((us) => `${us} µs`.padStart(12)).join('')}`);
  }
  const flat = Object.values(report.microseconds['block(pool)']);
  report.spread = Number((Math.max(...flat) / Math.min(...flat) - 1).toFixed(3));
  console.log(
    `by handle: ${Math.round(report.spread * 100)} % between the cheapest and the dearest`,
  );
  console.log(report.busy);
  const folder = join(root, options.quick ? 'build/bench' : 'bench/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'channel-by-handle.json'), JSON.stringify(report));
  formatFile(join(folder, 'channel-by-handle.json'));
  if (!options.quick && report.spread > 0.2) process.exitCode = 1;
}

if (isMainThread) await main();
else await jobs[workerData.job](workerData);
