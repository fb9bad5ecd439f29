// Where workers sit: how many, on which CPUs, and in which order each looks for work elsewhere.
import { affinity, currentCpu } from '../affinity/index.js';
import { invalidRange } from '../base/index.js';
import {
  distancesFrom,
  topology,
  victimOrder,
  type Cpu,
  type Topology,
} from '../topology/index.js';
import type { CheckedOptions } from './options.js';

export interface Seat {
  /** The CPUs the worker is bound to; undefined: not bound. */
  readonly cpus: readonly number[] | undefined;
  /** The CPU it is bound to if that is one, else -1. */
  readonly cpu: number;
  /** Index into the placement's nodes. */
  readonly node: number;
  /** Steps of a search for work, nearest first, as the native scheduler reads them. */
  readonly order: Uint32Array;
}

export interface Placement {
  readonly seats: readonly Seat[];
  /** Linux's numbers of the nodes that have workers. */
  readonly nodes: readonly number[];
  /** CPUs that this process can use at a time. */
  readonly cpus: number;
}

/** Marks a step as a node's injector; the other steps are seats. */
const injectorStep = 0x8000_0000;
/** Steps to seats say in these bits how far away those are. */
const distanceStep = 2 ** 24;
/** By class of distance: 0 the same core, 1 a shared cache, 2 the same node, 3 another node. */
const stepDistance = [0, 0, 1, 2, 3] as const satisfies readonly number[];

type Home = Pick<Cpu, 'id' | 'node'> & { readonly cpus: readonly number[] | undefined };

export function placeWorkers(options: CheckedOptions): Placement {
  const machine = topology();
  const usable = usableCpus(machine, options.nodes);
  const cores = coresOf(usable, machine);
  const parallelism = Math.min(machine.effectiveParallelism, usable.length);
  const threads =
    typeof options.threads === 'number'
      ? options.threads
      : Math.min(options.threads === 'cores' ? cores.length : usable.length, parallelism);
  const pin = options.pin ?? defaultPin(machine, threads, cores.length);
  const homes = Array.from({ length: threads }, (_, index) => homeOf(pin, index, cores, usable));
  const nodes = [...new Set(homes.map((home) => home.node))];
  const seats = homes.map((home, index): Seat => {
    return {
      cpus: home.cpus,
      cpu: home.cpus?.length === 1 ? home.id : -1,
      node: nodes.indexOf(home.node),
      order: searchOrder(machine, homes, nodes, index),
    };
  });
  return { seats, nodes, cpus: machine.effectiveParallelism };
}

/** Runs `create` so that the thread it makes is born on these CPUs and takes its first memory there. */
export function bornOn<T>(cpus: readonly number[] | undefined, create: () => T): T {
  if (cpus === undefined) return create();
  using _pin = affinity.pin(cpus);
  return create();
}

function usableCpus(machine: Topology, nodes: readonly number[] | undefined): readonly Cpu[] {
  const allowed = machine.cpus.filter((cpu) => cpu.online && cpu.allowed);
  if (nodes === undefined) return allowed;
  for (const [index, node] of nodes.entries()) {
    if (allowed.some((cpu) => cpu.node === node)) continue;
    const with_ = [...new Set(allowed.map((cpu) => cpu.node))].join(', ');
    throw invalidRange(
      `options.nodes[${index}]`,
      `a node with CPUs of this process (${with_})`,
      node,
    );
  }
  return allowed.filter((cpu) => nodes.includes(cpu.node));
}

/**
 * The usable CPUs by core, in the order in which workers take them: the node of the calling thread
 * first, then the nearer ones; the core that the calling thread is using last on its node.
 */
function coresOf(usable: readonly Cpu[], machine: Topology): readonly (readonly Cpu[])[] {
  const cores = new Map<string, Cpu[]>();
  for (const cpu of usable) {
    // An unknown core (-1) is a core of its own.
    const key = cpu.core < 0 ? `cpu ${cpu.id}` : `${cpu.package}/${cpu.core}/${cpu.node}`;
    const siblings = cores.get(key);
    if (siblings === undefined) cores.set(key, [cpu]);
    else siblings.push(cpu);
  }
  const here = currentCpu();
  const home = machine.cpus.find((cpu) => cpu.id === here)?.node ?? usable[0]?.node ?? 0;
  const rank = (core: readonly Cpu[]): number => {
    const first = core[0];
    if (first === undefined) return 0;
    const distance = home < 0 || first.node < 0 ? 0 : machine.distance(home, first.node);
    return distance * 2 + (core.some((cpu) => cpu.id === here) ? 1 : 0);
  };
  return [...cores.values()].sort((a, b) => rank(a) - rank(b));
}

function defaultPin(machine: Topology, threads: number, cores: number): 'core' | 'none' {
  const wholeMachine = machine.cpus.every((cpu) => !cpu.online || cpu.allowed);
  return machine.quota === undefined && wholeMachine && threads <= cores ? 'core' : 'none';
}

function homeOf(
  pin: 'core' | 'cpu' | 'node' | 'none',
  index: number,
  cores: readonly (readonly Cpu[])[],
  usable: readonly Cpu[],
): Home {
  const core = cores[index % cores.length] ?? [];
  // Past one worker a core, the next hardware thread of each.
  const cpu = core[Math.floor(index / cores.length) % core.length];
  if (cpu === undefined) return { id: -1, node: 0, cpus: undefined };
  const ids = (cpus: readonly Cpu[]) => cpus.map((each) => each.id);
  const bound = {
    cpu: [cpu.id],
    core: ids(core),
    node: ids(usable.filter((each) => each.node === cpu.node)),
    none: undefined,
  }[pin];
  return { id: cpu.id, node: cpu.node, cpus: bound };
}

/** The own node's injector, its seats by nearness, then each further node's injector and seats. */
function searchOrder(
  machine: Topology,
  homes: readonly Home[],
  nodes: readonly number[],
  self: number,
): Uint32Array {
  const own = homes[self];
  if (own === undefined) return new Uint32Array();
  const classOf = distancesFrom(machine, own.id);
  const nearness = new Map(victimOrder(machine, own.id).map((cpu, rank) => [cpu, rank + 1]));
  const distance = (node: number) =>
    node === own.node ? 0 : own.node < 0 || node < 0 ? 1 : machine.distance(own.node, node);
  const steps: number[] = [];
  for (const node of [...nodes].sort((a, b) => distance(a) - distance(b))) {
    steps.push(injectorStep + nodes.indexOf(node));
    const seats = homes
      .map((home, seat) => ({ home, seat }))
      .filter(({ home, seat }) => home.node === node && seat !== self)
      .map(({ home, seat }) => ({
        seat,
        rank: nearness.get(home.id) ?? 0,
        // Equals in ring order, so that not all begin with the same victim.
        turn: (seat - self + homes.length) % homes.length,
      }))
      .sort((a, b) => a.rank - b.rank || a.turn - b.turn);
    for (const { seat } of seats) {
      steps.push(seat + stepDistance[classOf(homes[seat]?.id ?? -1)] * distanceStep);
    }
  }
  return Uint32Array.from(steps);
}
