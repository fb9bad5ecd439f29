// Where workers sit: how many, on which CPUs, and in which order each looks for work elsewhere.
import { affinity, currentCpu } from '../affinity/index.js';
import { invalidRange, invalidType } from '../base/index.js';
import {
  distancesFrom,
  topology,
  victimOrder,
  type Cpu,
  type Topology,
} from '../topology/index.js';
import type { CheckedOptions, StealStrategy } from './options.js';
import type { PlacementPolicy, WorkerPlace } from './placement-policy.js';

export interface Seat {
  /** The CPUs the worker is bound to; undefined: not bound. */
  readonly cpus: readonly number[] | undefined;
  /** The CPU it is bound to if that is one, else -1. */
  readonly cpu: number;
  /** Index of the queue that it takes from first: a node's, or the one of blocking tasks. */
  readonly queue: number;
  /** Linux's number of its NUMA node. */
  readonly node: number;
  /** Steps of a search for work, nearest first, as the native scheduler reads them. */
  readonly order: Uint32Array;
}

export interface Placement {
  /** By seat number: those of the workers for all tasks, and those for blocking ones. */
  readonly seats: readonly Seat[];
  /** The seats for all tasks, in the order in which they are taken. */
  readonly main: readonly number[];
  /** The seats for blocking tasks. */
  readonly blocking: readonly number[];
  /** Linux's numbers of the nodes whose CPUs may be used; each has a queue. */
  readonly nodes: readonly number[];
  /** CPUs that this process can use at a time. */
  readonly cpus: number;
}

/** How many workers there are at the start, and within which bounds that may change. */
export interface PoolSize {
  readonly start: number;
  readonly min: number;
  readonly max: number;
}

/** Marks a step as a node's injector; the other steps are seats. */
const injectorStep = 0x8000_0000;
/** Steps to seats say in these bits how far away those are. */
const distanceStep = 2 ** 24;
/** By class of distance: 0 the same core, 1 a shared cache, 2 the same node, 3 another node. */
const stepDistance = [0, 0, 1, 2, 3] as const satisfies readonly number[];

type Home = Pick<Cpu, 'id' | 'node'> & { readonly cpus: readonly number[] | undefined };

export function poolSize(options: CheckedOptions): PoolSize {
  const machine = topology();
  const usable = usableCpus(machine, options.nodes);
  const parallelism = Math.min(machine.effectiveParallelism, usable.length);
  const { threads, minThreads, maxThreads } = options;
  const whole = threads === 'cpus' ? usable.length : coresOf(usable, machine).length;
  const natural = typeof threads === 'number' ? threads : Math.min(whole, parallelism);
  const max = maxThreads ?? Math.max(natural, minThreads ?? 1);
  const min = minThreads ?? max;
  return { start: min, min, max };
}

/**
 * Seats for `workers` workers, and for those of blocking tasks. With the placement so far, whose seats
 * keep their numbers, for a pool that gets larger.
 */
export function placeWorkers(
  options: CheckedOptions,
  workers: number,
  before?: Placement,
): Placement {
  const machine = topology();
  const usable = usableCpus(machine, options.nodes);
  const cores = coresOf(usable, machine);
  const pin = options.pin ?? defaultPin(machine, workers, cores.length);
  const homes =
    options.placement === undefined
      ? Array.from({ length: workers }, (_, index) => homeOf(pin, index, cores, usable))
      : chosenHomes(options.placement, machine, workers, usable);
  const blockingCount = options.blockingThreads;
  const blocking = before?.blocking ?? range(workers, blockingCount);
  const known = before?.seats.length ?? 0;
  const main =
    before === undefined
      ? range(0, workers)
      : [...before.main, ...range(known, workers - before.main.length)];
  const nodes = before?.nodes ?? [...new Set([...homes, ...cores.flat()].map((home) => home.node))];
  const seats: Seat[] = [];
  for (const [index, home] of homes.entries()) {
    seats[main[index] ?? index] = {
      cpus: home.cpus,
      cpu: home.cpus?.length === 1 ? home.id : -1,
      queue: Math.max(0, nodes.indexOf(home.node)),
      node: home.node,
      order: searchOrder(machine, homes, main, nodes, index, options.steal),
    };
  }
  for (const seat of blocking) {
    const order = Uint32Array.of(injectorStep + nodes.length);
    seats[seat] = { cpus: undefined, cpu: -1, queue: nodes.length, node: nodes[0] ?? 0, order };
  }
  return { seats, main, blocking, nodes, cpus: machine.effectiveParallelism };
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

/** What the user's policy says, checked. */
function chosenHomes(
  policy: PlacementPolicy,
  machine: Topology,
  workers: number,
  usable: readonly Cpu[],
): readonly Home[] {
  const places = policy.place(machine, workers);
  if (!Array.isArray(places) || places.length !== workers) {
    throw invalidType('options.placement', `a policy that gives ${workers} places`, places);
  }
  return places.map((place: WorkerPlace, index) => {
    const argument = `options.placement: place ${index}`;
    for (const cpu of place.cpus ?? []) {
      if (usable.some(({ id }) => id === cpu)) continue;
      throw invalidRange(argument, 'CPUs that this process may use', cpu);
    }
    const first = usable.find(({ id }) => id === place.cpus?.[0]) ?? usable[0];
    const node = place.node ?? first?.node ?? 0;
    if (!usable.some((cpu) => cpu.node === node)) {
      throw invalidRange(argument, 'a node with CPUs of this process', node);
    }
    return { id: first?.id ?? -1, node, cpus: place.cpus?.length === 0 ? undefined : place.cpus };
  });
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
  seatOf: readonly number[],
  nodes: readonly number[],
  self: number,
  steal: StealStrategy,
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
    if (steal === 'none') continue;
    for (const { seat } of seats) {
      const far = stepDistance[classOf(homes[seat]?.id ?? -1)];
      steps.push((seatOf[seat] ?? seat) + far * distanceStep);
    }
  }
  return Uint32Array.from(steps);
}
