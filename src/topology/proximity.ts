// How near two CPUs are: the order in which an idle worker looks for work elsewhere.
import type { Topology } from './topology.js';

/** 0 the same CPU, 1 SMT sibling, 2 shared L2 or L3, 3 same node, 4 another node. */
export type DistanceClass = 0 | 1 | 2 | 3 | 4;

export function distanceClass(topology: Topology, a: number, b: number): DistanceClass {
  if (a === b) return 0;
  if (topology.cores.some((core) => core.cpus.includes(a) && core.cpus.includes(b))) return 1;
  if (nearestSharedCache(topology, a, b) !== undefined) return 2;
  return nodeOf(topology, a) === nodeOf(topology, b) ? 3 : 4;
}

/**
 * The other online CPUs, nearest first: SMT siblings, sharers of the L2, then of the L3, the same
 * node, then nodes by distance. Equals are taken in ring order from `cpu`, so that thieves on
 * different CPUs do not all begin with the same victim.
 */
export function victimOrder(topology: Topology, cpu: number): number[] {
  const online = topology.cpus.filter((other) => other.online).map((other) => other.id);
  const home = nodeOf(topology, cpu);
  const rank = (other: number): [number, number, number] => {
    const kind = distanceClass(topology, cpu, other);
    const node = nodeOf(topology, other);
    const detail =
      kind === 2
        ? (nearestSharedCache(topology, cpu, other) ?? 0)
        : home >= 0 && node >= 0
          ? topology.distance(home, node)
          : 0;
    const step = online.indexOf(other) - online.indexOf(cpu);
    return [kind, detail, (step + online.length) % online.length];
  };
  return online
    .filter((other) => other !== cpu)
    .map((other) => ({ other, rank: rank(other) }))
    .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2])
    .map(({ other }) => other);
}

/** The level of the smallest cache below L1 that both use. */
function nearestSharedCache(topology: Topology, a: number, b: number): number | undefined {
  return topology.caches.find(
    (cache) => cache.level >= 2 && cache.cpus.includes(a) && cache.cpus.includes(b),
  )?.level;
}

function nodeOf(topology: Topology, cpu: number): number {
  return topology.cpus.find((entry) => entry.id === cpu)?.node ?? -1;
}
