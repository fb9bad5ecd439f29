// What control groups leave to this process: CPUs, memory nodes, and CPU time per period.
import { findCgroups, type CgroupChain } from './cgroups.js';
import { parseCpuList } from './cpu-list.js';
import type { SystemFiles } from './system-files.js';

export interface Limits {
  /** CPUs of the cpuset; undefined where there is none. */
  readonly cpus: readonly number[] | undefined;
  readonly memoryNodes: readonly number[] | undefined;
  /** CPUs' worth of time per period, the smallest of all enclosing groups; undefined for no limit. */
  readonly quota: number | undefined;
}

/** `watch` receives every file that was looked at: a change in one of them changes the limits. */
export function readLimits(files: SystemFiles, watch: (path: string) => void = () => {}): Limits {
  const cpusets = findCgroups(files, 'cpuset');
  const times = findCgroups(files, 'cpu');
  return {
    cpus: nearestList(files, cpusets, cpuFiles, watch),
    memoryNodes: nearestList(files, cpusets, memoryFiles, watch),
    quota: smallestQuota(files, times, watch),
  };
}

// Best first; the bare names are of a mount with `noprefix`. Version 1 lists what was configured, as
// lstopo reads it; which of those are online is known from elsewhere.
const cpuFiles = {
  1: ['cpuset.cpus', 'cpus', 'cpuset.effective_cpus'],
  2: ['cpuset.cpus.effective'],
};
const memoryFiles = {
  1: ['cpuset.mems', 'mems', 'cpuset.effective_mems'],
  2: ['cpuset.mems.effective'],
};

/** A group without the controller, or with an empty list, has what its parent has. */
function nearestList(
  files: SystemFiles,
  groups: CgroupChain | undefined,
  names: typeof cpuFiles,
  watch: (path: string) => void,
): number[] | undefined {
  for (const directory of groups?.directories ?? []) {
    for (const name of names[groups?.version ?? 2]) {
      const path = `${directory}/${name}`;
      const text = files.text(path);
      if (text === undefined) continue;
      watch(path);
      const list = parseCpuList(text);
      if (list.length > 0) return list;
    }
  }
  return undefined;
}

function smallestQuota(
  files: SystemFiles,
  groups: CgroupChain | undefined,
  watch: (path: string) => void,
): number | undefined {
  let smallest: number | undefined;
  for (const directory of groups?.directories ?? []) {
    const quota =
      groups?.version === 1 ? quotaV1(files, directory, watch) : quotaV2(files, directory, watch);
    if (quota !== undefined) smallest = Math.min(smallest ?? quota, quota);
  }
  return smallest;
}

function quotaV1(
  files: SystemFiles,
  directory: string,
  watch: (path: string) => void,
): number | undefined {
  watch(`${directory}/cpu.cfs_quota_us`);
  watch(`${directory}/cpu.cfs_period_us`);
  const quota = files.integer(`${directory}/cpu.cfs_quota_us`) ?? -1;
  const period = files.integer(`${directory}/cpu.cfs_period_us`) ?? 0;
  return quota > 0 && period > 0 ? quota / period : undefined;
}

function quotaV2(
  files: SystemFiles,
  directory: string,
  watch: (path: string) => void,
): number | undefined {
  watch(`${directory}/cpu.max`);
  const match = /^(\d+)\s+(\d+)/.exec(files.text(`${directory}/cpu.max`) ?? '');
  if (match === null) return undefined;
  const quota = Number(match[1]) / Number(match[2]);
  return Number.isFinite(quota) && quota > 0 ? quota : undefined;
}
