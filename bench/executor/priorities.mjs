// How long does a task wait by priority, under a load that is more than the workers can do?
//
//   node bench/executor/priorities.mjs [--seconds N] [--out FOLDER]
//
// One worker. Critical, high, normal, low and idle tasks of 100 us each come all the time, every
// priority 64 at a time, so that all five always wait; the worker could be busy with any one of them.
// Prints how many of each were finished and how long they waited, and writes priorities.json into
// bench/results. Ends with exit code 1 if any priority starved.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Executor } from 'moirai';
import { describeMachine, formatFile, root } from '../machine.mjs';

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, out: { type: 'string' } },
});
const seconds = Number(options.seconds);
const out = options.out ?? join(root, 'bench/results');
const priorities = ['critical', 'high', 'normal', 'low', 'idle'];
const atATime = 64;

const executor = await Executor.start({
  tasks: new URL('./tasks.mjs', import.meta.url),
  threads: 1,
});
const end = performance.now() + seconds * 1000;
const loops = priorities.flatMap((priority) =>
  Array.from({ length: atATime }, async () => {
    while (performance.now() < end) await executor.spawn('burn', [100], { priority });
  }),
);
await Promise.all(loops);
const { waiting } = executor.stats();
await executor.close();

const rows = priorities.map((priority) => {
  const { count, p50, p99, max } = waiting[priority];
  return { priority, tasks: count, p50Us: p50, p99Us: p99, maxUs: max };
});
console.table(rows);
const file = join(out, 'priorities.json');
const machine = describeMachine(['moirai']);
writeFileSync(file, `${JSON.stringify({ machine, seconds, atATime, rows }, null, 2)}\n`);
formatFile(file);
process.exitCode = rows.every(({ tasks }) => tasks > atATime) ? 0 : 1;
