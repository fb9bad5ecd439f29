// A random executor: every option that changes how tasks come to workers, in some combination.
import { randomFrom } from './random.mjs';

const here = (name) => new URL(name, import.meta.url);

/** A queue of the user's own: gives a random one of those that wait. */
function shuffledQueue(seed) {
  const random = randomFrom(seed); // asked at times that differ
  const tasks = [];
  return {
    push: (task) => void tasks.push(task),
    shift() {
      const at = random.below(Math.max(1, tasks.length));
      const last = tasks.pop();
      if (last === undefined || at >= tasks.length) return last;
      const chosen = tasks[at];
      tasks[at] = last;
      return chosen;
    },
  };
}

export function randomSettings(random, { workerData, tenant }) {
  const peaceful = random.chance(0.5);
  const elastic = random.chance(0.4);
  const min = random.between(1, 2);
  const options = {
    tasks: here('tasks.mjs'),
    workerData,
    maxQueue: random.pick([64, 500, 4096, 65_536]),
    onFull: random.pick(['reject', 'wait']),
    steal: random.pick(['none', 'one', 'half', 'quarter', 'adaptive', 'adaptive']),
    spinUs: random.pick([0, 50]),
    blockingThreads: random.between(1, 3),
    idleTimeout: random.pick([1, 5, 30, 200]),
    ...(elastic
      ? { minThreads: min, maxThreads: min + random.between(0, 2) }
      : { threads: random.between(1, 3) }),
    ...(random.chance(0.4) ? { codecs: here('codecs.mjs') } : {}),
    ...(random.chance(0.4) ? { context: { tenant } } : {}),
    ...(random.chance(0.15) ? { queue: shuffledQueue(random.below(2 ** 31)) } : {}),
    ...(random.chance(0.25) ? { concurrency: random.pick([2, 8, 64]) } : {}),
  };
  return {
    options,
    peaceful,
    /** Waits for the event `drain` where it is told to, rather than try again soon. */
    waitsForDrain: random.chance(0.5),
    resizes: random.chance(0.4),
    ending: random.pick(['close', 'close', 'close', 'force', 'timeout']),
  };
}

/** In one line, for who reads of a failure. */
export function describeSettings({ options, peaceful, waitsForDrain, resizes, ending }) {
  const { context, codecs, queue, ...others } = options;
  return JSON.stringify({
    ...others,
    workerData: undefined,
    context: context !== undefined,
    codecs: codecs !== undefined,
    queue: queue !== undefined,
    peaceful,
    waitsForDrain,
    resizes,
    ending,
  });
}
