// How long is a pool without a worker that had to be ended by force?
//
//   node bench/executor/replacement.mjs [--rounds N]
//
// One worker, an endless task, 500 tasks behind it. In each round the endless one is cancelled by
// force without any grace; measured are the times until its handle is settled, until the first of the
// others is done, which is when the replacement works, and until all of them are.
import { parseArgs } from 'node:util';
import { Executor } from 'moirai';
import { median } from '../machine.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const tasks = new URL('./tasks.mjs', import.meta.url);
const executor = await Executor.start({ tasks, threads: 1 });
const rows = { settled: [], replaced: [], all: [] };
for (let round = 0; round < Number(values.rounds); round++) {
  const endless = executor.spawn('burn', [Number.POSITIVE_INFINITY]);
  while (endless.status === 'queued') await new Promise(setImmediate);
  const others = Array.from({ length: 500 }, (_, i) => executor.spawn('number', [i]));
  const began = performance.now();
  const since = () => performance.now() - began;
  endless.cancel('measured', { force: true, grace: 0 });
  await endless.catch(() => rows.settled.push(since()));
  await Promise.race(others);
  rows.replaced.push(since());
  const results = await Promise.all(others);
  rows.all.push(since());
  if (results.some((value, i) => value !== i + 1)) throw new Error('a neighbour went wrong');
}
await executor.close();
for (const [name, times] of Object.entries(rows)) {
  const most = Math.max(...times).toFixed(1);
  process.stdout.write(
    `${name.padEnd(9)} median ${median(times).toFixed(1)} ms, at most ${most} ms\n`,
  );
}
