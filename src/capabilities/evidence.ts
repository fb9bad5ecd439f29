// What surrounds a refusal and tells its cause: credentials, filters, limits, control groups.
import { statfsSync } from 'node:fs';
import { release } from 'node:os';
import { findCgroups, SystemFiles } from '../topology/index.js';

export interface Evidence {
  /** CapEff of the calling thread. */
  readonly capabilities: bigint;
  /** In a user namespace capabilities do not reach the scheduler or locked memory of the host. */
  readonly userNamespace: boolean;
  readonly seccomp: boolean;
  /** Soft limits by the names of getrlimit; Infinity for none. */
  readonly limits: ReadonlyMap<string, number>;
  /** Real-time µs per period of this process's own cpu group; undefined without group scheduling. */
  readonly groupRuntimeUs: number | undefined;
  readonly group: string | undefined;
  /** kernel.sched_rt_runtime_us; −1 for no throttling. */
  readonly globalRuntimeUs: number | undefined;
  readonly kernel: readonly [number, number];
  /** The kernel has NUMA built in (even on one node). */
  readonly numa: boolean;
  /** Nodes with memory that this process may use. */
  readonly memoryNodes: number;
  readonly transparentHugePages: string | undefined;
  readonly sharedMemoryBytes: number | undefined;
}

export function gatherEvidence(memoryNodes: number): Evidence {
  const files = new SystemFiles('/');
  const status = files.text('/proc/thread-self/status') ?? files.text('/proc/self/status') ?? '';
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return {
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`),
    userNamespace: !/^\s*0\s+0\s+4294967295/.test(
      files.text('/proc/self/uid_map') ?? '0 0 4294967295',
    ),
    seccomp: /^Seccomp:\s*[12]/m.test(status),
    limits: readLimitTable(files.text('/proc/self/limits') ?? ''),
    ...readGroupRuntime(files),
    globalRuntimeUs: files.integer('/proc/sys/kernel/sched_rt_runtime_us'),
    kernel: [major, minor],
    numa: files.has('/sys/devices/system/node/node0') || files.has('/proc/self/numa_maps'),
    memoryNodes,
    transparentHugePages: /\[(\w+)\]/.exec(
      files.text('/sys/kernel/mm/transparent_hugepage/enabled') ?? '',
    )?.[1],
    sharedMemoryBytes: fileSystemBytes('/dev/shm'),
  };
}

const limitNames: Record<string, string> = {
  'Max realtime priority': 'RLIMIT_RTPRIO',
  'Max nice priority': 'RLIMIT_NICE',
  'Max locked memory': 'RLIMIT_MEMLOCK',
};

function readLimitTable(text: string): Map<string, number> {
  const limits = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(Max .*?)\s{2,}(\S+)/.exec(line);
    const name = limitNames[match?.[1] ?? ''];
    if (name === undefined) continue;
    limits.set(name, match?.[2] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match?.[2]));
  }
  return limits;
}

/** Only kernels with RT_GROUP_SCHED have the file, and only in version 1 groups. */
function readGroupRuntime(files: SystemFiles): Pick<Evidence, 'groupRuntimeUs' | 'group'> {
  const group = findCgroups(files, 'cpu')?.directories[0];
  return { groupRuntimeUs: files.integer(`${group}/cpu.rt_runtime_us`), group };
}

function fileSystemBytes(path: string): number | undefined {
  try {
    const { blocks, bsize } = statfsSync(path);
    return blocks * bsize;
  } catch {
    return undefined;
  }
}
