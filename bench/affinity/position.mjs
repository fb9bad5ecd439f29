// What does it cost to ask where this thread runs? Run: node bench/affinity/position.mjs
// Prints the median of nine runs in nanoseconds per call, beside an empty JavaScript call.
import { currentCpu, currentNode } from 'moirai';

const calls = 2_000_000;
const empty = () => 0;

function once(call) {
  let sum = 0;
  const start = performance.now();
  for (let i = 0; i < calls; i++) sum += call();
  const elapsed = performance.now() - start;
  if (sum < 0) throw new Error('unreachable, but the sum must be used');
  return (elapsed * 1e6) / calls;
}

const subjects = { empty, currentCpu, currentNode };
const samples = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
for (let run = 0; run < 9; run++) {
  for (const [name, call] of Object.entries(subjects)) samples[name].push(once(call));
}
for (const [name, values] of Object.entries(samples)) {
  const median = values.toSorted((a, b) => a - b)[values.length >> 1];
  console.log(`${name.padEnd(12)} ${median.toFixed(1).padStart(6)} ns`);
}
