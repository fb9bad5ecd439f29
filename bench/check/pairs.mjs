// Two builds side by side: for each pair a fresh process of each, and each figure in short slices in
// the order ABBA ABBA (or BAAB BAAB), so that whatever else the machine does meets both alike. The side that
// does not measure sleeps.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, watchOthers } from '../machine.mjs';
import { figures } from './figures.mjs';

const program = fileURLToPath(new URL('./subject.mjs', import.meta.url));
const names = Object.keys(figures);

async function start(build, cpus, { warmUpMs }) {
  const request = JSON.stringify({ build, cpus, warmUpMs });
  const child = fork(program, [request], { execArgv: ['--expose-gc'] });
  let waiting;
  child.on('message', (message) => waiting.resolve(message));
  child.on('exit', (code, signal) => {
    waiting?.reject(new Error(`${build}: ended with ${code ?? signal}`));
  });
  const answer = () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
  await answer();
  return {
    slice(figure, ms, delay = [0, 0]) {
      child.send({ figure, ms, delay });
      return answer();
    },
    async end() {
      waiting = undefined;
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/** The least disturbed of some slices: no more of them than it takes to find one that hardly was. */
async function quietSlice(subject, figure, { sliceMs, tries, quiet }, delay) {
  let best = await subject.slice(figure, sliceMs, delay);
  for (let i = 1; i < tries && best.disturbance > quiet; i++) {
    const next = await subject.slice(figure, sliceMs, delay);
    if (next.disturbance < best.disturbance) best = next;
  }
  return best;
}

/** Nanoseconds a task of each figure, of one build alone, when nothing disturbs it. */
export async function costs(build, cpus, settings) {
  const subject = await start(build, cpus, settings);
  const result = {};
  for (const name of names) {
    const values = [];
    for (let i = 0; i < 10; i++) {
      const { ns } = await quietSlice(subject, name, settings);
      values.push(ns);
    }
    result[name] = Math.min(...values);
  }
  await subject.end();
  return result;
}

/**
 * One pair: for each figure the logarithm of candidate by base, and what share of the time was not
 * its own. `delays`: what a planted candidate is to lose for each task, by figure.
 */
async function pair(builds, index, cpus, settings, delays) {
  const others = watchOthers();
  const sides = index % 2 === 0 ? ['base', 'candidate'] : ['candidate', 'base'];
  const subjects = {};
  for (const side of sides) subjects[side] = await start(builds[side], cpus, settings);
  const logRatios = {};
  const disturbances = [];
  for (const name of names) {
    const logs = { base: [], candidate: [] };
    for (const side of [...sides, ...sides.toReversed(), ...sides, ...sides.toReversed()]) {
      const slice = await quietSlice(subjects[side], name, settings, delays?.[name]);
      logs[side].push(Math.log(slice.ns));
      disturbances.push(slice.disturbance);
    }
    logRatios[name] = median(logs.candidate) - median(logs.base);
  }
  await Promise.all(sides.map((side) => subjects[side].end()));
  const waited = disturbances.reduce((sum, value) => sum + value, 0) / disturbances.length;
  return { logRatios, disturbance: waited + others().stolen };
}

/** Enough for an interval when half of them count. */
const enoughPairs = 24;

/** As many pairs as `seconds` allow; half as long again where that is too few. */
export async function measurePairs(builds, cpus, { seconds, ...settings }, delays) {
  const began = performance.now();
  const passed = (share) => performance.now() - began >= share * seconds * 1000;
  const pairs = [];
  while (!passed(1) || (pairs.length < enoughPairs && !passed(1.5))) {
    pairs.push(await pair(builds, pairs.length, cpus, settings, delays));
  }
  return pairs;
}
