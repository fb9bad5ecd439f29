// From the rounds' numbers to medians: of each number, and of ratios within a round.
import { median } from '../machine.mjs';

export const own = 'moirai run';
export const handles = 'moirai spawn';
export const rival = 'piscina';
export const port = 'MessagePort';

/** The same number of each round: its median and how far it went. */
function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function spreadEach(objects) {
  return Object.fromEntries(
    Object.keys(objects[0]).map((key) => [key, spread(objects.map((object) => object[key]))]),
  );
}

/** The median of a job's ratios between two contenders, each taken within a round. */
export function ratio({ rounds }, key, number, contender, base) {
  return median(
    rounds.map(({ jobs }) => {
      const [value, of] = [contender, base].map((name) => jobs[key][name].numbers[number]);
      return value / of;
    }),
  );
}

export function summarize(measured) {
  const { rounds } = measured;
  const results = {};
  for (const [key, ofContenders] of Object.entries(rounds[0].jobs)) {
    results[key] = {};
    for (const contender of Object.keys(ofContenders)) {
      const each = rounds.map(({ jobs }) => jobs[key][contender]);
      const numbers = spreadEach(each.map((result) => result.numbers));
      const ratios = {};
      for (const [name, base] of [
        ['timesPiscina', rival],
        ['timesMessagePort', port],
      ]) {
        if (ofContenders[base] === undefined) continue;
        const rates = Object.keys(numbers).filter((number) => number.startsWith('rate'));
        ratios[name] = Object.fromEntries(
          rates.map((number) => [number, ratio(measured, key, number, contender, base)]),
        );
      }
      results[key][contender] = { ...numbers, ...ratios, threads: each[0].threads };
    }
  }
  if (rounds[0].oneCpu === undefined) return { results };
  return {
    results,
    oneCpu: perName(rounds, 'oneCpu', ({ numbers }) => [numbers]),
    startUps: perName(rounds, 'startUps', (list) => list),
    fixedCost: spreadEach(rounds.map((round) => round.fixedCost)),
  };
}

function perName(rounds, part, list) {
  return Object.fromEntries(
    Object.keys(rounds[0][part]).map((name) => [
      name,
      spreadEach(rounds.flatMap((round) => list(round[part][name]))),
    ]),
  );
}
