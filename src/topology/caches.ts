// Caches and who shares them, from cpuN/cache/indexM.
import { intersect } from './cpu-list.js';
import { cpuPath } from './processors.js';
import type { SystemFiles } from './system-files.js';
import type { Cache, CacheType, Core } from './types.js';

export function readCaches(
  files: SystemFiles,
  online: readonly number[],
  cores: readonly Core[],
): Cache[] {
  const caches: Cache[] = [];
  const placed = new Map<number, Set<number>>();
  for (const cpu of online) {
    const base = `${cpuPath}/cpu${cpu}/cache`;
    for (const index of files.numbered(base, 'index')) {
      const known = placed.get(index) ?? new Set();
      placed.set(index, known);
      if (known.has(cpu)) continue;
      const cpus = sharers(files, `${base}/index${index}`, cpu, online, cores);
      // Credited to its lowest CPU: where that one's file is missing, so is the cache (as in hwloc).
      if (cpus === undefined || cpus[0] !== cpu) continue;
      for (const other of cpus) known.add(other);
      caches.push(describe(files, `${base}/index${index}`, cpus));
    }
  }
  return caches.toSorted((a, b) => a.level - b.level || (a.cpus[0] ?? 0) - (b.cpus[0] ?? 0));
}

function sharers(
  files: SystemFiles,
  path: string,
  cpu: number,
  online: readonly number[],
  cores: readonly Core[],
): readonly number[] | undefined {
  const mask = files.mask(`${path}/shared_cpu_map`) ?? files.list(`${path}/shared_cpu_list`);
  if (mask === undefined) return undefined;
  // Some ia64 kernels leave the map of private caches empty: then the core's threads share it.
  if (mask.length === 0) return cores.find((core) => core.cpus.includes(cpu))?.cpus ?? [cpu];
  return intersect(mask, online);
}

function describe(files: SystemFiles, path: string, cpus: readonly number[]): Cache {
  const lineBytes = files.integer(`${path}/coherency_line_size`);
  return {
    level: files.integer(`${path}/level`) ?? 0,
    type: cacheType(files.text(`${path}/type`)),
    bytes: sizeInBytes(files.text(`${path}/size`)),
    ...(lineBytes === undefined ? {} : { lineBytes }),
    cpus,
  };
}

function cacheType(text: string | undefined): CacheType {
  if (text?.startsWith('Data')) return 'data';
  return text?.startsWith('Instruction') ? 'instruction' : 'unified';
}

function sizeInBytes(text: string | undefined): number {
  const match = /^(\d+)([KMG]?)/.exec(text?.trim() ?? '');
  if (match === null) return 0;
  const unit = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[match[2] ?? ''] ?? 1;
  return Number(match[1]) * unit;
}
