// Results of checks, kept beside those of the benchmarks: the last ones, and the last self-test.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeMachine, formatFile } from '../machine.mjs';

const atMost = 100;

const round = (value) => (Number.isFinite(value) ? Number(value.toFixed(4)) : null);

/** What is kept of a comparison. */
export function record(comparison, facts) {
  const { results, worse, pairs, kept, disturbance, seconds } = comparison;
  return {
    ...facts,
    figures: Object.fromEntries(
      Object.entries(results).map(([name, { ratio, low, high }]) => [
        name,
        [ratio, low, high].map(round),
      ]),
    ),
    worse,
    pairs,
    kept,
    disturbance: round(disturbance),
    seconds: Math.round(seconds),
  };
}

function change(path, edit) {
  const before = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { history: [] };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(edit(before), null, 2)}\n`);
  formatFile(path);
}

export function keepCheck(path, entry) {
  const full = { machine: describeMachine(['moirai']), ...entry };
  change(path, (file) => ({ ...file, history: [...file.history, full].slice(-atMost) }));
}

export function keepSelfTest(path, runs) {
  change(path, (file) => ({ ...file, selfTest: { machine: describeMachine(['moirai']), runs } }));
}
