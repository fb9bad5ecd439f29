// Has the working tree become slower than a commit before?
//
//   npm run bench:check [-- --base REF] [-- --seconds N] [-- --threshold 0.05] [-- --out FILE]
//   npm run bench:check -- --plant 0.15       the working tree with a slowdown planted into a copy
//   npm run bench:check -- --self-test N      N clean runs and a planted one: does the check work?
//
// Builds both (the base is HEAD~1 unless said otherwise), measures them in pairs, prints for each
// figure the ratio of times with an interval, and ends with exit code 1 when an interval lies
// entirely beyond the threshold. Appends to bench/results/check.json. How it works and how to run it
// so that it counts: bench/README.md.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../machine.mjs';
import { buildCommit, buildWorkingTree, commitOf, copyBuild } from './builds.mjs';
import { compare, table } from './compare.mjs';
import { keepCheck, keepSelfTest, record } from './history.mjs';
import { plant } from './plant.mjs';

const { values: options } = parseArgs({
  options: {
    base: { type: 'string', default: 'HEAD~1' },
    seconds: { type: 'string', default: '120' },
    threshold: { type: 'string', default: '0.05' },
    plant: { type: 'string' },
    'self-test': { type: 'string' },
    out: { type: 'string', default: join(root, 'bench/results/check.json') },
  },
});
const selfTests = options['self-test'] === undefined ? undefined : number('self-test');
const share = options.plant === undefined ? undefined : number('plant');
const settings = {
  seconds: number('seconds'),
  threshold: number('threshold'),
  sliceMs: 10,
  // A slice that was disturbed for a larger share than `quiet` is measured again, up to so many times.
  quiet: 0.02,
  tries: 3,
  warmUpMs: 30,
  plant: 0,
};

function number(name) {
  const value = Number(options[name]);
  if (!(value >= 0)) throw new RangeError(`--${name}: a number, not ${options[name]}`);
  return value;
}

async function check(workingTree, cpus) {
  const base = commitOf(options.base);
  const builds = { base: buildCommit(base), candidate: workingTree };
  if (share !== undefined) plant(workingTree);
  const planted = share ?? 0;
  console.log(`base ${base}${planted > 0 ? `, planted ${planted}` : ''}`);
  const comparison = await compare(builds, cpus, { ...settings, plant: planted });
  console.log(table(comparison));
  if (!isDecided(comparison)) return false;
  keepCheck(options.out, record(comparison, { base, planted }));
  const { worse } = comparison;
  console.log(worse.length === 0 ? 'nothing has become worse' : `worse: ${worse.join('; ')}`);
  return worse.length === 0;
}

function isDecided({ results }) {
  if (Object.values(results).every(({ low }) => low > 0)) return true;
  console.log('too few pairs for an interval: nothing is decided');
  return false;
}

/** The same build on both sides: nothing may be found; and then with a slowdown: it must be. */
async function selfTest(workingTree, cpus, clean) {
  const planted = copyBuild(workingTree, 'planted');
  plant(planted);
  const copy = copyBuild(workingTree, 'copy');
  const runs = [];
  for (let index = 0; index <= clean; index++) {
    const isPlanted = index === 0;
    const amount = isPlanted ? (share ?? 0.15) : 0;
    const builds = { base: workingTree, candidate: isPlanted ? planted : copy };
    const comparison = await compare(builds, cpus, { ...settings, plant: amount });
    const decided = isDecided(comparison);
    const right = decided && comparison.worse.length > 0 === isPlanted;
    const verdict = right ? 'as it must be' : decided ? 'WRONG' : 'undecided';
    console.log(isPlanted ? `planted ${amount}` : `clean ${index}`);
    console.log(`${table(comparison)}\n${verdict}\n`);
    runs.push({ ...record(comparison, { planted: amount }), verdict, right });
  }
  keepSelfTest(options.out, runs);
  const wrong = runs.filter(({ right }) => !right).length;
  console.log(`${runs.length - wrong} of ${runs.length} runs as they must be`);
  return wrong === 0;
}

const workingTree = buildWorkingTree();
// From the build that is there now: the addon of this folder may be newer than the import above.
const { topology } = await import('moirai');
const { chooseCpus } = await import('../executor/placement.mjs');
const cpus = chooseCpus(topology());
const passed =
  selfTests === undefined
    ? await check(workingTree, cpus)
    : await selfTest(workingTree, cpus, selfTests);
if (!passed) process.exitCode = 1;
