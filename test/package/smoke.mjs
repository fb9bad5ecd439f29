// A little of everything that hangs on the platform, in an installed package. Prints a line for each.
import { createRequire } from 'node:module';
import * as moirai from 'moirai';

const say = (what, how) => console.log(`${what}: ${how}`);
const equal = (actual, expected) => {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
};

say('platform', `${process.platform}-${process.arch}, Node.js ${process.version}`);
say('package', createRequire(import.meta.url)('moirai/package.json').version);

const executor = await moirai.Executor.start({ threads: 2 });
const sums = Array.from({ length: 100 }, (_, i) => executor.call((a, b) => a + b, i, 1));
equal((await Promise.all(sums)).at(-1), 100);
equal(await executor.call((text) => text.toUpperCase(), 'ä'.repeat(5000)), 'Ä'.repeat(5000));
say('executor', `${sums.length + 1} tasks on 2 workers`);

const { sender, receiver } = moirai.createChannel({ kind: 'mpmc', codec: moirai.f64() });
const arrived = executor.call(async (incoming) => {
  let sum = 0;
  for await (const value of incoming) sum += value;
  return sum;
}, receiver);
for (let i = 1; i <= 1000; i++) await sender.send(i);
sender.close();
equal(await arrived, 500500);
say('channel', '1000 numbers to another thread');

const mutex = new moirai.Mutex();
const guard = mutex.lock();
equal(await executor.call((other) => other.tryLock(), mutex), null);
guard.unlock();
(await mutex.lockAsync()).unlock();
say('mutex', 'locked, refused, unlocked, locked asynchronously');

const block = moirai.numa.allocate(2 ** 16, { node: 0 });
const cells = block.view(Float64Array);
cells.fill(1.5);
equal(cells[8191], 1.5);
const degraded = block.degraded.map(({ what, why }) => `${what}: ${why}`).join('; ');
say('NUMA', `64 KiB on node 0${degraded === '' ? '' : `, degraded: ${degraded}`}`);
block.free();

for (const [name, { state, reason }] of Object.entries(moirai.capabilities()))
  say(`probe ${name}`, reason === undefined ? state : `${state}, ${reason}`);
await executor.close();
say('smoke test', 'passed');
