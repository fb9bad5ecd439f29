// What it takes to begin: the import of the package, an executor with two workers ready, and, beside
// it, two bare Workers that import the same tasks and say so. Each run is a process of its own, the
// kinds take turns, medians are printed.
//
//   npm run build && node bench/executor/startup.mjs [rounds]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describeMachine } from '../machine.mjs';

const tasks = new URL('./tasks.mjs', import.meta.url);
const now = performance.now.bind(performance);

const kinds = {
  async import() {
    const start = now();
    await import('moirai');
    return now() - start;
  },
  async executor() {
    const { Executor } = await import('moirai');
    const start = now();
    await Executor.start({ tasks, threads: 2 });
    return now() - start;
  },
  async bare() {
    const code = `import(${JSON.stringify(tasks.href)}).then(() =>
      require('node:worker_threads').parentPort.postMessage('ready'))`;
    const start = now();
    await Promise.all(
      Array.from({ length: 2 }, () => {
        const worker = new Worker(code, { eval: true });
        return new Promise((resolve) => {
          worker.once('message', resolve);
        });
      }),
    );
    return now() - start;
  },
};

const kind = process.argv[2] ?? '15';
if (kind in kinds) {
  const ms = await kinds[kind]();
  process.stdout.write(String(ms), () => process.exit(0));
} else {
  compare(Number(kind));
}

function compare(rounds) {
  console.log(describeMachine());
  const samples = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, list] of Object.entries(samples)) {
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [fileURLToPath(import.meta.url), name],
        { encoding: 'utf8' },
      );
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      list.push(Number(stdout));
    }
  }
  const at = (name, share) => {
    const sorted = samples[name].toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) * share)];
  };
  for (const name of Object.keys(samples)) {
    console.log(
      `${name}: ${at(name, 0.5).toFixed(1)} ms (quarter ${at(name, 0.25).toFixed(1)}, best ${at(name, 0).toFixed(1)})`,
    );
  }
  console.log(`executor / bare: ${(at('executor', 0.5) / at('bare', 0.5)).toFixed(2)}`);
}
