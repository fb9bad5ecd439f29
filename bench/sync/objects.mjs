// What the friends of the mutex cost in JavaScript, by themselves: nobody else is at them.
//
//   npm run bench:objects [-- --rounds 7] [-- --quick]
//
// CPU time of one thread and not the time of a clock, so that other processes do not count (what they do
// to caches does). Each round is a process of its own for each contender; rounds alternate, medians are kept
// in bench/results/shared-objects.json. A Map and async-mutex's Semaphore belong to one thread: they are
// there for scale.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Semaphore as AsyncSemaphore } from 'async-mutex';
import { Barrier, Once, RwLock, Semaphore, SharedMap, SharedStack, WaitGroup } from 'moirai';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
    contender: { type: 'string' },
  },
});

const name = `bench-${process.pid}`;
const keys = Array.from({ length: 1000 }, (_, i) => `key-${i}`);

/** A map of a thousand entries with values of so many bytes. */
function filled(bytes, more = {}) {
  const map = new SharedMap({ capacity: 1024, valueBytes: bytes, ...more });
  for (const key of keys) map.set(key, new Uint8Array(bytes));
  return map;
}

/** By name: makes what is called again and again. */
const contenders = {
  'RwLock: readLock, unlock': () => {
    const lock = new RwLock();
    return () => lock.readLock().unlock();
  },
  'RwLock: writeLock, unlock': () => {
    const lock = new RwLock();
    return () => lock.writeLock().unlock();
  },
  'RwLock, named: readLock, unlock': () => {
    const lock = new RwLock({ shared: name });
    RwLock.unlink(name);
    return () => lock.readLock().unlock();
  },
  'Semaphore: acquire, release': () => {
    const semaphore = new Semaphore({ permits: 1 });
    return () => semaphore.acquire().release();
  },
  'Semaphore: acquireAsync, release': () => {
    const semaphore = new Semaphore({ permits: 1 });
    return async () => (await semaphore.acquireAsync()).release();
  },
  'async-mutex Semaphore: acquire, release': () => {
    const semaphore = new AsyncSemaphore(1);
    return async () => (await semaphore.acquire())[1]();
  },
  'Barrier of one: wait': () => {
    const barrier = new Barrier({ parties: 1 });
    return () => barrier.wait();
  },
  'WaitGroup: add, done': () => {
    const group = new WaitGroup();
    return () => {
      group.add();
      group.done();
    };
  },
  'Once: call when it is done': () => {
    const once = new Once();
    once.call(() => {});
    return () => once.call(() => {});
  },
  'SharedStack of numbers: push, pop': () => {
    const stack = new SharedStack({ capacity: 64 });
    return (i) => {
      stack.push(i);
      stack.pop();
    };
  },
  'SharedStack of 64 bytes: push, pop': () => {
    const stack = new SharedStack({ capacity: 64, value: 64 });
    const value = new Uint8Array(64);
    return () => {
      stack.push(value);
      stack.pop();
    };
  },
  'Array of numbers: push, pop': () => {
    const stack = [];
    return (i) => {
      stack.push(i);
      stack.pop();
    };
  },
};
for (const bytes of [16, 100]) {
  contenders[`SharedMap, ${bytes} bytes: get`] = () => {
    const map = filled(bytes);
    return (i) => map.get(keys[i % 1000]);
  };
  contenders[`SharedMap, ${bytes} bytes: getInto`] = () => {
    const map = filled(bytes);
    const into = new Uint8Array(bytes);
    return (i) => map.getInto(keys[i % 1000], into);
  };
  contenders[`SharedMap, ${bytes} bytes: set`] = () => {
    const map = filled(bytes);
    const value = new Uint8Array(bytes);
    return (i) => map.set(keys[i % 1000], value);
  };
}
contenders['SharedMap, key a number: has'] = () => {
  const map = new SharedMap({ capacity: 1024 });
  for (let i = 0; i < 1000; i++) map.set(i, new Uint8Array(8));
  return (i) => map.has(i % 1000);
};
contenders['Map, 16 bytes: get and copy'] = () => {
  const map = new Map(keys.map((key) => [key, new Uint8Array(16)]));
  return (i) => map.get(keys[i % 1000]).slice();
};

/** Nanoseconds of CPU time a call. */
async function measure(make) {
  const call = make();
  const isAsync = call(0) instanceof Promise;
  const run = async (times) => {
    const before = process.cpuUsage();
    if (isAsync) for (let i = 0; i < times; i++) await call(i);
    else for (let i = 0; i < times; i++) call(i);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / times;
  };
  await run(100_000); // compiled by then
  return run(options.quick ? 200_000 : 1_000_000);
}

if (options.contender !== undefined) {
  console.log(await measure(contenders[options.contender]));
  process.exit(0);
}

const file = fileURLToPath(import.meta.url);
const results = new Map(Object.keys(contenders).map((contender) => [contender, []]));
const others = watchOthers();
for (let round = 0; round < (options.quick ? 1 : Number(options.rounds)); round++) {
  for (const [contender, values] of results) {
    const args = [file, '--contender', contender, ...(options.quick ? ['--quick'] : [])];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${contender}: ${stderr}`);
    values.push(Number(stdout));
  }
}
const report = {
  machine: describeMachine(['moirai', 'async-mutex']),
  rounds: options.quick ? 1 : Number(options.rounds),
  busy: others(),
  cpuNs: {},
};
for (const [contender, values] of results) {
  report.cpuNs[contender] = Number(median(values).toPrecision(3));
  console.log(`${contender.padEnd(44)}${report.cpuNs[contender]} ns`);
}
console.log(report.busy);
const folder = join(root, options.quick ? 'build/bench' : 'bench/results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'shared-objects.json'), JSON.stringify(report));
formatFile(join(folder, 'shared-objects.json'));
