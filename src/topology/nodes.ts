// NUMA nodes: CPUs, memory, huge pages, distances, and what firmware says about heterogeneous memory.
import { intersect, parseCpuList } from './cpu-list.js';
import type { SystemFiles } from './system-files.js';
import type { HugePages, MemoryAccess, NumaNode } from './types.js';

const nodePath = '/sys/devices/system/node';

type NodeFacts = Omit<NumaNode, 'allowed'>;

export interface Nodes {
  readonly nodes: readonly NodeFacts[];
  /** Distances as the kernel's SLIT has them: from, then to. Nodes without a file are absent. */
  readonly distances: ReadonlyMap<number, ReadonlyMap<number, number>>;
}

export function readNodes(
  files: SystemFiles,
  online: readonly number[],
  warnings: string[],
): Nodes {
  const ids = files.numbered(nodePath, 'node');
  const accelerators = readAcceleratorNodes(files);
  const tiers = readTiers(files);
  const nodes: NodeFacts[] = [];
  const placed = new Set<number>();
  for (const id of ids) {
    const base = `${nodePath}/node${id}`;
    if (accelerators.has(id)) {
      warnings.push(`node ${id} is the memory of a GPU and is left out`);
      continue;
    }
    const cpus = intersect(
      files.mask(`${base}/cpumap`) ?? files.list(`${base}/cpulist`) ?? [],
      online,
    );
    if (cpus.some((cpu) => placed.has(cpu))) {
      warnings.push(`node ${id} claims CPUs of another node and is left out`);
      continue;
    }
    for (const cpu of cpus) placed.add(cpu);
    nodes.push(readNode(files, id, cpus, tiers.get(id)));
  }
  if (nodes.length === 0) return { nodes: [wholeMachine(files, online)], distances: new Map() };
  return { nodes, distances: readDistances(files, ids) };
}

function readNode(
  files: SystemFiles,
  id: number,
  cpus: readonly number[],
  tier: number | undefined,
): NodeFacts {
  const base = `${nodePath}/node${id}`;
  const memory = files.text(`${base}/meminfo`);
  // access1 ranks CPUs only; access0, the older one, may name a generic initiator instead.
  const access = files.has(`${base}/access1/initiators`) ? 'access1' : 'access0';
  const initiators = files.numbered(`${base}/${access}/initiators`, 'node');
  const attributes = readAccess(files, `${base}/${access}/initiators`);
  const cache = readSideCache(files, `${base}/memory_side_cache`);
  return {
    id,
    cpus,
    bytes: kilobytes(memory, 'MemTotal'),
    freeBytes: kilobytes(memory, 'MemFree'),
    hugePages: readHugePages(files, `${base}/hugepages`),
    initiators: initiators.length === 0 && cpus.length > 0 ? [id] : initiators,
    ...(attributes === undefined ? {} : { access: attributes }),
    ...(tier === undefined ? {} : { tier }),
    ...(cache === undefined ? {} : { memorySideCacheBytes: cache }),
  };
}

/** A kernel built without NUMA has no nodes: the whole machine is node 0. */
function wholeMachine(files: SystemFiles, online: readonly number[]): NodeFacts {
  const memory = files.text('/proc/meminfo');
  return {
    id: 0,
    cpus: online,
    bytes: kilobytes(memory, 'MemTotal'),
    freeBytes: kilobytes(memory, 'MemFree'),
    hugePages: readHugePages(files, '/sys/kernel/mm/hugepages'),
    initiators: [0],
  };
}

/** Both forms: "Node 0 MemTotal:  123 kB" and "MemTotal:  123 kB". */
function kilobytes(text: string | undefined, name: string): number {
  const match = new RegExp(`^(?:Node\\s+\\d+\\s+)?${name}:\\s*(\\d+)\\s*kB`, 'm').exec(text ?? '');
  return match === null ? 0 : Number(match[1]) * 1024;
}

function readHugePages(files: SystemFiles, path: string): HugePages[] {
  const pools: HugePages[] = [];
  for (const name of files.names(path)) {
    const match = /^hugepages-(\d+)kB$/.exec(name);
    if (match === null) continue;
    pools.push({
      bytes: Number(match[1]) * 1024,
      total: files.integer(`${path}/${name}/nr_hugepages`) ?? 0,
      free: files.integer(`${path}/${name}/free_hugepages`) ?? 0,
    });
  }
  return pools.toSorted((a, b) => a.bytes - b.bytes);
}

function readAccess(files: SystemFiles, path: string): MemoryAccess | undefined {
  const values = {
    readBandwidth: files.integer(`${path}/read_bandwidth`),
    writeBandwidth: files.integer(`${path}/write_bandwidth`),
    readLatencyNs: files.integer(`${path}/read_latency`),
    writeLatencyNs: files.integer(`${path}/write_latency`),
  };
  const known = Object.entries(values).filter(([, value]) => value !== undefined && value > 0);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

function readSideCache(files: SystemFiles, path: string): number | undefined {
  const sizes = files
    .numbered(path, 'index')
    .map((index) => files.integer(`${path}/index${index}/size`) ?? 0);
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

function readTiers(files: SystemFiles): Map<number, number> {
  const path = '/sys/devices/virtual/memory_tiering';
  const tiers = new Map<number, number>();
  for (const tier of files.numbered(path, 'memory_tier')) {
    const base = `${path}/memory_tier${tier}`;
    const list = files.text(`${base}/nodelist`) ?? files.text(`${base}/nodes`);
    for (const node of parseCpuList(list)) tiers.set(node, tier);
  }
  return tiers;
}

/** NVIDIA's driver lends GPU memory to the kernel as nodes; nothing should land there by accident. */
function readAcceleratorNodes(files: SystemFiles): Set<number> {
  const path = '/proc/driver/nvidia/gpus';
  const nodes = new Set<number>();
  for (const gpu of files.names(path)) {
    const match = /^Node:\s*(\d+)/m.exec(files.text(`${path}/${gpu}/numa_status`) ?? '');
    if (match !== null) nodes.add(Number(match[1]));
  }
  return nodes;
}

/** The n-th number of nodeN/distance belongs to the n-th node that is online, not to node n. */
function readDistances(
  files: SystemFiles,
  ids: readonly number[],
): Map<number, ReadonlyMap<number, number>> {
  const distances = new Map<number, ReadonlyMap<number, number>>();
  for (const from of ids) {
    const row = (files.text(`${nodePath}/node${from}/distance`) ?? '').trim().split(/\s+/);
    if (row.length !== ids.length) continue;
    distances.set(from, new Map(ids.map((to, index) => [to, Number(row[index])])));
  }
  return distances;
}
