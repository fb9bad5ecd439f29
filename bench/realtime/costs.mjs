// What a TaskContext costs, in ns a call, beside the targets: medians of slices of a hundred thousand calls.
//
//   node bench/realtime/costs.mjs [--quick]
import { RtConstraints, TaskContext } from 'moirai';
import { median } from '../machine.mjs';

const calls = 100_000;
const slices = process.argv.includes('--quick') ? 5 : 101;

const constraints = RtConstraints.fifo(80);
const contexts = Array.from({ length: 256 }, (_, i) =>
  new TaskContext(`task ${i}`).withPeriod(1_000_000 + i, 1000 * (i + 1)).withDeadline(800_000 - i),
);
const made = Array.from({ length: 256 });
/** Keeps what is computed from being left out. */
let sum = 0;

/**
 * Each with a loop of its own, so that one call is compiled for one thing, and with a sum of its own: to add to
 * `sum` in each turn is to allocate its new value in each, at 6 to 10 ns.
 */
const work = {
  loop() {
    let found = 0;
    for (let i = 0; i < calls; i++) found += contexts[i & 255] === undefined ? 0 : 1;
    sum += found;
  },
  create() {
    for (let i = 0; i < calls; i++) made[i & 255] = new TaskContext('speed');
  },
  createWithAll() {
    for (let i = 0; i < calls; i++) {
      made[i & 255] = new TaskContext('speed')
        .withPeriod(1_000_000, 150_000)
        .withDeadline(800_000)
        .withRtConstraints(constraints);
    }
  },
  meetsDeadline() {
    let met = 0;
    for (let i = 0; i < calls; i++) met += contexts[i & 255].meetsDeadline(i * 16) ? 1 : 0;
    sum += met;
  },
  utilization() {
    let all = 0;
    for (let i = 0; i < calls; i++) all += contexts[i & 255].utilization;
    sum += all;
  },
};
/** ns, from the specification. */
const targets = { create: 50, meetsDeadline: 10, utilization: 20 };

function slice(body) {
  const begin = process.hrtime.bigint();
  body();
  return Number(process.hrtime.bigint() - begin) / calls;
}

/** { name: { ns, p10, p90, target } }; the loop is in it. */
function measureCosts() {
  const seen = Object.fromEntries(Object.keys(work).map((name) => [name, []]));
  // The first rounds are for the compiler.
  for (let round = -10; round < slices; round++) {
    for (const [name, body] of Object.entries(work)) {
      const ns = slice(body);
      if (round >= 0) seen[name].push(ns);
    }
  }
  return Object.fromEntries(
    Object.entries(seen).map(([name, all]) => {
      const sorted = all.toSorted((a, b) => a - b);
      const at = (part) => sorted[Math.floor((sorted.length - 1) * part)];
      return [name, { ns: median(all), p10: at(0.1), p90: at(0.9), target: targets[name] }];
    }),
  );
}

const costs = measureCosts();
if (sum === 0 || made[0] === undefined) throw new Error('nothing was computed');
console.log(JSON.stringify(costs));
