// Runs some tasks while their statistics go to a file:  main.js FILE [TASKS]
import { Executor } from 'moirai';
import { PrometheusFile } from './prometheus-file.js';
import type * as tasks from './tasks.js';

const [path = 'moirai.prom', count = '2000'] = process.argv.slice(2);

await using executor = await Executor.start<typeof tasks>({
  tasks: new URL('./tasks.js', import.meta.url),
  metrics: { sink: new PrometheusFile(path), interval: 100 },
});

const failure = executor.run.fail().catch((error: unknown) => String(error));
const limits = Array.from({ length: Number(count) }, (_, index) => 1000 + 10 * index);
let total = 0;
for await (const sum of executor.map('divisorSum', limits)) total += sum;

console.log(`sum of all: ${total}`);
console.log(`one failed: ${await failure}`);
console.log(`see ${path}; closing writes it for the last time`);
