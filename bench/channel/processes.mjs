// Messages from one process to another, beside a Unix socket and the IPC channel of child_process: how many
// a second, and how long one takes there and back.
//
//   npm run bench:processes [-- --rounds 5] [-- --quick]
//
// Each contender and round has a child of its own, which sends back what it is told to; rounds alternate,
// medians are printed and kept in bench/results/processes.json. Nobody is pinned.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createChannel, f64, openChannel } from 'moirai';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, quick: { type: 'boolean', default: false } },
});
const trips = options.quick ? 300 : 5000;
const messages = options.quick ? 20_000 : 300_000;

/** The peer counts numbers and answers a negative one by how many came since the last. */
class Counter {
  #count = 0;
  /** The answer, or undefined. */
  take(value) {
    this.#count++;
    if (value >= 0) return undefined;
    const answer = this.#count;
    this.#count = 0;
    return answer;
  }
}

const peers = {
  async channel(name) {
    const { receiver } = openChannel(name);
    const { sender } = openChannel(`${name}-back`);
    const counter = new Counter();
    for await (const value of receiver) {
      const answer = counter.take(value);
      if (answer !== undefined) await sender.send(answer);
    }
    sender.close();
  },
  async socket(path) {
    const socket = connect(path);
    const counter = new Counter();
    readNumbers(socket, (value) => {
      const answer = counter.take(value);
      if (answer !== undefined) socket.write(bytesOf([answer]));
    });
    await once(socket, 'close');
  },
  async ipc() {
    const counter = new Counter();
    process.on('message', (value) => {
      const answer = counter.take(value);
      if (answer !== undefined) process.send(answer);
    });
    await once(process, 'disconnect');
  },
};

function bytesOf(numbers) {
  return Buffer.from(Float64Array.from(numbers).buffer);
}

function readNumbers(socket, take) {
  let rest = Buffer.alloc(0);
  socket.on('data', (data) => {
    const all = rest.length === 0 ? data : Buffer.concat([rest, data]);
    const whole = all.length - (all.length % 8);
    for (let at = 0; at < whole; at += 8) take(all.readDoubleLE(at));
    rest = all.subarray(whole);
  });
}

const start = (...args) => fork(fileURLToPath(import.meta.url), ['peer', ...args]);

/** Each gives `send`, which resolves when more may follow, and `answer`. */
const contenders = {
  ...Object.fromEntries(
    ['spsc', 'mpmc'].map((kind) => [
      `moirai ${kind}`,
      async () => {
        const name = `bench-${process.pid}-${kind}`;
        const there = createChannel({ name, kind, codec: f64() });
        const back = createChannel({ name: `${name}-back`, kind, codec: f64() });
        const { sender } = there;
        const { receiver } = back;
        const child = start('channel', name);
        return {
          send: (value) => (sender.trySend(value) ? undefined : sender.send(value)),
          answer: () => receiver.receive(),
          stop: async () => {
            sender.close();
            await once(child, 'exit');
            receiver.close();
          },
        };
      },
    ]),
  ),
  'Unix socket': async () => {
    const path = `/tmp/moirai-bench-${process.pid}.sock`;
    const server = createServer();
    server.listen(path);
    await once(server, 'listening');
    const child = start('socket', path);
    const [socket] = await once(server, 'connection');
    const answers = [];
    const waiting = [];
    readNumbers(socket, (value) => {
      if (waiting.length > 0) waiting.shift()(value);
      else answers.push(value);
    });
    return {
      send: (value) => (socket.write(bytesOf([value])) ? undefined : once(socket, 'drain')),
      answer: () =>
        answers.length > 0
          ? Promise.resolve(answers.shift())
          : new Promise((resolve) => waiting.push(resolve)),
      stop: async () => {
        socket.end();
        server.close();
        await once(child, 'exit');
      },
    };
  },
  'child_process IPC': async () => {
    const child = start('ipc');
    return {
      send: (value) =>
        child.send(value) ? undefined : new Promise((resolve) => setImmediate(resolve)),
      answer: async () => (await once(child, 'message'))[0],
      stop: async () => {
        child.disconnect();
        await once(child, 'exit');
      },
    };
  },
};

async function measure(contender) {
  const { send, answer, stop } = await contender();
  const trip = async () => {
    const answered = answer();
    await send(-1);
    return answered;
  };
  for (let i = 0; i < 200; i++) await trip();
  const times = new Float64Array(trips);
  for (let i = 0; i < trips; i++) {
    const begin = performance.now();
    await trip();
    times[i] = (performance.now() - begin) * 1000;
  }
  const begin = performance.now();
  const answered = answer();
  for (let i = 1; i < messages; i++) {
    const room = send(i);
    if (room !== undefined) await room;
  }
  await send(-1);
  if ((await answered) !== messages) throw new Error('messages were lost');
  const rate = (messages / (performance.now() - begin)) * 1000;
  await stop();
  times.sort();
  return { rate, p50: times[trips >> 1], p99: times[Math.floor(trips * 0.99)] };
}

async function main() {
  const samples = new Map(Object.keys(contenders).map((name) => [name, []]));
  const others = watchOthers();
  for (let round = 0; round < (options.quick ? 1 : Number(options.rounds)); round++) {
    for (const [name, contender] of Object.entries(contenders)) {
      samples.get(name).push(await measure(contender));
    }
  }
  const of = (list, key) => median(list.map((sample) => sample[key]));
  const results = Object.fromEntries(
    [...samples].map(([name, list]) => [
      name,
      {
        messagesPerSecond: Math.round(of(list, 'rate')),
        p50: Number(of(list, 'p50').toFixed(1)),
        p99: Number(of(list, 'p99').toFixed(1)),
      },
    ]),
  );
  console.table(results);
  const report = { machine: describeMachine(['moirai']), busy: others(), results };
  const folder = join(root, options.quick ? 'build/bench' : 'bench/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'processes.json'), JSON.stringify(report));
  formatFile(join(folder, 'processes.json'));
}

if (positionals[0] === 'peer') {
  await peers[positionals[1]](positionals[2]);
  if (process.connected) process.disconnect();
} else {
  await main();
}
