// CPUs and how they nest in cores, clusters, dies and packages, from /sys/devices/system/cpu.
// Sets come from the sibling masks, not from the ids: ids repeat between packages and may be −1.
import { ascending, intersect, parseCpuList, sameSet } from './cpu-list.js';
import type { SystemFiles } from './system-files.js';
import type { Core, CpuGroup } from './types.js';

export const cpuPath = '/sys/devices/system/cpu';

export interface Processors {
  readonly present: readonly number[];
  readonly online: readonly number[];
  readonly isolated: readonly number[];
  readonly cores: readonly Core[];
  readonly packages: readonly CpuGroup[];
  readonly dies: readonly CpuGroup[];
  readonly clusters: readonly CpuGroup[];
}

export function readProcessors(files: SystemFiles, warnings: string[]): Processors {
  const { present, online } = readPresence(files);
  const packages = readGroups(
    files,
    online,
    ['package_cpus', 'core_siblings'],
    'physical_package_id',
  );
  const unplaced = online.filter((cpu) => !packages.some((group) => group.cpus.includes(cpu)));
  if (packages.length > 0 && unplaced.length > 0) {
    warnings.push(`the kernel's package of CPUs ${unplaced.join(',')} contradicts its siblings`);
  }
  const cores = readCores(files, online, packages);
  // Arm kernels before 5.17 say die −1 and list each CPU alone: they know of no dies.
  const dies = readGroups(files, online, ['die_cpus'], 'die_id').filter(
    (die) => die.id >= 0 && packages.every((group) => !sameSet(group.cpus, die.cpus)),
  );
  // A cluster that is just a core, a die or a package says nothing new.
  const clusters = readGroups(files, online, ['cluster_cpus'], 'cluster_id').filter((cluster) =>
    [...cores, ...dies, ...packages].every((group) => !sameSet(group.cpus, cluster.cpus)),
  );
  return { present, online, isolated: readIsolated(files), cores, packages, dies, clusters };
}

function readPresence(files: SystemFiles): { present: number[]; online: number[] } {
  const listed = files.list(`${cpuPath}/online`);
  let present = files.numbered(cpuPath, 'cpu');
  if (present.length === 0) present = listed ?? countedInCpuinfo(files);
  const described = present.filter((cpu) => files.has(`${cpuPath}/cpu${cpu}/topology`));
  const online = present.filter((cpu) => {
    if (files.integer(`${cpuPath}/cpu${cpu}/online`) === 0) return false;
    // The kernel removes the topology of a CPU that goes offline; some sandboxes show none at all.
    if (described.length > 0) return described.includes(cpu);
    return listed === undefined || listed.includes(cpu);
  });
  return { present, online };
}

function countedInCpuinfo(files: SystemFiles): number[] {
  const lines = (files.text('/proc/cpuinfo') ?? '').matchAll(/^processor\s*:\s*(\d+)/gm);
  const found = ascending(new Set([...lines].map((match) => Number(match[1]))));
  return found.length > 0 ? found : [0];
}

/** Each distinct sibling set, credited to its lowest CPU, as hwloc does. */
function readGroups(
  files: SystemFiles,
  online: readonly number[],
  maskNames: readonly string[],
  idName: string,
): CpuGroup[] {
  const groups: CpuGroup[] = [];
  const placed = new Set<number>();
  for (const cpu of online) {
    if (placed.has(cpu)) continue;
    const base = `${cpuPath}/cpu${cpu}/topology`;
    const cpus = siblings(files, base, maskNames, online);
    if (cpus === undefined || cpus[0] !== cpu || cpus.some((other) => placed.has(other))) continue;
    for (const other of cpus) placed.add(other);
    groups.push({ id: files.integer(`${base}/${idName}`) ?? -1, cpus });
  }
  return groups;
}

function siblings(
  files: SystemFiles,
  base: string,
  maskNames: readonly string[],
  online: readonly number[],
): number[] | undefined {
  for (const name of maskNames) {
    const mask = files.mask(`${base}/${name}`);
    if (mask !== undefined) return intersect(mask, online);
  }
  return undefined;
}

function readCores(
  files: SystemFiles,
  online: readonly number[],
  packages: readonly CpuGroup[],
): Core[] {
  const coreId = (cpu: number): number =>
    files.integer(`${cpuPath}/cpu${cpu}/topology/core_id`) ?? -1;
  const cores: Core[] = [];
  const placed = new Set<number>();
  for (const cpu of online) {
    if (placed.has(cpu)) continue;
    const base = `${cpuPath}/cpu${cpu}/topology`;
    const mask = siblings(files, base, ['core_cpus', 'thread_siblings'], online) ?? [cpu];
    const id = coreId(cpu);
    // AMD's compute units list two cores as "thread siblings"; their core ids tell them apart.
    const second = mask.find((other) => other !== cpu);
    const cpus =
      mask.includes(cpu) && (second === undefined || coreId(second) === id)
        ? mask.filter((other) => !placed.has(other))
        : [cpu];
    for (const other of cpus) placed.add(other);
    const home = packages.find((group) => group.cpus.includes(cpu));
    cores.push({ id, package: home?.id ?? -1, cpus });
  }
  return cores;
}

function readIsolated(files: SystemFiles): number[] {
  const partitions = files.list('/sys/fs/cgroup/cpuset.cpus.isolated') ?? [];
  const listed = files.list(`${cpuPath}/isolated`);
  if (listed !== undefined) return ascending(new Set([...listed, ...partitions]));
  // Kernels before 4.2 have no such file, but the command line says what was asked for.
  const parameter = /(?:^|\s)isolcpus=(\S+)/.exec(files.text('/proc/cmdline') ?? '');
  return parameter === null ? partitions : parseCpuList(parameter[1]);
}
