// The kinds of tasks, how often each comes, and what each may give.
import { Amount } from './amount.mjs';

const shared = Array.from({ length: 8 }, () => new SharedArrayBuffer(64 * 1024));

/**
 * `args` follow the cell; `right` tells whether a value is the task's; without it there must be none.
 * `told`: it only ends when it is told to, by a time limit or a cancel. `kills`: its worker ends.
 */
export const kinds = {
  add(random) {
    const [a, b] = [random.below(1e6), random.below(1e6)];
    return { args: [a, b], right: (sum) => sum === a + b };
  },
  later(random, cell) {
    return { args: [random.below(4), cell], right: (back) => back === cell };
  },
  echo(random, cell) {
    const length = Math.floor(random.next() ** 5 * 100_000);
    const value = {
      bytes: new Uint8Array(length).fill(cell % 251),
      names: [`task ${cell}`, null],
      cell,
    };
    const right = (back) =>
      back.cell === cell &&
      back.names[0] === `task ${cell}` &&
      back.bytes.length === length &&
      (length === 0 || back.bytes[length - 1] === cell % 251);
    return { args: [value], right };
  },
  echoText(random, cell) {
    const text = `${'é€x'[cell % 3].repeat(random.below(300))}${cell}`;
    return { task: 'echo', args: [text], right: (back) => back === text };
  },
  echoInstance(_, cell) {
    return {
      task: 'echo',
      args: [new Amount(cell)],
      right: (back) => back.units === cell,
      codecs: true,
    };
  },
  fillShared(random, cell) {
    const buffer = random.pick(shared);
    const at = cell % (buffer.byteLength / 4);
    const right = (back) =>
      back.byteLength === buffer.byteLength && new Int32Array(buffer)[at] >= 0;
    return { args: [buffer, at, cell], right };
  },
  move(random, cell) {
    const buffer = new ArrayBuffer(8 + random.below(5000));
    const size = buffer.byteLength;
    const right = (back) =>
      back.byteLength === size && new Uint8Array(back)[size - 1] === cell % 251;
    return { args: [buffer], right, transfer: [buffer] };
  },
  moveLater(random, cell) {
    const right = (back) => new Float64Array(back)[0] === cell;
    return { args: [random.below(3), 64], right };
  },
  tenantLater(random, cell) {
    return { args: [random.below(3)], right: (back) => back === cell, tenant: true };
  },
  mapped(random, cell) {
    const n = random.below(1e6);
    return { args: [{ cell, n }], right: (back) => back === n + 1 };
  },
  fails: () => ({ args: [], fails: true }),
  rejects: () => ({ args: [], fails: true }),
  waitsForever: () => ({ args: [], told: true }),
  listens: () => ({ args: [], told: true }),
  computes(random, cell) {
    return { args: [random.next()], right: (back) => back === cell };
  },
  // Cancelled without force, it goes on: its result comes by message when nobody wants it any more.
  movesLate(random, cell) {
    const right = (back) => new Float64Array(back)[0] === cell;
    return { args: [random.next() * 4], right, cancelAfter: 1 };
  },
  blocks(random, cell) {
    return { args: [random.below(3)], right: (back) => back === cell, blocking: true };
  },
  spinsForever: () => ({ args: [], told: true, kills: true }),
  // Left behind by a time limit before it spins, it would be code that nothing knows of.
  spinsLater: (random) => ({ args: [random.below(3)], told: true, kills: true, forced: true }),
  exits: (random) => ({ args: [random.below(2)], kills: true }),
  throwsOutside: () => ({ args: [], kills: true }),
  exitsAtFirst(random, cell) {
    const times = random.below(4);
    const right = times < 3 ? (back) => back === cell : undefined;
    return { args: [times, cell], right, kills: times > 0, idempotent: true };
  },
};

const shares = {
  add: 600,
  later: 110,
  echo: 60,
  echoText: 40,
  echoInstance: 20,
  fillShared: 40,
  move: 15,
  moveLater: 10,
  tenantLater: 15,
  fails: 20,
  rejects: 20,
  waitsForever: 8,
  listens: 12,
  computes: 15,
  movesLate: 5,
  blocks: 4,
};
const violentShares = {
  spinsForever: 0.15,
  spinsLater: 0.1,
  exits: 0.2,
  throwsOutside: 0.1,
  exitsAtFirst: 0.2,
};

/** Names of kinds, as often as they are to come. */
export function wheel(peaceful) {
  const all = Object.entries(peaceful ? shares : { ...shares, ...violentShares });
  const sum = all.reduce((total, [, share]) => total + share, 0);
  return (random) => {
    let at = random.next() * sum;
    for (const [name, share] of all) {
      at -= share;
      if (at < 0) return name;
    }
    return 'add';
  };
}

const priorities = ['critical', 'high', 'normal', 'low', 'idle'];

/** How such a task is to be run, for `spawn`; undefined: by `run`. */
export function randomOrder(random, plan) {
  const { transfer, blocking } = plan;
  const special = plan.told ?? plan.kills ?? plan.cancelAfter !== undefined;
  if (!special && !transfer && !blocking && random.chance(0.3)) return undefined;
  const idempotent = plan.idempotent ?? (!transfer && random.chance(0.1));
  return {
    ...(transfer ? { transfer } : {}),
    ...(blocking ? { blocking } : {}),
    ...(idempotent ? { idempotent } : {}),
    ...(random.chance(0.3) ? { priority: random.pick(priorities) } : {}),
    ...(random.chance(0.2) ? { deadline: random.next() * 50 } : {}),
    // One that it never comes to.
    ...(!plan.told && random.chance(0.05) ? { timeout: 600_000 } : {}),
  };
}
