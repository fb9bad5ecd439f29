// How long something takes to be there, in a fresh process; started by main.mjs. Prints milliseconds:
// `import` of the package, `ready` from there until both workers have loaded the tasks.
import { contenders } from './contenders.mjs';
import { createMeeting } from './meeting.mjs';

const workers = 2;
const who = process.argv[2];

async function startBare() {
  const { Worker } = await import('node:worker_threads');
  const start = performance.now();
  await Promise.all(
    Array.from({ length: workers }, () => {
      const worker = new Worker(new URL('./pool-start-worker.mjs', import.meta.url));
      return new Promise((resolve) => {
        worker.once('message', resolve);
      });
    }),
  );
  return { ready: performance.now() - start };
}

async function startPool() {
  const { package: name, start: create } = contenders[who];
  const began = performance.now();
  await import(name);
  const imported = performance.now();
  const call = await create({ task: 'meet', workers });
  // Executor.start resolves when all workers have loaded the tasks. Of the others nobody says so, but
  // two tasks that wait for each other do: one round trip more.
  if (name !== 'moirai') {
    const meeting = createMeeting(workers);
    await Promise.all(Array.from({ length: workers }, () => call(meeting.buffer)));
  }
  return { import: imported - began, ready: performance.now() - imported };
}

const result = await (who === 'bare Workers' ? startBare() : startPool());
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
