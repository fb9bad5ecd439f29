// What `numactl --hardware` says, as data.
import { execFileSync } from 'node:child_process';

const numbers = (text) => text.trim().split(/\s+/).filter(Boolean).map(Number);

/** Nodes with their CPUs and memory in MiB, and the table of distances. */
export function numactlHardware() {
  const text = execFileSync('numactl', ['--hardware'], { encoding: 'utf8' });
  const nodes = [];
  for (const [, id, cpus] of text.matchAll(/^node (\d+) cpus:(.*)$/gm)) {
    const [, size] = new RegExp(`^node ${id} size: (\\d+) MB$`, 'm').exec(text);
    nodes.push({ id: Number(id), cpus: numbers(cpus), mib: Number(size) });
  }
  const distances = [...text.matchAll(/^ +\d+:(.*)$/gm)].map(([, row]) => numbers(row));
  return { nodes, distances };
}
