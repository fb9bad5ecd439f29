// Where workers sit: how many, on which CPUs, and in which order each looks for work elsewhere.
import { isMainThread } from 'node:worker_threads';
import { affinity, currentCpu } from '../affinity/index.js';
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { numa, type ScopedPolicy } from '../memory/index.js';
import { topology, type Cpu, type Topology } from '../topology/index.js';
import type { CheckedOptions } from './options.js';
import type { PlacementPolicy, WorkerPlace } from './placement-policy.js';
import { injectorStep, SearchOrders, type Home } from './search-order.js';

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
  /** Linux's number of the node that the calling thread was on; -1: unknown. */
  readonly home: number;
  /** CPUs that this process can use at a time. */
  readonly cpus: number;
}

/** How many workers there are at the start, and within which bounds that may change. */
export interface PoolSize {
  readonly start: number;
  readonly min: number;
  readonly max: number;
}

export function poolSize(options: CheckedOptions): PoolSize {
  const machine = topology();
  const usable = usableCpus(machine, options.nodes);
  const parallelism = Math.min(machine.effectiveParallelism, usable.length);
  const { threads, minThreads, maxThreads } = options;
  const whole = threads === 'cpus' ? usable.length : coresOf(usable, machine, -1).length;
  const natural = typeof threads === 'number' ? threads : Math.min(whole, parallelism);
  const max = maxThreads ?? Math.max(natural, minThreads ?? 1);
  const min = minThreads ?? max;
  return { start: min, min, max };
}

/** What of the options decides about places. */
export type PlacementOptions = Pick<
  CheckedOptions,
  'nodes' | 'pin' | 'placement' | 'blockingThreads' | 'steal'
>;

/**
 * Seats for `workers` workers, and for those of blocking tasks. With the placement so far, whose seats
 * keep their numbers, for a pool that gets larger.
 */
export function placeWorkers(
  options: PlacementOptions,
  workers: number,
  before?: Placement,
): Placement {
  return placeOn(topology(), currentCpu(), options, workers, before);
}

/** The same for any machine, where the calling thread is on the CPU `here`. */
export function placeOn(
  machine: Topology,
  here: number,
  options: PlacementOptions,
  workers: number,
  before?: Placement,
): Placement {
  const usable = usableCpus(machine, options.nodes);
  const cores = coresOf(usable, machine, here);
  const pin = options.pin ?? defaultPin(machine, workers, cores.length);
  const homes =
    options.placement === undefined
      ? homesOf(pin, workers, cores, usable)
      : chosenHomes(options.placement, machine, workers, usable);
  const blockingCount = options.blockingThreads;
  const blocking = before?.blocking ?? range(workers, blockingCount);
  const known = before?.seats.length ?? 0;
  const main =
    before === undefined
      ? range(0, workers)
      : [...before.main, ...range(known, workers - before.main.length)];
  const nodes = before?.nodes ?? [...new Set([...homes, ...cores.flat()].map((home) => home.node))];
  const orders = new SearchOrders(machine, homes, main, nodes);
  const seats: Seat[] = [];
  for (const [index, home] of homes.entries()) {
    seats[main[index] ?? index] = {
      cpus: home.cpus,
      cpu: home.cpus?.length === 1 ? home.id : -1,
      queue: Math.max(0, nodes.indexOf(home.node)),
      node: home.node,
      order: options.steal === 'none' ? orders.queuesOnly(index) : orders.of(index),
    };
  }
  for (const seat of blocking) {
    const order = Uint32Array.of(injectorStep + nodes.length);
    seats[seat] = { cpus: undefined, cpu: -1, queue: nodes.length, node: nodes[0] ?? 0, order };
  }
  const home = before?.home ?? nodeOfCpu(machine, here) ?? -1;
  return { seats, main, blocking, nodes, home, cpus: machine.effectiveParallelism };
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

/**
 * Runs `create` so that the thread it makes is born on these CPUs and takes its memory there. Of CPUs
 * that have gone offline or out of the cpuset since they were chosen only the rest counts; without any
 * left the thread is not bound, as the kernel does with threads whose CPUs go.
 */
export function bornOn<T>(cpus: readonly number[] | undefined, create: () => T): T {
  const machine = topology();
  const left = machine.cpus.filter((cpu) => cpu.allowed && cpus?.includes(cpu.id) === true);
  using _policy = nearMemory(machine, left);
  if (left.length === 0) return create();
  using _pin = affinity.pin(left.map(({ id }) => id));
  return create();
}

/**
 * Until it is released, threads made by the calling one prefer the memory of these CPUs' node, for good:
 * also for what they take after the kernel has moved them. Without CPUs, or with those of several nodes,
 * they prefer none. Undefined where there is nothing to change, where somebody has chosen a policy for
 * this thread (numactl, or the program), and where the kernel refuses to take one (`capabilities()` says
 * why); then memory is where it is first touched.
 */
function nearMemory(machine: Topology, cpus: readonly Cpu[]): ScopedPolicy | undefined {
  const memory = machine.nodes.filter(({ bytes, allowed }) => allowed && bytes > 0);
  if (memory.length < 2) return undefined;
  const [node = -1, ...others] = new Set(cpus.map((cpu) => cpu.node));
  const known = others.length === 0 && memory.some(({ id }) => id === node);
  try {
    const { mode } = numa.getPolicy();
    // A worker's own is from its birth, and not for workers of an executor that it has.
    const inherited = mode === 'preferred' && !isMainThread;
    if (mode !== 'default' && !inherited) return undefined;
    if (known) return numa.scopedPolicy({ mode: 'preferred', nodes: [node] });
    return inherited ? numa.scopedPolicy({ mode: 'default' }) : undefined;
  } catch (error) {
    if (error instanceof MoiraiError) return undefined;
    throw error;
  }
}

function nodeOfCpu(machine: Topology, cpu: number): number | undefined {
  return machine.cpus.find(({ id }) => id === cpu)?.node;
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
function coresOf(
  usable: readonly Cpu[],
  machine: Topology,
  here: number,
): readonly (readonly Cpu[])[] {
  const cores = new Map<string, Cpu[]>();
  for (const cpu of usable) {
    // An unknown core (-1) is a core of its own.
    const key = cpu.core < 0 ? `cpu ${cpu.id}` : `${cpu.package}/${cpu.core}/${cpu.node}`;
    const siblings = cores.get(key);
    if (siblings === undefined) cores.set(key, [cpu]);
    else siblings.push(cpu);
  }
  const home = nodeOfCpu(machine, here) ?? usable[0]?.node ?? 0;
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

function homesOf(
  pin: 'core' | 'cpu' | 'node' | 'none',
  workers: number,
  cores: readonly (readonly Cpu[])[],
  usable: readonly Cpu[],
): readonly Home[] {
  const cpusOf = new Map<number, number[]>();
  for (const { id, node } of usable) cpusOf.set(node, [...(cpusOf.get(node) ?? []), id]);
  return Array.from({ length: workers }, (_, index) => {
    const core = cores[index % cores.length] ?? [];
    // Past one worker a core, the next hardware thread of each.
    const cpu = core[Math.floor(index / cores.length) % core.length];
    if (cpu === undefined) return { id: -1, node: 0, cpus: undefined };
    const bound = {
      cpu: [cpu.id],
      core: core.map((each) => each.id),
      node: cpusOf.get(cpu.node),
      none: undefined,
    }[pin];
    return { id: cpu.id, node: cpu.node, cpus: bound };
  });
}
