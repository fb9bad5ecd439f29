// The machine as a tree for pictures: every set of CPUs inside the smallest one that contains it.
import { includesAll, sameSet } from './cpu-list.js';
import type { Topology } from './topology.js';
import type { NumaNode } from './types.js';

export interface Box {
  readonly type: 'machine' | 'package' | 'die' | 'cluster' | 'group' | 'cache' | 'core' | 'cpu';
  /** What contains exactly the same CPUs shares one box: "L2 (2 MB)", "L1d (48 KB)", "Core 0". */
  readonly labels: string[];
  readonly cpus: readonly number[];
  readonly nodes: NumaNode[];
  readonly children: Box[];
}

/** The outermost box: the whole machine. */
export function containment(topology: Topology): Box {
  const machine: Box = box('machine', machineLabel(topology), onlineOf(topology));
  for (const entry of outermostFirst(topology)) insert(machine, entry);
  for (const node of topology.nodes) attachNode(machine, node, topology);
  sortChildren(machine);
  return machine;
}

function sortChildren(parent: Box): void {
  parent.children.sort((a, b) => (a.cpus[0] ?? 0) - (b.cpus[0] ?? 0));
  for (const child of parent.children) sortChildren(child);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  // Like lstopo, keep four digits before moving to the next unit: 8192 MB, 16 GB.
  while (value >= 10_240 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  while (unit === 0 && value >= 1024) {
    value /= 1024;
    unit++;
  }
  return `${Math.round(value)} ${units[unit]}`;
}

function box(type: Box['type'], label: string, cpus: readonly number[]): Box {
  return { type, labels: [label], cpus, nodes: [], children: [] };
}

function onlineOf(topology: Topology): number[] {
  return topology.cpus.filter((cpu) => cpu.online).map((cpu) => cpu.id);
}

function machineLabel(topology: Topology): string {
  const bytes = topology.nodes.reduce((sum, node) => sum + node.bytes, 0);
  return `Machine (${formatBytes(bytes)})`;
}

function outermostFirst(topology: Topology): Box[] {
  const boxes = [
    ...topology.packages.map((group) => box('package', numbered('Package', group.id), group.cpus)),
    ...topology.dies.map((group) => box('die', numbered('Die', group.id), group.cpus)),
    ...topology.clusters.map((group) => box('cluster', numbered('Cluster', group.id), group.cpus)),
    ...topology.caches
      .toSorted((a, b) => b.level - a.level)
      .map((cache) => {
        const suffix = { data: 'd', instruction: 'i', unified: '' }[cache.type];
        const size = cache.bytes > 0 ? ` (${formatBytes(cache.bytes)})` : '';
        return box('cache', `L${cache.level}${suffix}${size}`, cache.cpus);
      }),
    ...topology.cores.map((core) => {
      const kind = topology.kinds.find((group) => group.cpus.includes(core.cpus[0] ?? -1))?.kind;
      return box(
        'core',
        `${numbered('Core', core.id)}${kind === undefined ? '' : ` (${kind})`}`,
        core.cpus,
      );
    }),
    ...topology.cpus
      .filter((cpu) => cpu.online)
      .map((cpu) => {
        const marks = [cpu.allowed ? '' : 'not allowed', cpu.isolated ? 'isolated' : ''];
        const note = marks.filter((mark) => mark !== '').join(', ');
        return box('cpu', `PU ${cpu.id}${note === '' ? '' : ` (${note})`}`, [cpu.id]);
      }),
  ];
  // Stable: of equal sets the first written is the outer one.
  return boxes.toSorted((a, b) => b.cpus.length - a.cpus.length);
}

/** Some firmware gives no number (−1); then the word stands alone. */
function numbered(word: string, id: number): string {
  return id < 0 ? word : `${word} ${id}`;
}

function insert(parent: Box, entry: Box): void {
  for (const child of parent.children) {
    if (!includesAll(child.cpus, entry.cpus)) continue;
    if (sameSet(child.cpus, entry.cpus) && entry.type !== 'cpu' && child.type !== 'cpu') {
      child.labels.push(...entry.labels);
    } else {
      insert(child, entry);
    }
    return;
  }
  parent.children.push(entry);
}

/** Under the smallest box with all its CPUs; if that holds other CPUs too, in a box of its own. */
function attachNode(machine: Box, node: NumaNode, topology: Topology): void {
  const near = topology.nodes.filter((other) => node.initiators.includes(other.id));
  const cpus = node.cpus.length > 0 ? node.cpus : near.flatMap((other) => other.cpus);
  if (cpus.length === 0) {
    machine.nodes.push(node);
    return;
  }
  let at = machine;
  for (;;) {
    const inner = at.children.find(
      (child) => child.type !== 'cpu' && child.type !== 'core' && includesAll(child.cpus, cpus),
    );
    if (inner === undefined) break;
    at = inner;
  }
  if (at.cpus.length > cpus.length) {
    const inside = at.children.filter((child) => includesAll(cpus, child.cpus));
    if (inside.length > 0) {
      const group: Box = { type: 'group', labels: [], cpus, nodes: [node], children: inside };
      at.children.splice(at.children.indexOf(inside[0] ?? group), inside.length, group);
      return;
    }
  }
  at.nodes.push(node);
}
