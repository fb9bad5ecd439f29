// The picture for a terminal: lstopo's words, one line for what wraps exactly the same CPUs.
import { containment, formatBytes, type Box } from './containment.js';
import { formatCpuList } from './cpu-list.js';
import type { Topology } from './topology.js';
import type { NumaNode } from './types.js';

export function renderText(topology: Topology): string {
  const machine = containment(topology);
  const lines = [machine.labels.join(' + '), ...childLines(machine, '')];
  return [...lines, ...summary(topology)].join('\n');
}

function childLines(parent: Box, indent: string): string[] {
  const entries: { head: string; box?: Box }[] = [
    ...parent.nodes.map((node) => ({ head: nodeLabel(node) })),
    ...parent.children.map((child) => flatten(child)),
  ];
  return entries.flatMap(({ head, box }, index) => {
    const last = index === entries.length - 1;
    const lines = box === undefined ? [] : childLines(box, indent + (last ? '   ' : '│  '));
    return [`${indent}${last ? '└─ ' : '├─ '}${head}`, ...lines];
  });
}

/** A chain of only children goes on one line, and so do the CPUs of a core. */
function flatten(start: Box): { head: string; box?: Box } {
  const labels = [...start.labels];
  let at = start;
  if (at.type === 'group') {
    const [first, ...others] = at.nodes;
    if (first !== undefined) labels.push(nodeLabel(first));
    return { head: labels.join(' + '), box: { ...at, nodes: others } };
  }
  while (at.nodes.length === 0 && at.children.length === 1 && at.children[0] !== undefined) {
    at = at.children[0];
    labels.push(...at.labels);
  }
  if (at.children.length === 0) return { head: labels.join(' + ') };
  if (at.nodes.length === 0 && at.children.every((child) => child.type === 'cpu')) {
    return {
      head: [...labels, at.children.map((child) => child.labels.join()).join(', ')].join(' + '),
    };
  }
  return { head: labels.join(' + '), box: at };
}

function nodeLabel(node: NumaNode): string {
  const notes = [formatBytes(node.bytes)];
  if (node.cpus.length === 0) notes.push('no CPUs');
  if (node.tier !== undefined) notes.push(`tier ${node.tier}`);
  if (node.access?.readBandwidth !== undefined) notes.push(`${node.access.readBandwidth} MB/s`);
  if (node.access?.readLatencyNs !== undefined) notes.push(`${node.access.readLatencyNs} ns`);
  for (const pool of node.hugePages) {
    if (pool.total > 0) notes.push(`${pool.total} × ${formatBytes(pool.bytes)} pages`);
  }
  if (!node.allowed) notes.push('not allowed');
  return `NUMANode ${node.id} (${notes.join(', ')})`;
}

function summary(topology: Topology): string[] {
  const offline = topology.cpus.filter((cpu) => !cpu.online).map((cpu) => cpu.id);
  const isolated = topology.cpus.filter((cpu) => cpu.isolated).map((cpu) => cpu.id);
  const online = topology.cpus.length - offline.length;
  const lines = [
    `Allowed: ${formatCpuList(topology.allowed)} (${topology.allowed.length} of ${online})`,
  ];
  if (topology.quota !== undefined) lines.push(`Quota: ${topology.quota} CPUs`);
  lines.push(`Effective parallelism: ${topology.effectiveParallelism}`);
  if (offline.length > 0) lines.push(`Offline: ${formatCpuList(offline)}`);
  if (isolated.length > 0) lines.push(`Isolated: ${formatCpuList(isolated)}`);
  if (topology.nodes.length > 1) lines.push('Distances:', ...distanceTable(topology));
  return [...lines, ...topology.warnings.map((warning) => `Note: ${warning}`)];
}

function distanceTable(topology: Topology): string[] {
  const ids = topology.nodes.map((node) => node.id);
  return [
    `  node${ids.map(cell).join('')}`,
    ...ids.map((a) => `  ${cell(a)}${ids.map((b) => cell(topology.distance(a, b))).join('')}`),
  ];
}

function cell(value: number): string {
  return String(value).padStart(4);
}
