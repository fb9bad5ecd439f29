/**
 * - `available`: the call was made and worked.
 * - `degraded`: it works, but not as far as it could; `reason` says what is missing.
 * - `refused`: it does not work here.
 * - `unknown`: it could not be tried.
 */
export type CapabilityState = 'available' | 'degraded' | 'refused' | 'unknown';

/** What stands in the way. */
export type CapabilityCause =
  /** A Linux capability (or the limit that can stand in for it) that this process does not have. */
  | 'capability'
  /** A system call filter, as container engines and service managers install. */
  | 'seccomp'
  /** A resource limit of this process. */
  | 'rlimit'
  /** A control group: no real-time budget, or a cpuset that is in the way. */
  | 'cgroup'
  /** Kernel too old, built without the feature, or told not to offer it. */
  | 'kernel'
  /** The machine or sandbox has no such thing. */
  | 'platform'
  /** File permissions of a device or mount. */
  | 'permission'
  /** There is such a thing, but none of it left or set aside. */
  | 'resources'
  | 'unknown';

/** What one kernel feature does for this process. */
export interface Capability {
  readonly state: CapabilityState;
  readonly cause?: CapabilityCause | undefined;
  /** One sentence for people. */
  readonly reason?: string | undefined;
  /** How to get it, where there is a way. */
  readonly fix?: string | undefined;
  /** What the call gave, where it failed. */
  readonly errno?: number | undefined;
}

export type CapabilityName =
  | 'numa'
  | 'affinity'
  | 'getcpu'
  | 'setMempolicy'
  | 'getMempolicy'
  | 'mbind'
  | 'preferredMany'
  | 'weightedInterleave'
  | 'movePages'
  | 'migratePages'
  | 'fifo'
  | 'roundRobin'
  | 'deadline'
  | 'nice'
  | 'mlock'
  | 'hugePages'
  | 'transparentHugePages'
  | 'futex'
  | 'futexPi'
  | 'futexWaitv'
  | 'membarrier'
  | 'memfd'
  | 'sharedMemory'
  | 'dmaLatency';

export type Capabilities = Readonly<Record<CapabilityName, Capability>>;
