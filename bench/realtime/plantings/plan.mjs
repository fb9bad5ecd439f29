// Which release gets which cause: shared by those who plant and those who look for it.
import { randomFrom } from '../../../test/campaign/random.mjs';

/** By number in the plan, from 1; `named`: what a miss has to say of it. */
export const kinds = [
  'gc',
  'page-fault',
  'page-fault of a file',
  'preemption',
  'late-wakeup',
  'other-tick',
  'event-loop',
  'blocked',
  'long-tick',
  'migration',
  'throttling',
  'budget',
];
export const nameOf = (kind) => (kind === 'page-fault of a file' ? 'page-fault' : kind);

/** Who comes before the victim comes so much earlier. */
export const leadUs = 2000;

const within = ['gc', 'page-fault', 'page-fault of a file', 'blocked', 'long-tick'];
const around = ['preemption', 'late-wakeup', 'other-tick', 'event-loop'];

/**
 * What is planted where, and how many of a hundred. Where CPU time is limited, ticks that are long within
 * the limit are planted as well: they must not be taken for the other.
 */
export const periodOf = {
  fifo: { periodUs: 60_000, usualUs: 1000, deadlineUs: 4000, longUs: 12_000, overUs: 0 },
  migration: { periodUs: 20_000, usualUs: 200, deadlineUs: undefined, longUs: 0, overUs: 0 },
  group: { periodUs: 250_000, usualUs: 1000, deadlineUs: 4000, longUs: 6000, overUs: 25_000 },
  deadline: { periodUs: 250_000, usualUs: 1000, deadlineUs: 4000, longUs: 6000, overUs: 25_000 },
  quota: { periodUs: 300_000, usualUs: 1000, deadlineUs: 3000, longUs: 5000, overUs: 60_000 },
};
export const environments = {
  fifo: Object.fromEntries([...within, ...around].map((kind) => [kind, 7])),
  migration: { migration: 5 },
  group: { throttling: 7, 'long-tick': 3 },
  deadline: { budget: 7, 'long-tick': 3 },
  quota: { throttling: 7, 'long-tick': 3 },
};

/** [release after the first, kind]: each so often, in any order, two to four releases apart. */
export function plannedReleases(amounts, seed) {
  const { below } = randomFrom(seed);
  const order = Object.entries(amounts).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => kind),
  );
  for (let i = order.length - 1; i > 0; i--) {
    const other = below(i + 1);
    [order[i], order[other]] = [order[other], order[i]];
  }
  let at = 4;
  return order.map((kind) => {
    at += 2 + below(3);
    return [at, kind];
  });
}
