// The words of the machine, as the public API shows them. Ids are Linux's numbers everywhere.

/** A processing unit: what Linux calls a CPU, one hardware thread. */
export interface Cpu {
  /** Linux's CPU number. */
  readonly id: number;
  /** Linux's core_id, unique within its package; −1 when offline or unknown. */
  readonly core: number;
  /** Linux's physical_package_id; −1 when offline or when the kernel's data contradicts itself. */
  readonly package: number;
  /** The NUMA node; −1 when offline. */
  readonly node: number;
  /** Which hardware thread of its core this is: 0 for the first, 1 for its SMT sibling, … */
  readonly smt: number;
  /** On machines with unequal cores only. */
  readonly kind?: CpuKind | undefined;
  readonly online: boolean;
  /** This process may run here: affinity mask and cpuset permit it. */
  readonly allowed: boolean;
  /** Taken from the scheduler's load balancing (isolcpus or an isolated cpuset partition). */
  readonly isolated: boolean;
}

/** `performance` are the strongest cores, `efficiency` the weakest, `balanced` those between. */
export type CpuKind = 'performance' | 'balanced' | 'efficiency';

/** Several CPUs under one Linux number: a package, die or cluster. */
export interface CpuGroup {
  readonly id: number;
  readonly cpus: readonly number[];
}

/** A core and its hardware threads. `id` is unique within `package` only. */
export interface Core extends CpuGroup {
  readonly package: number;
}

/** Cores of one kind. */
export interface CpuKindGroup {
  readonly kind: CpuKind;
  readonly cpus: readonly number[];
  /** Strength relative to the machine's strongest core, above 0 and at most 1. */
  readonly capacity: number;
}

/** A pool of pages of one size. */
export interface HugePages {
  /** Size of one page in bytes. */
  readonly bytes: number;
  readonly total: number;
  readonly free: number;
}

/** What the firmware says (ACPI HMAT) about access from a node's best initiators. */
export interface MemoryAccess {
  /** MiB per second. */
  readonly readBandwidth?: number | undefined;
  readonly writeBandwidth?: number | undefined;
  /** Nanoseconds. */
  readonly readLatencyNs?: number | undefined;
  readonly writeLatencyNs?: number | undefined;
}

/** A NUMA node; without CPUs it is memory only, with `bytes` 0 it has none. */
export interface NumaNode {
  readonly id: number;
  readonly cpus: readonly number[];
  readonly bytes: number;
  /** Free when the topology was read. */
  readonly freeBytes: number;
  readonly hugePages: readonly HugePages[];
  /** This process may take memory here (cpuset). */
  readonly allowed: boolean;
  /** The nodes whose CPUs reach this memory best: itself, or what HMAT says; empty if unknown. */
  readonly initiators: readonly number[];
  readonly access?: MemoryAccess | undefined;
  /** Linux's memory tier; a lower number is faster memory. */
  readonly tier?: number | undefined;
  /** Bytes of the memory-side cache in front of this node, if it has one. */
  readonly memorySideCacheBytes?: number | undefined;
}

export type CacheType = 'data' | 'instruction' | 'unified';

/** One cache and the online CPUs that share it. */
export interface Cache {
  readonly level: number;
  readonly type: CacheType;
  /** 0 where the kernel does not say. */
  readonly bytes: number;
  readonly lineBytes?: number | undefined;
  readonly cpus: readonly number[];
}
