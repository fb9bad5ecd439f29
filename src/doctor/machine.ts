// What several checks ask of a machine: its CPUs, its kernel, and what this process may do.
import { ascending, formatCpuList, intersect, parseCpuList } from '../topology/cpu-list.js';
import { readLimits } from '../topology/limits.js';
import type { SystemFiles } from '../topology/system-files.js';
import type { Capabilities } from '../capabilities/index.js';

export const cpuPath = '/sys/devices/system/cpu';

export interface Machine {
  readonly files: SystemFiles;
  readonly cpu: number;
  readonly online: readonly number[];
  readonly allowed: readonly number[];
  /** All online CPUs but the chosen one. */
  readonly others: readonly number[];
  /** Those set apart by isolcpus or an isolated partition. */
  readonly isolated: readonly number[];
  readonly kernel: string | undefined;
  readonly virtual: boolean;
  /** Name and value of each kernel parameter. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly probes: Capabilities | undefined;
  /** Undefined where /proc/self/status could not be read. */
  holds(capability: 'CAP_SYS_NICE' | 'CAP_IPC_LOCK'): boolean | undefined;
  /** A soft limit by its name in /proc/self/limits. */
  limit(name: string): number | undefined;
  since(major: number, minor: number): boolean;
}

const capabilityBits = { CAP_IPC_LOCK: 14n, CAP_SYS_NICE: 23n };

export function cpusOf(files: SystemFiles): Pick<Machine, 'online' | 'allowed' | 'isolated'> {
  const online = files.list(`${cpuPath}/online`) ?? files.numbered(cpuPath, 'cpu');
  const status = files.text('/proc/self/status') ?? '';
  const mask = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  const may = mask === undefined ? readLimits(files).cpus : parseCpuList(mask);
  const isolated = [
    ...(files.list(`${cpuPath}/isolated`) ?? []),
    ...(files.list('/sys/fs/cgroup/cpuset.cpus.isolated') ?? []),
  ];
  return {
    online,
    allowed: may === undefined ? online : intersect(online, may),
    isolated: ascending(new Set(isolated)),
  };
}

export function machineOf(
  files: SystemFiles,
  cpu: number,
  probes: Capabilities | undefined,
): Machine {
  const cpus = cpusOf(files);
  const status = files.text('/proc/self/status');
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(status ?? '')?.[1];
  const limits = files.text('/proc/self/limits') ?? '';
  const kernel = releaseOf(files);
  const [major = 0, minor = 0] = (kernel ?? '').split('.').map((part) => Number.parseInt(part, 10));
  return {
    files,
    cpu,
    probes,
    ...cpus,
    others: cpus.online.filter((id) => id !== cpu),
    kernel,
    virtual: /^flags\s*:.*\bhypervisor\b/m.test(files.text('/proc/cpuinfo') ?? ''),
    parameters: parametersOf(files.text('/proc/cmdline') ?? ''),
    holds(name) {
      if (capabilities === undefined) return undefined;
      // What a user namespace gives reaches neither the scheduler nor the locked memory of the host.
      const whole = /^\s*0\s+0\s+4294967295/.test(
        files.text('/proc/self/uid_map') ?? '0 0 4294967295',
      );
      return whole && ((BigInt(`0x${capabilities}`) >> capabilityBits[name]) & 1n) === 1n;
    },
    limit(name) {
      const value = new RegExp(`^${name}\\s{2,}(\\S+)`, 'm').exec(limits)?.[1];
      if (value === undefined) return undefined;
      return value === 'unlimited' ? Number.POSITIVE_INFINITY : Number(value);
    },
    since: (wantedMajor, wantedMinor) =>
      major > wantedMajor || (major === wantedMajor && minor >= wantedMinor),
  };
}

/** A list of CPUs for a person and for the kernel alike. */
export function listOf(cpus: readonly number[]): string {
  return cpus.length === 0 ? 'none' : formatCpuList(cpus);
}

function releaseOf(files: SystemFiles): string | undefined {
  const release = files.text('/proc/sys/kernel/osrelease')?.trim();
  return release ?? /^Linux version (\S+)/.exec(files.text('/proc/version') ?? '')?.[1];
}

function parametersOf(line: string): Map<string, string> {
  const pairs = line
    .trim()
    .split(/\s+/)
    .map((word): [string, string] => {
      const at = word.indexOf('=');
      return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    });
  return new Map(pairs);
}
