// Machines made of files by the tests themselves.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadTopology, type Topology } from 'moirai';

export type Files = Record<string, string>;

/** Writes the files (a value `-> target` is a symbolic link) and reads them as a machine. */
export function machine(...parts: Files[]): Topology {
  const root = mkdtempSync(join(tmpdir(), 'moirai-made-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'sys'));
  for (const [path, content] of Object.entries(Object.assign({}, ...parts) as Files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), file);
    else writeFileSync(file, `${content}\n`);
  }
  return loadTopology(root);
}

/** CPUs 0…n−1 in one package, `threads` to a core, an L1d and L2 per core and one L3. */
export function processors(count: number, threads = 1): Files {
  const files: Files = { 'sys/devices/system/cpu/online': `0-${count - 1}` };
  for (let cpu = 0; cpu < count; cpu++) {
    const base = `sys/devices/system/cpu/cpu${cpu}`;
    const first = cpu - (cpu % threads);
    const siblings = mask(range(first, threads));
    files[`${base}/topology/core_id`] = `${first / threads}`;
    files[`${base}/topology/physical_package_id`] = '0';
    files[`${base}/topology/core_cpus`] = siblings;
    files[`${base}/topology/package_cpus`] = mask(range(0, count));
    Object.assign(files, cache(base, 0, 1, 'Data', '32K', siblings));
    Object.assign(files, cache(base, 2, 2, 'Unified', '1024K', siblings));
    Object.assign(files, cache(base, 3, 3, 'Unified', '16384K', mask(range(0, count))));
  }
  return files;
}

export function node(id: number, cpus: number[], kilobytes: number, distance: string): Files {
  const base = `sys/devices/system/node/node${id}`;
  return {
    [`${base}/cpumap`]: mask(cpus),
    [`${base}/meminfo`]: `Node ${id} MemTotal:  ${kilobytes} kB\nNode ${id} MemFree:  ${kilobytes / 2} kB`,
    [`${base}/distance`]: distance,
  };
}

export function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function cache(
  base: string,
  index: number,
  level: number,
  type: string,
  size: string,
  cpus: string,
) {
  const path = `${base}/cache/index${index}`;
  return {
    [`${path}/level`]: `${level}`,
    [`${path}/type`]: type,
    [`${path}/size`]: size,
    [`${path}/coherency_line_size`]: '64',
    [`${path}/shared_cpu_map`]: cpus,
  };
}

/** The kernel's form of a mask: 32-bit words, the highest first. */
function mask(cpus: readonly number[]): string {
  const words = [0n, 0n, 0n, 0n];
  for (const cpu of cpus) words[cpu >> 5] = (words[cpu >> 5] ?? 0n) | (1n << BigInt(cpu & 31));
  return words
    .toReversed()
    .map((word) => word.toString(16).padStart(8, '0'))
    .join(',');
}
