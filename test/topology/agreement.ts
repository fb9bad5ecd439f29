// One machine seen by both: everything that hwloc and Moirai describe, brought into one form.
import { expect } from 'vitest';
import type { Topology } from 'moirai';
import { parseSet, type HwlocObject, type HwlocTopology } from './hwloc.js';

export function expectAgreement(ours: Topology, theirs: HwlocTopology): void {
  expect(ofOurs(ours)).toEqual(ofTheirs(theirs, ours));
}

function ofOurs(topology: Topology) {
  const { cpus, nodes } = topology;
  return {
    present: cpus.map((cpu) => cpu.id),
    offline: cpus.filter((cpu) => !cpu.online).map((cpu) => cpu.id),
    allowed: topology.allowed,
    allowedFlags: cpus.filter((cpu) => cpu.allowed).map((cpu) => cpu.id),
    allowedNodes: nodes.filter((node) => node.allowed).map((node) => node.id),
    nodes: nodes.map((node) => ({
      id: node.id,
      // hwloc gives memory-only nodes the CPUs of their best initiators.
      cpus: nodes
        .filter((other) => node.initiators.includes(other.id))
        .flatMap((other) => other.cpus)
        .toSorted((a, b) => a - b),
      bytes: node.bytes,
      hugePages: node.hugePages.map((pool) => [pool.bytes, pool.total]),
    })),
    packages: sorted(topology.packages.map(({ id, cpus: set }) => ({ id, cpus: set }))),
    dies: sorted(topology.dies.map(({ id, cpus: set }) => ({ id, cpus: set }))),
    // hwloc folds a cluster into a cache that the same CPUs share; Moirai says both.
    clusters: sorted(
      topology.clusters
        .filter((cluster) =>
          topology.caches.every((cache) => String(cache.cpus) !== String(cluster.cpus)),
        )
        .map(({ cpus: set }) => ({ id: 0, cpus: set })),
    ),
    cores: sorted(topology.cores.map(({ id, cpus: set }) => ({ id, cpus: set }))),
    perCpu: cpus
      .filter((cpu) => cpu.online)
      .map((cpu) => ({
        id: cpu.id,
        core: cpu.core,
        package: cpu.package,
        node: cpu.node,
        smt: cpu.smt,
      })),
    caches: sorted(
      topology.caches.map(({ level, type, bytes, cpus: set }) => ({
        id: level,
        instruction: type === 'instruction',
        bytes,
        cpus: set,
      })),
    ),
    distances: nodes.map((a) => nodes.map((b) => topology.distance(a.id, b.id))),
  };
}

function ofTheirs(theirs: HwlocTopology, ours: Topology) {
  const { objects } = theirs;
  const machine = objects[0];
  const of = (type: string): HwlocObject[] => objects.filter((object) => object.type === type);
  const complete = parseSet(machine?.attributes['complete_cpuset']);
  const online = machine?.cpus ?? [];
  const allowed = parseSet(machine?.attributes['allowed_cpuset']);
  const nodes = of('NUMANode').toSorted((a, b) => index(a) - index(b));
  const cores = of('Core');
  const cpuNodes = nodes.filter((node) =>
    ours.nodes.some((n) => n.id === index(node) && n.cpus.length > 0),
  );
  return {
    present: complete,
    offline: complete.filter((cpu) => !online.includes(cpu)),
    allowed,
    allowedFlags: allowed,
    allowedNodes: parseSet(machine?.attributes['allowed_nodeset']),
    nodes: nodes.map((node) => ({
      id: index(node),
      cpus: node.cpus,
      bytes: Number(node.attributes['local_memory'] ?? 0),
      // The first entry is ordinary pages.
      hugePages: node.pages.slice(1),
    })),
    packages: sorted(of('Package').map(group)),
    dies: sorted(of('Die').map(group)),
    clusters: sorted(
      of('Group')
        .filter((object) => object.attributes['subtype'] === 'Cluster')
        .map((object) => ({ id: 0, cpus: object.cpus })),
    ),
    cores: sorted(cores.map(group)),
    perCpu: of('PU')
      .map((pu) => ({
        id: index(pu),
        core: holder(cores, index(pu)),
        package: holder(of('Package'), index(pu)),
        node: holder(cpuNodes, index(pu)),
        smt: cores.find((core) => core.cpus.includes(index(pu)))?.cpus.indexOf(index(pu)) ?? 0,
      }))
      .toSorted((a, b) => a.id - b.id),
    caches: sorted(
      objects.flatMap((object) => {
        const match = /^L(\d)(i?)Cache$/.exec(object.type);
        if (match === null) return [];
        const bytes = Number(object.attributes['cache_size'] ?? 0);
        return [{ id: Number(match[1]), instruction: match[2] === 'i', bytes, cpus: object.cpus }];
      }),
    ),
    distances: nodes.map((_, a) =>
      nodes.map((__, b) => {
        // hwloc keeps no matrix for a single node, or where the kernel gave none.
        const { values } = theirs.distances;
        return values[a * nodes.length + b] ?? (a === b ? 10 : 20);
      }),
    ),
  };
}

function index(object: HwlocObject): number {
  return Number(object.attributes['os_index'] ?? -1);
}

function sorted<T extends { id: number; cpus: readonly number[] }>(groups: T[]): T[] {
  const key = (entry: T): string => JSON.stringify({ ...entry, cpus: [] });
  return groups.toSorted(
    (a, b) =>
      (a.cpus[0] ?? 0) - (b.cpus[0] ?? 0) ||
      a.cpus.length - b.cpus.length ||
      key(a).localeCompare(key(b)),
  );
}

function group(object: HwlocObject) {
  return { id: index(object), cpus: object.cpus };
}

/** The number of the object that contains a CPU. */
function holder(list: readonly HwlocObject[], cpu: number): number {
  const found = list.find((object) => object.cpus.includes(cpu));
  return found === undefined ? -1 : index(found);
}
