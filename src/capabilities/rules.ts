// For each feature: which call stands behind it, what the call needs, and what the answers mean.
import type { Evidence } from './evidence.js';
import type { Capability, CapabilityName } from './types.js';

export interface Rule {
  readonly syscall: string;
  /** The Linux capability that lets it through. */
  readonly capability?: 'CAP_SYS_NICE' | 'CAP_IPC_LOCK';
  /** The resource limit that can stand in for the capability, and how to raise it. */
  readonly limit?: { readonly name: string; readonly raise: string };
  /** The first kernel that has it. */
  readonly since?: readonly [number, number];
  readonly config?: string;
  /** What container engines need to let the call through. */
  readonly unfilter?: string;
  /** Subject to the real-time budget of control groups. */
  readonly groupBudget?: boolean;
  /** Errors with a meaning of their own. */
  readonly errors?: Meanings;
  /** What is missing although the call worked. */
  readonly shortfall?: (evidence: Evidence) => Shortfall | undefined;
}

type Meanings = Readonly<Record<number, Omit<Capability, 'errno'>>>;
/** `degraded`, unless it says otherwise. */
type Shortfall = Partial<Capability>;

const errno = { ENOENT: 2, EACCES: 13, EPERM: 1, EBUSY: 16, ENOMEM: 12, EINVAL: 22, EROFS: 30 };
const megabyte = 2 ** 20;
const anyProfile =
  'allow the call in the seccomp profile (docker run --security-opt seccomp=PROFILE)';

const memoryPolicy = {
  config: 'CONFIG_NUMA',
  unfilter: `docker run --cap-add SYS_NICE (its default profile then lets the call through), or ${anyProfile}`,
} as const;

const realTime: Omit<Rule, 'syscall'> = {
  capability: 'CAP_SYS_NICE',
  limit: {
    name: 'RLIMIT_RTPRIO',
    raise: 'LimitRTPRIO=99 (systemd), rtprio in limits.conf, docker run --ulimit rtprio=99',
  },
  groupBudget: true,
  shortfall: (evidence) => noRealTimeBandwidth(evidence) ?? lowPriorityOnly(evidence),
};

export const rules: Readonly<Record<Exclude<CapabilityName, 'numa'>, Rule>> = {
  affinity: { syscall: 'sched_setaffinity' },
  getcpu: { syscall: 'getcpu' },
  setMempolicy: { syscall: 'set_mempolicy', ...memoryPolicy },
  getMempolicy: { syscall: 'get_mempolicy', ...memoryPolicy },
  mbind: { syscall: 'mbind', ...memoryPolicy },
  preferredMany: { syscall: 'mbind', ...memoryPolicy, since: [5, 15], errors: tooOld('5.15') },
  weightedInterleave: { syscall: 'mbind', ...memoryPolicy, since: [6, 9], errors: tooOld('6.9') },
  movePages: { syscall: 'move_pages', ...memoryPolicy, unfilter: anyProfile },
  migratePages: { syscall: 'migrate_pages', ...memoryPolicy, unfilter: anyProfile },
  fifo: { syscall: 'sched_setscheduler', ...realTime },
  roundRobin: { syscall: 'sched_setscheduler', ...realTime },
  deadline: {
    syscall: 'sched_setattr',
    capability: 'CAP_SYS_NICE',
    since: [3, 14],
    errors: {
      [errno.EBUSY]: {
        state: 'refused',
        cause: 'resources',
        reason: 'other SCHED_DEADLINE tasks hold all the bandwidth the kernel admits',
        fix: 'lower their runtimes, or raise kernel.sched_rt_runtime_us',
      },
    },
    shortfall: noRealTimeBandwidth,
  },
  nice: {
    syscall: 'setpriority',
    capability: 'CAP_SYS_NICE',
    limit: { name: 'RLIMIT_NICE', raise: 'LimitNICE=-20 (systemd), nice in limits.conf' },
  },
  mlock: {
    syscall: 'mlock',
    capability: 'CAP_IPC_LOCK',
    limit: {
      name: 'RLIMIT_MEMLOCK',
      raise:
        'LimitMEMLOCK=infinity (systemd), memlock in limits.conf, docker run --ulimit memlock=-1',
    },
    shortfall: littleLockedMemory,
  },
  hugePages: {
    syscall: 'mmap',
    config: 'CONFIG_HUGETLBFS',
    errors: {
      [errno.ENOMEM]: {
        state: 'refused',
        cause: 'resources',
        reason: 'the pool of huge pages has none free',
        fix: 'sysctl vm.nr_hugepages=N',
      },
      [errno.EINVAL]: { state: 'refused', cause: 'kernel', reason: 'the kernel has no huge pages' },
    },
  },
  transparentHugePages: {
    syscall: 'madvise',
    config: 'CONFIG_TRANSPARENT_HUGEPAGE',
    errors: {
      [errno.EINVAL]: {
        state: 'refused',
        cause: 'kernel',
        reason: 'the kernel was built without CONFIG_TRANSPARENT_HUGEPAGE',
      },
    },
    shortfall: ({ transparentHugePages }) =>
      transparentHugePages === 'never'
        ? {
            state: 'refused',
            cause: 'kernel',
            reason: 'transparent huge pages are turned off, advice is ignored',
            fix: 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled',
          }
        : undefined,
  },
  futex: { syscall: 'futex' },
  futexPi: { syscall: 'futex', config: 'CONFIG_FUTEX_PI' },
  futexWaitv: { syscall: 'futex_waitv', since: [5, 16] },
  membarrier: { syscall: 'membarrier', since: [4, 14], config: 'CONFIG_MEMBARRIER' },
  memfd: { syscall: 'memfd_create', since: [3, 17] },
  sharedMemory: {
    syscall: 'open /dev/shm',
    errors: {
      [errno.ENOENT]: {
        state: 'refused',
        cause: 'platform',
        reason: 'there is no /dev/shm',
        fix: 'mount -t tmpfs tmpfs /dev/shm',
      },
      ...notPermitted('/dev/shm', 'chmod 1777 /dev/shm'),
      [errno.EROFS]: {
        state: 'refused',
        cause: 'permission',
        reason: '/dev/shm is mounted read-only',
      },
    },
    shortfall: littleSharedMemory,
  },
  dmaLatency: {
    syscall: 'open /dev/cpu_dma_latency',
    errors: {
      [errno.ENOENT]: {
        state: 'refused',
        cause: 'platform',
        reason:
          'there is no /dev/cpu_dma_latency: no CONFIG_CPU_IDLE, or a container without the device',
        fix: 'docker run --device /dev/cpu_dma_latency',
      },
      ...notPermitted('/dev/cpu_dma_latency', 'a udev rule that gives the device to your group'),
    },
  },
};

function tooOld(since: string): Meanings {
  const reason = `the kernel is older than ${since} and has no such policy`;
  return { [errno.EINVAL]: { state: 'refused', cause: 'kernel', reason } };
}

function notPermitted(path: string, fix: string): Meanings {
  const entry = {
    state: 'refused',
    cause: 'permission',
    reason: `${path} is not writable`,
    fix,
  } as const;
  return { [errno.EACCES]: entry, [errno.EPERM]: entry };
}

function noRealTimeBandwidth({ globalRuntimeUs }: Evidence): Shortfall | undefined {
  if (globalRuntimeUs !== 0) return undefined;
  return {
    cause: 'kernel',
    reason: 'kernel.sched_rt_runtime_us is 0: real-time threads get no CPU time',
    fix: 'sysctl kernel.sched_rt_runtime_us=950000',
  };
}

function lowPriorityOnly(evidence: Evidence): Shortfall | undefined {
  const limit = evidence.limits.get('RLIMIT_RTPRIO') ?? 0;
  if (holds(evidence, 'CAP_SYS_NICE') || limit >= 99) return undefined;
  return {
    cause: 'rlimit',
    reason: `priorities up to ${limit} only (RLIMIT_RTPRIO)`,
    fix: `raise RLIMIT_RTPRIO (${realTime.limit?.raise}), or grant CAP_SYS_NICE`,
  };
}

function littleLockedMemory(evidence: Evidence): Shortfall | undefined {
  const limit = evidence.limits.get('RLIMIT_MEMLOCK') ?? 0;
  if (holds(evidence, 'CAP_IPC_LOCK') || limit >= 64 * megabyte) return undefined;
  return {
    cause: 'rlimit',
    reason: `no more than ${Math.floor(limit / 1024)} KiB can be locked (RLIMIT_MEMLOCK)`,
    fix: `raise RLIMIT_MEMLOCK (${rules.mlock.limit?.raise}), or grant CAP_IPC_LOCK`,
  };
}

function littleSharedMemory({ sharedMemoryBytes }: Evidence): Shortfall | undefined {
  if (sharedMemoryBytes === undefined || sharedMemoryBytes > 64 * megabyte) return undefined;
  return {
    cause: 'resources',
    reason: `/dev/shm holds ${Math.floor(sharedMemoryBytes / megabyte)} MiB`,
    fix: 'docker run --shm-size=1g, or mount -o remount,size=1g /dev/shm',
  };
}

const capabilityBits = { CAP_IPC_LOCK: 14n, CAP_SYS_NICE: 23n };

/** In force for the host: inside a user namespace the bit is there and means little. */
export function holds(evidence: Evidence, name: keyof typeof capabilityBits): boolean {
  return !evidence.userNamespace && ((evidence.capabilities >> capabilityBits[name]) & 1n) === 1n;
}
