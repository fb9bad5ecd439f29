// In which order a worker looks for work: the own node's injector and its seats by nearness, then each
// further node's injector and seats, nearer nodes first.
//
// With as many seats as CPUs the orders together are as long as the square of that (a million steps for
// 1,024), so nothing here is done per pair of seats but writing the step.
import { cpusByDistance, distanceClass, type Cpu, type Topology } from '../topology/index.js';

/** Where a worker is meant to be: a CPU (-1: none in particular), its node, and what it is bound to. */
export type Home = Pick<Cpu, 'id' | 'node'> & { readonly cpus: readonly number[] | undefined };

/** Marks a step as a queue's injector; the other steps are seats. */
export const injectorStep = 0x8000_0000;
/** Steps to seats say how far away those are: 0 the same core, 1 a shared cache, 2 the same node, 3 another. */
const stepOf = Uint32Array.of(0, 0, 1, 2, 3).map((distance) => distance * 2 ** 24);

/** The seats' numbers are `seatOf[i]` for home `i`; `nodes` are those that have a queue. */
export class SearchOrders {
  readonly #machine: Topology;
  readonly #homes: readonly Home[];
  readonly #nodes: readonly number[];
  /** By home: its seat and the index of its node, -1 if that has no queue. */
  readonly #seat: Uint32Array;
  readonly #node: Int32Array;
  /** Homes by CPU, and those whose CPU is none or not online. */
  readonly #homesOn: (number[] | undefined)[] = [];
  readonly #nowhere: readonly number[];
  /** How many homes each node has, and all of them. */
  readonly #count: Uint32Array;
  readonly #placed: number;
  readonly #nodeOrders = new Map<number, readonly number[]>();

  constructor(
    machine: Topology,
    homes: readonly Home[],
    seatOf: readonly number[],
    nodes: readonly number[],
  ) {
    this.#machine = machine;
    this.#homes = homes;
    this.#nodes = nodes;
    this.#seat = Uint32Array.from(homes, (_, index) => seatOf[index] ?? index);
    const indexOf = new Map(nodes.map((node, index) => [node, index]));
    this.#node = Int32Array.from(homes, (home) => indexOf.get(home.node) ?? -1);
    this.#count = new Uint32Array(nodes.length);
    for (const node of this.#node) if (node >= 0) this.#count[node] = (this.#count[node] ?? 0) + 1;
    this.#placed = this.#count.reduce((sum, each) => sum + each, 0);
    const online = new Set(machine.cpus.filter((cpu) => cpu.online).map((cpu) => cpu.id));
    for (const [index, { id }] of homes.entries()) {
      if (online.has(id)) (this.#homesOn[id] ??= []).push(index);
    }
    this.#nowhere = [...homes.keys()].filter((index) => !online.has(homes[index]?.id ?? -1));
  }

  /** The queues alone, where nobody steals. */
  queuesOnly(self: number): Uint32Array {
    return Uint32Array.from(this.#nodesFrom(self), (node) => injectorStep + node);
  }

  /** The steps of home `self`, as the native scheduler reads them. */
  of(self: number): Uint32Array {
    const own = this.#node[self] ?? -1;
    const steps = new Uint32Array(this.#nodes.length + this.#placed - (own < 0 ? 0 : 1));
    // By node: where its next seat goes.
    const next = new Uint32Array(this.#nodes.length);
    let at = 0;
    for (const node of this.#nodesFrom(self)) {
      steps[at] = injectorStep + node;
      next[node] = at + 1;
      at += 1 + (this.#count[node] ?? 0) - (node === own ? 1 : 0);
    }
    const nodeOf = this.#node;
    const seatOf = this.#seat;
    const homesOn = this.#homesOn;
    const put = (home: number, nearness: number): void => {
      const node = nodeOf[home] ?? -1;
      if (node < 0) return;
      const to = next[node] ?? 0;
      next[node] = to + 1;
      steps[to] = (seatOf[home] ?? 0) + (stepOf[nearness] ?? 0);
    };
    const { id } = this.#homes[self] ?? { id: -1 };
    // Those on the same CPU first, and with them those of whom it is not known where they are.
    const here = [...(homesOn[id] ?? []), ...this.#nowhere].sort((a, b) => a - b);
    for (const home of ring(here, self)) {
      put(home, distanceClass(this.#machine, id, this.#homes[home]?.id ?? -1));
    }
    const { cpus, classes } = cpusByDistance(this.#machine, id);
    for (let i = 0; i < cpus.length; i++) {
      const homes = homesOn[cpus[i] ?? -1];
      if (homes === undefined) continue;
      const far = classes[i] ?? 4;
      if (homes.length === 1) put(homes[0] ?? 0, far);
      else for (const home of ring(homes, self)) put(home, far);
    }
    return steps;
  }

  /** Indices of the nodes, the own one first, then by distance. */
  #nodesFrom(self: number): readonly number[] {
    const own = this.#homes[self]?.node ?? -1;
    const known = this.#nodeOrders.get(own);
    if (known !== undefined) return known;
    const distances = this.#nodes.map((node) =>
      node === own ? 0 : own < 0 || node < 0 ? 1 : this.#machine.distance(own, node),
    );
    const order = [...this.#nodes.keys()].sort((a, b) => (distances[a] ?? 0) - (distances[b] ?? 0));
    this.#nodeOrders.set(own, order);
    return order;
  }
}

/** Equals in ring order, without `self`, so that not all begin with the same victim. */
function ring(ascending: readonly number[], self: number): number[] {
  return [...ascending.filter((each) => each > self), ...ascending.filter((each) => each < self)];
}
