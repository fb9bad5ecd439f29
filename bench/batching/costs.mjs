// What a message costs the thread that sends it and the one that receives it, apart from the way between
// two CPUs: one thread does both in turn, 500 at a time, and the fastest turn counts, which a busy machine
// spoils least.
//
//   node bench/batching/costs.mjs
import { cloneable, createChannel, f64, utf8 } from 'moirai';

const each = 500;
const turns = 2000;
const order = { id: 7, symbol: 'ABCDEF', price: 101.5, buy: true, venue: 'XY' };
const codecs = {
  'f64()': [f64, 1.5],
  'utf8(32), 5 characters': [() => utf8(32), 'hello'],
  'cloneable(64), a number': [() => cloneable(64), 7],
  'cloneable(256), five fields': [() => cloneable(256), order],
};

function costs(kind, codec, value, batching) {
  const room = batching === undefined ? { capacity: 1024 } : { capacity: 64, batching };
  const { sender, receiver } = createChannel({ kind, codec, ...room });
  let send = Infinity;
  let receive = Infinity;
  for (let turn = 0; turn < turns; turn++) {
    const begin = performance.now();
    for (let i = 0; i < each; i++) sender.trySend(value);
    const sent = performance.now();
    let count = 0;
    while (receiver.tryReceive() !== undefined) count++;
    const end = performance.now();
    send = Math.min(send, ((sent - begin) * 1e6) / each);
    if (count >= each / 2) receive = Math.min(receive, ((end - sent) * 1e6) / count);
  }
  receiver.close();
  sender.close();
  return `${send.toFixed(0)} + ${receive.toFixed(0)}`;
}

const table = {};
for (const [name, [make, value]] of Object.entries(codecs)) {
  table[name] = {};
  for (const kind of ['spsc', 'mpmc']) {
    table[name][`${kind} alone`] = costs(kind, make(), value, undefined);
    table[name][`${kind} in batches`] = costs(kind, make(), value, {});
  }
}
console.log('ns to send + ns to receive');
console.table(table);
