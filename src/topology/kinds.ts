// Unequal cores: Intel's performance and efficiency cores, Arm's big.LITTLE. The sources, best
// first: the PMUs Intel names after its core types, the scheduler's cpu_capacity, ACPI CPPC, the
// highest frequency.
import { ascending, intersect } from './cpu-list.js';
import { cpuPath } from './processors.js';
import type { SystemFiles } from './system-files.js';
import type { CpuKind, CpuKindGroup } from './types.js';

/** Neighbours in strength closer than this are one kind: favoured cores turbo a little higher. */
const sameKindRatio = 0.85;

/** The kinds, strongest first; empty when all cores are alike. */
export function readKinds(files: SystemFiles, online: readonly number[]): CpuKindGroup[] {
  const strengths = readStrengths(files, online);
  const named = readCoreTypes(files, online);
  const groups = named.length > 1 ? named : groupByStrength(strengths, online);
  if (groups.length < 2) return [];
  const strongest = Math.max(...strengths.values());
  return groups.map((cpus, index) => {
    const best = Math.max(...cpus.map((cpu) => strengths.get(cpu) ?? 0));
    return {
      kind: kindAt(index, groups.length),
      cpus,
      capacity: best > 0 ? best / strongest : 1 / (index + 1),
    };
  });
}

function kindAt(index: number, count: number): CpuKind {
  if (index === 0) return 'performance';
  return index === count - 1 ? 'efficiency' : 'balanced';
}

function readCoreTypes(files: SystemFiles, online: readonly number[]): number[][] {
  return ['cpu_core', 'cpu_atom', 'cpu_lowpower']
    .map((pmu) => intersect(files.list(`/sys/devices/${pmu}/cpus`) ?? [], online))
    .filter((cpus) => cpus.length > 0);
}

/** The first source that every online CPU has: values of different sources do not compare. */
function readStrengths(files: SystemFiles, online: readonly number[]): Map<number, number> {
  for (const source of ['cpu_capacity', 'acpi_cppc/highest_perf', 'cpufreq/cpuinfo_max_freq']) {
    const found = new Map<number, number>();
    for (const cpu of online) {
      const value = files.integer(`${cpuPath}/cpu${cpu}/${source}`);
      if (value === undefined || value <= 0) break;
      found.set(cpu, value);
    }
    if (found.size === online.length) return found;
  }
  return new Map();
}

function groupByStrength(
  strengths: ReadonlyMap<number, number>,
  online: readonly number[],
): number[][] {
  if (strengths.size === 0) return [];
  const strength = (cpu: number): number => strengths.get(cpu) ?? 0;
  const sorted = online.toSorted((a, b) => strength(b) - strength(a));
  const groups: number[][] = [];
  let previous = Number.POSITIVE_INFINITY;
  for (const cpu of sorted) {
    const current = strength(cpu);
    const group = groups.at(-1);
    if (group === undefined || current < previous * sameKindRatio) groups.push([cpu]);
    else group.push(cpu);
    previous = current;
  }
  return groups.map((cpus) => ascending(cpus));
}
