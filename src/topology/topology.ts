import { invalidRange } from '../base/index.js';
import { readCaches } from './caches.js';
import { intersect } from './cpu-list.js';
import { readKinds } from './kinds.js';
import { readLimits, type Limits } from './limits.js';
import { readNodes, type Nodes } from './nodes.js';
import { readProcessors } from './processors.js';
import { renderSvg } from './render-svg.js';
import { renderText } from './render-text.js';
import type { SystemFiles } from './system-files.js';
import type { Cache, Core, Cpu, CpuGroup, CpuKindGroup, NumaNode } from './types.js';

/** What a reader of the live machine knows from system calls and a captured one does not. */
export interface ProcessMasks {
  readonly cpus?: readonly number[] | undefined;
  readonly memoryNodes?: readonly number[] | undefined;
}

/**
 * A machine as Linux describes it, and what of it this process may use. Immutable: a picture of the
 * moment it was read. Get one from {@link topology} or {@link loadTopology}.
 *
 * @example
 * const machine = topology();
 * console.log(`${machine}`);
 * const onePerCore = machine.cpus.filter((cpu) => cpu.allowed && cpu.smt === 0);
 */
export class Topology {
  /** Every CPU that is present, offline ones too, ascending by id. */
  readonly cpus: readonly Cpu[];
  readonly cores: readonly Core[];
  readonly packages: readonly CpuGroup[];
  /** Where a package has several dies; else empty. */
  readonly dies: readonly CpuGroup[];
  /** Cores grouped below the package or die (Arm clusters, modules); else empty. */
  readonly clusters: readonly CpuGroup[];
  /** Ascending by id; ids may have gaps. */
  readonly nodes: readonly NumaNode[];
  readonly caches: readonly Cache[];
  /** Unequal cores, strongest kind first; empty when all cores are alike. */
  readonly kinds: readonly CpuKindGroup[];
  /** The CPUs this process may run on, ascending. */
  readonly allowed: readonly number[];
  /** CPUs' worth of time that control groups grant, such as 1.5; undefined for no limit. */
  readonly quota: number | undefined;
  /** How many threads can make progress at once: max(1, min(allowed CPUs, ceil(quota))). */
  readonly effectiveParallelism: number;
  /** Contradictions in the kernel's data and what was done about them. */
  readonly warnings: readonly string[];

  readonly #distances: Nodes['distances'];

  /** @internal */
  constructor(files: SystemFiles, masks: ProcessMasks = {}, limits: Limits = readLimits(files)) {
    const warnings: string[] = [];
    const processors = readProcessors(files, warnings);
    const { online, cores, packages } = processors;
    const { nodes, distances } = readNodes(files, online, warnings);
    const memoryNodes = masks.memoryNodes ?? limits.memoryNodes;
    const allowed = intersect(online, masks.cpus ?? limits.cpus ?? online);
    // An empty cpuset of a dying or half-made group still runs its processes somewhere.
    this.allowed = allowed.length > 0 ? allowed : online;
    this.kinds = readKinds(files, online);
    this.nodes = nodes.map((node) => ({
      ...node,
      allowed: memoryNodes === undefined || memoryNodes.includes(node.id),
    }));
    this.cpus = processors.present.map((id) => describeCpu(id, this, processors));
    this.cores = cores;
    this.packages = packages;
    this.dies = processors.dies;
    this.clusters = processors.clusters;
    this.caches = readCaches(files, online, cores);
    this.quota = limits.quota;
    this.effectiveParallelism = Math.max(
      1,
      Math.min(this.allowed.length, Math.ceil(limits.quota ?? Number.POSITIVE_INFINITY)),
    );
    this.warnings = warnings;
    this.#distances = distances;
    Object.freeze(this);
  }

  /**
   * Distance from node `a` to node `b` as firmware reports it: 10 is local, 20 is twice as far.
   *
   * @throws RangeError (`ERR_MOIRAI_INVALID_ARGUMENT`) when there is no such node.
   */
  distance(a: number, b: number): number {
    this.#checkNode('a', a);
    this.#checkNode('b', b);
    return this.#distances.get(a)?.get(b) ?? (a === b ? 10 : 20);
  }

  /** A picture of the machine for a terminal. */
  toString(): string {
    return renderText(this);
  }

  /** The same picture as an SVG document. */
  toSVG(): string {
    return renderSvg(this);
  }

  #checkNode(argument: string, id: number): void {
    if (this.nodes.some((node) => node.id === id)) return;
    throw invalidRange(argument, `one of the nodes ${this.nodes.map((n) => n.id).join(', ')}`, id);
  }
}

function describeCpu(
  id: number,
  topology: Pick<Topology, 'nodes' | 'kinds' | 'allowed'>,
  processors: ReturnType<typeof readProcessors>,
): Cpu {
  const core = processors.cores.find((group) => group.cpus.includes(id));
  const kind = topology.kinds.find((group) => group.cpus.includes(id))?.kind;
  return {
    id,
    core: core?.id ?? -1,
    package: core?.package ?? -1,
    node: topology.nodes.find((node) => node.cpus.includes(id))?.id ?? -1,
    smt: Math.max(0, core?.cpus.indexOf(id) ?? 0),
    ...(kind === undefined ? {} : { kind }),
    online: processors.online.includes(id),
    allowed: topology.allowed.includes(id),
    isolated: processors.isolated.includes(id),
  };
}
