// What each node has, and what this process holds of it.
import { held, spread } from './ledger.js';
import { readMachine } from './machine.js';
import { pageBytes } from './policy.js';
import { readMeminfo, readNumastat, roomOnNodes } from './room.js';

/** Memory that this process has allocated and neither freed nor lost to the garbage collector. */
export interface HeldMemory {
  readonly bytes: number;
  readonly buffers: number;
}

/** One node's figures. The counters of pages run since the system's start, for all processes. */
export interface NodeStatistics {
  readonly node: number;
  readonly bytes: number;
  readonly freeBytes: number;
  readonly usedBytes: number;
  /** What can be had without pressing others: free memory and caches, less the kernel's reserves. */
  readonly availableBytes: number;
  /** Pages that came from here as was wished (numastat: numa_hit). */
  readonly hits: number;
  /** Pages that came from here although another node was wished for (numa_miss). */
  readonly misses: number;
  /** Pages wished for here that came from another node (numa_foreign). */
  readonly foreign: number;
  readonly interleaveHits: number;
  /** Pages that threads on this node's CPUs took here, and that those of other nodes took. */
  readonly local: number;
  readonly other: number;
  /** By this process, with this node alone as the place asked for, or the only one. */
  readonly held: HeldMemory;
}

/** Figures of `numa.stats()`. */
export interface MemoryStatistics {
  readonly nodes: readonly NodeStatistics[];
  /** By this process, over several nodes or without a place. */
  readonly spread: HeldMemory;
  readonly pageBytes: number;
}

export function statistics(): MemoryStatistics {
  return {
    nodes: [...readMachine().withMemory].map(ofNode),
    spread: held(spread),
    pageBytes,
  };
}

function ofNode(node: number): NodeStatistics {
  const info = readMeminfo(node);
  const counters = readNumastat(node);
  const bytes = info?.get('MemTotal') ?? 0;
  const freeBytes = info?.get('MemFree') ?? 0;
  return {
    node,
    bytes,
    freeBytes,
    usedBytes: bytes - freeBytes,
    availableBytes: roomOnNodes([node]) ?? 0,
    hits: counters.get('numa_hit') ?? 0,
    misses: counters.get('numa_miss') ?? 0,
    foreign: counters.get('numa_foreign') ?? 0,
    interleaveHits: counters.get('interleave_hit') ?? 0,
    local: counters.get('local_node') ?? 0,
    other: counters.get('other_node') ?? 0,
    held: held(node),
  };
}
