// From pairs to a verdict: which figures have become worse, beyond doubt and beyond the threshold.
import { median } from '../machine.mjs';
import { figures } from './figures.mjs';
import { costs, measurePairs } from './pairs.mjs';
import { ratioInterval } from './statistics.mjs';

const names = Object.keys(figures);
/** All intervals together miss a true ratio in so many runs (Bonferroni: each gets its share). */
const familyError = 0.05;
/** Pairs in which others took no larger share than this count, and the quieter half in any case. */
const quietShare = 0.05;

export async function compare(builds, cpus, settings) {
  const began = performance.now();
  const delays = settings.plant > 0 ? await delaysFor(builds.base, cpus, settings) : undefined;
  const pairs = await measurePairs(builds, cpus, settings, delays);
  const kept = chooseQuiet(pairs);
  const level = 1 - familyError / names.length;
  const results = Object.fromEntries(
    names.map((name) => {
      const interval = ratioInterval(
        kept.map(({ logRatios }) => logRatios[name]),
        level,
      );
      return [name, { ...interval, worse: interval.low > 1 + settings.threshold }];
    }),
  );
  return {
    results,
    worse: names.filter((name) => results[name].worse),
    pairs: pairs.length,
    kept: kept.length,
    disturbance: median(kept.map(({ disturbance }) => disturbance)),
    seconds: (performance.now() - began) / 1000,
  };
}

function chooseQuiet(pairs) {
  const limit = Math.max(quietShare, median(pairs.map(({ disturbance }) => disturbance)));
  return pairs.filter(({ disturbance }) => disturbance <= limit);
}

/**
 * A share of each figure's time a task, as a delay of the owner and of the worker. In a pipeline the
 * slower side sets the pace, so both get it; one after the other the two would add up.
 */
async function delaysFor(build, cpus, settings) {
  const cost = await costs(build, cpus, settings);
  return Object.fromEntries(
    names.map((name) => {
      const ns = settings.plant * cost[name];
      return [name, [ns, figures[name].window === 1 ? 0 : ns]];
    }),
  );
}

export function table({ results, pairs, kept, disturbance, seconds }) {
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => {
    const { ratio, low, high, worse } = results[name];
    const cells = [ratio, low, high].map((value) => value.toFixed(3).padStart(7));
    return `${name.padEnd(width)} ${cells.join(' ')}  ${worse ? 'WORSE' : ''}`.trimEnd();
  });
  return [
    `${'time of candidate / base'.padEnd(width)} ${['ratio', 'from', 'to'].map((head) => head.padStart(7)).join(' ')}`,
    ...lines,
    `${kept} of ${pairs} pairs, in which others took ${(disturbance * 100).toFixed(1)} % of the time; ${seconds.toFixed(0)} s`,
  ].join('\n');
}
