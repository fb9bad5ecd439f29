// How near two CPUs are: the order in which an idle worker looks for work elsewhere.
import type { Topology } from './topology.js';

/** 0 the same CPU, 1 SMT sibling, 2 shared L2 or L3, 3 same node, 4 another node. */
export type DistanceClass = 0 | 1 | 2 | 3 | 4;

/** @internal */
export function distanceClass(topology: Topology, a: number, b: number): DistanceClass {
  return nearnessFrom(topology, a)(b).class;
}

/**
 * The classes of all CPUs as seen from one.
 *
 * @internal
 */
export function distancesFrom(topology: Topology, cpu: number): (other: number) => DistanceClass {
  const nearness = nearnessFrom(topology, cpu);
  return (other) => nearness(other).class;
}

/**
 * The other online CPUs, nearest first: SMT siblings, sharers of the L2, then of the L3, the same
 * node, then nodes by distance. Equals are taken in ring order from `cpu`, so that thieves on
 * different CPUs do not all begin with the same victim.
 *
 * @internal
 */
export function victimOrder(topology: Topology, cpu: number): number[] {
  const online = topology.cpus.filter((other) => other.online).map((other) => other.id);
  const start = online.findIndex((other) => other > cpu);
  const ring = start < 0 ? online : [...online.slice(start), ...online.slice(0, start)];
  const nearness = nearnessFrom(topology, cpu);
  // The sort is stable, so ring order decides between equals.
  return ring
    .filter((other) => other !== cpu)
    .map((other) => ({ other, ...nearness(other) }))
    .toSorted((a, b) => a.class - b.class || a.detail - b.detail)
    .map(({ other }) => other);
}

/** `detail` orders within a class: the level of the shared cache, or the distance of the nodes. */
interface Nearness {
  readonly class: DistanceClass;
  readonly detail: number;
}

function nearnessFrom(topology: Topology, cpu: number): (other: number) => Nearness {
  const core = topology.cores.find((group) => group.cpus.includes(cpu));
  const caches = topology.caches.filter(({ level, cpus }) => level >= 2 && cpus.includes(cpu));
  const nodes = new Map(topology.cpus.map(({ id, node }) => [id, node]));
  const home = nodes.get(cpu) ?? -1;
  return (other) => {
    if (other === cpu) return { class: 0, detail: 0 };
    if (core?.cpus.includes(other) === true) return { class: 1, detail: 0 };
    const shared = caches.find((cache) => cache.cpus.includes(other));
    if (shared !== undefined) return { class: 2, detail: shared.level };
    const node = nodes.get(other) ?? -1;
    if (node === home) return { class: 3, detail: 0 };
    return { class: 4, detail: home < 0 || node < 0 ? 20 : topology.distance(home, node) };
  };
}
