// What a policy meets on this machine: nodes that are there, that have memory, that the cpuset allows.
// One node leaves nothing to decide: then no call is made, and the result says so. This is what keeps a
// program for a large machine running on a laptop, and the executor running in a container.
import { invalidRange } from '../base/index.js';
import { topology, type NumaNode } from '../topology/index.js';
import type { CheckedPolicy } from './policy.js';
import type { Shortfall } from './shortfall.js';

/** A policy cut down to what the machine has. */
export interface MetPolicy {
  /** `single-node`: there is nothing to decide. `none`: none of the nodes can be used. */
  readonly outcome: 'usable' | 'single-node' | 'none';
  readonly policy: CheckedPolicy;
  /** What was cut, if anything. */
  readonly shortfall?: Shortfall;
}

/** @throws RangeError for a node that this machine does not have, if it has more than one. */
export function meet(argument: string, policy: CheckedPolicy): MetPolicy {
  const machine = readMachine();
  if (machine.withMemory.size <= 1) return { outcome: 'single-node', policy };
  for (const node of policy.nodes) {
    if (machine.all.has(node)) continue;
    const own = [...machine.all].join(', ');
    throw invalidRange(argument, `among the nodes of this machine (${own})`, node);
  }
  const left = policy.nodes.filter((node) => machine.usable.has(node));
  if (left.length === policy.nodes.length) {
    return { outcome: machine.usable.size <= 1 ? 'single-node' : 'usable', policy };
  }
  const gone = policy.nodes.filter((node) => !machine.usable.has(node));
  const why = gone.map((node) =>
    machine.withMemory.has(node)
      ? `node ${node} is outside of this process's cpuset`
      : `node ${node} has no memory`,
  );
  return {
    outcome: left.length === 0 ? 'none' : 'usable',
    policy: { mode: policy.mode, nodes: left },
    shortfall: { what: 'policy', why: why.join(', '), code: 'ERR_MOIRAI_OUT_OF_MEMORY' },
  };
}

interface Machine {
  readonly all: ReadonlySet<number>;
  readonly withMemory: ReadonlySet<number>;
  /** With memory, and in the cpuset. */
  readonly usable: ReadonlySet<number>;
}

/** A cpuset that is rewritten is seen this much later; the kernel itself follows at once. */
const keptMs = 1000;
let kept: Machine | undefined;
let keptUntil = 0;

/** Reading the topology costs a dozen small files, too many for each of many allocations. */
export function readMachine(): Machine {
  const now = performance.now();
  if (kept !== undefined && now < keptUntil) return kept;
  const { nodes } = topology();
  const ids = (chosen: readonly NumaNode[]): Set<number> => new Set(chosen.map(({ id }) => id));
  const withMemory = nodes.filter(({ bytes }) => bytes > 0);
  keptUntil = now + keptMs;
  kept = {
    all: ids(nodes),
    withMemory: ids(withMemory),
    usable: ids(withMemory.filter(({ allowed }) => allowed)),
  };
  return kept;
}
