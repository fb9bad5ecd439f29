// A process that ought to do nothing; started by main.mjs, which reads its CPU time from outside.
// Says "ready" when all is set up and ends when its standard input does.
import { Worker } from 'node:worker_threads';

const { kind, workers, tasks: pending, ms } = JSON.parse(process.argv[2]);
const tasks = new URL('./tasks.mjs', import.meta.url);

const begin = {
  /** An executor that has worked and has nothing to do now. */
  async executor() {
    const { Executor } = await import('moirai');
    const executor = await Executor.start({ tasks, threads: workers });
    await Promise.all(Array.from({ length: pending }, () => executor.run.empty()));
  },
  /** An executor whose tasks all wait for a timer. */
  async timers() {
    const { Executor } = await import('moirai');
    const executor = await Executor.start({ tasks, threads: workers });
    for (let i = 0; i < pending; i++) void executor.run.wait(ms);
  },
  /** What Node itself takes: as many bare Workers with as many timers. */
  async bare() {
    const code = `const { wait } = await import(${JSON.stringify(tasks.href)});
      for (let i = 0; i < ${pending / workers}; i++) void wait(${ms});
      (await import('node:worker_threads')).parentPort.postMessage('up');`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
    await Promise.all(
      Array.from({ length: workers }, () => {
        const worker = new Worker(url);
        return new Promise((resolve) => {
          worker.once('message', resolve);
        });
      }),
    );
  },
};

await begin[kind]();
process.stdout.write('ready\n');
process.stdin.on('end', () => process.exit(0)).resume();
