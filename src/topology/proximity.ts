// How near two CPUs are: the order in which an idle worker looks for work elsewhere.
//
// What the questions need of a machine is gathered once (`Neighbours`), and how far the CPUs are by their
// nodes once for each node. The order as seen from one CPU is then a pass over all CPUs, without a sort:
// each has the number of a bucket, by its node or, if it is nearer, by cache or core, and the buckets are
// read one after the other.
import type { Topology } from './topology.js';
import type { Cache } from './types.js';

/** 0 the same CPU, 1 SMT sibling, 2 shared L2 or L3, 3 same node, 4 another node. */
export type DistanceClass = 0 | 1 | 2 | 3 | 4;

/** The other CPUs as seen from one; valid until the next is asked for. */
export interface CpusByDistance {
  /** Those that are online, nearest first. */
  readonly cpus: Int32Array;
  /** By position in `cpus`, each a {@link DistanceClass}. */
  readonly classes: Uint8Array;
}

/** @internal */
export function distanceClass(topology: Topology, a: number, b: number): DistanceClass {
  return neighboursOf(topology).classOf(a, b);
}

/**
 * The other online CPUs, nearest first: SMT siblings, sharers of the L2, then of the L3, the same
 * node, then nodes by distance. Equals are taken in ring order from `cpu`, so that thieves on
 * different CPUs do not all begin with the same victim.
 *
 * @internal
 */
export function victimOrder(topology: Topology, cpu: number): number[] {
  return [...cpusByDistance(topology, cpu).cpus];
}

/**
 * The same order with the class of each. Time grows with the number of CPUs.
 *
 * @internal
 */
export function cpusByDistance(topology: Topology, cpu: number): CpusByDistance {
  return neighboursOf(topology).from(cpu);
}

/** Where a machine says nothing of two nodes, they are neighbours. */
const unknownDistance = 20;

const known = new WeakMap<Topology, Neighbours>();

function neighboursOf(topology: Topology): Neighbours {
  const neighbours = known.get(topology) ?? new Neighbours(topology);
  known.set(topology, neighbours);
  return neighbours;
}

/** All CPUs as seen from one node. */
interface View {
  /** The bucket of each online CPU, as far as nodes decide about it. */
  readonly bucket: Uint16Array;
  /** The class of each bucket. */
  readonly classes: Uint8Array;
}

class Neighbours {
  readonly #topology: Topology;
  readonly #online: Int32Array;
  /** Places in `#online`, by CPU. */
  readonly #place = new Map<number, number>();
  readonly #node = new Map<number, number>();
  /** The CPUs of a CPU's core, itself included. */
  readonly #core = new Map<number, readonly number[]>();
  /** The caches from the L2 on that a CPU uses, lowest level first. */
  readonly #caches = new Map<number, Cache[]>();
  /** All levels of such caches. Buckets: the CPU, its core, one for each level, its node, other nodes. */
  readonly #levels: readonly number[];
  readonly #views = new Map<number, View>();
  readonly #bucket: Uint16Array;
  readonly #cpus: Int32Array;
  readonly #classes: Uint8Array;

  constructor(topology: Topology) {
    this.#topology = topology;
    for (const { id, node } of topology.cpus) this.#node.set(id, node);
    for (const { cpus } of topology.cores) for (const cpu of cpus) this.#core.set(cpu, cpus);
    const shared = topology.caches.filter(({ level }) => level >= 2);
    for (const cache of shared) {
      for (const cpu of cache.cpus) {
        const caches = this.#caches.get(cpu);
        if (caches === undefined) this.#caches.set(cpu, [cache]);
        else caches.push(cache);
      }
    }
    this.#levels = [...new Set(shared.map(({ level }) => level))].sort((a, b) => a - b);
    const online = topology.cpus.filter((cpu) => cpu.online);
    this.#online = Int32Array.from(online, ({ id }) => id);
    for (const [place, { id }] of online.entries()) this.#place.set(id, place);
    this.#bucket = new Uint16Array(online.length);
    this.#cpus = new Int32Array(online.length);
    this.#classes = new Uint8Array(online.length);
  }

  classOf(a: number, b: number): DistanceClass {
    if (a === b) return 0;
    if (this.#core.get(a)?.includes(b) === true) return 1;
    if (this.#caches.get(a)?.some(({ cpus }) => cpus.includes(b)) === true) return 2;
    return this.#nodeOf(a) === this.#nodeOf(b) ? 3 : 4;
  }

  from(cpu: number): CpusByDistance {
    const view = this.#viewFrom(this.#nodeOf(cpu));
    const bucket = this.#bucket;
    bucket.set(view.bucket);
    // Nearer and nearer; the last one that is said of a CPU holds.
    const caches = this.#caches.get(cpu) ?? [];
    for (let i = caches.length - 1; i >= 0; i--) {
      const { level = 0, cpus = [] } = caches[i] ?? {};
      this.#mark(cpus, 2 + this.#levels.indexOf(level));
    }
    this.#mark(this.#core.get(cpu) ?? [], 1);
    this.#mark([cpu], 0);
    return this.#inOrder(cpu, view.classes);
  }

  /** The buckets one after the other, each in ring order from `cpu`. */
  #inOrder(cpu: number, classOf: Uint8Array): CpusByDistance {
    const online = this.#online;
    const bucket = this.#bucket;
    const cpus = this.#cpus;
    const classes = this.#classes;
    const { length } = online;
    const next = new Uint32Array(classOf.length + 1);
    for (let i = 0; i < length; i++) {
      const above = (bucket[i] ?? 0) + 1;
      next[above] = (next[above] ?? 0) + 1;
    }
    for (let i = 1; i < next.length; i++) next[i] = (next[i] ?? 0) + (next[i - 1] ?? 0);
    const own = this.#place.get(cpu);
    let place =
      own ??
      Math.max(
        0,
        online.findIndex((other) => other > cpu),
      );
    for (let turn = 0; turn < length; turn++) {
      const number = bucket[place] ?? 0;
      const at = next[number] ?? 0;
      next[number] = at + 1;
      cpus[at] = online[place] ?? 0;
      classes[at] = classOf[number] ?? 4;
      place = place + 1 === length ? 0 : place + 1;
    }
    // The CPU itself comes first, if it is online, and is none of the others.
    const first = own === undefined ? 0 : 1;
    return { cpus: cpus.subarray(first), classes: classes.subarray(first) };
  }

  #mark(cpus: readonly number[], bucket: number): void {
    for (const cpu of cpus) {
      const place = this.#place.get(cpu);
      if (place !== undefined) this.#bucket[place] = bucket;
    }
  }

  #viewFrom(home: number): View {
    const kept = this.#views.get(home);
    if (kept !== undefined) return kept;
    const nodes = Array.from(this.#online, (cpu) => this.#nodeOf(cpu));
    const distances = new Map(nodes.map((node) => [node, this.#distance(home, node)]));
    const ranks = [...new Set(distances.values())].sort((a, b) => a - b);
    const same = 2 + this.#levels.length;
    const bucketOf = new Map(
      nodes.map((node) => [
        node,
        node === home ? same : same + 1 + ranks.indexOf(distances.get(node) ?? unknownDistance),
      ]),
    );
    const view = {
      bucket: Uint16Array.from(nodes, (node) => bucketOf.get(node) ?? same),
      classes: Uint8Array.from([0, 1, ...this.#levels.map(() => 2), 3, ...ranks.map(() => 4)]),
    };
    this.#views.set(home, view);
    return view;
  }

  #nodeOf(cpu: number): number {
    return this.#node.get(cpu) ?? -1;
  }

  #distance(a: number, b: number): number {
    return a < 0 || b < 0 ? unknownDistance : this.#topology.distance(a, b);
  }
}
