// The order in which workers look for work elsewhere, against its definition pair by pair.
import { loadTopology, type Topology } from 'moirai';
import { describe, expect, test } from 'vitest';
import { placeOn, type PlacementOptions } from '../../dist/executor/placement.js';
import { captures, captureFolder, withCapture } from '../topology/captured-machines.js';
import { machine, node, processors, range } from '../topology/made-machine.js';

if (captures.length === 0) {
  console.log(`search orders of captured machines are not compared: none are in ${captureFolder}`);
}

const injector = 0x8000_0000;
const plain: PlacementOptions = {
  nodes: undefined,
  pin: 'cpu',
  placement: undefined,
  blockingThreads: 0,
  steal: 'adaptive',
};

describe('a search for work', () => {
  test.each(captures)('goes by distance on %s', (archive) => {
    withCapture(archive, (root) => expectOrders(loadTopology(root)));
  });

  test('goes by distance on a machine of unequal nodes and caches', () => {
    const files = processors(24, 2);
    for (let cpu = 0; cpu < 24; cpu++) {
      const first = cpu - (cpu % 4);
      const sharers = range(first, 4).reduce((sum, other) => sum + 2 ** other, 0);
      files[`sys/devices/system/cpu/cpu${cpu}/cache/index3/shared_cpu_map`] = sharers.toString(16);
    }
    files['sys/devices/system/cpu/cpu5/online'] = '0';
    const made = machine(
      files,
      node(0, range(0, 8), 64, '10 31 21'),
      node(3, range(8, 4), 64, '31 10 21'),
      node(4, range(12, 12), 64, '21 21 10'),
    );
    expectOrders(made);
  });

  test('where nobody steals goes to the queues alone', () => {
    const made = machine(processors(4), node(0, [0, 1], 64, '10 20'), node(1, [2, 3], 64, '20 10'));
    const { seats } = placeOn(made, 0, { ...plain, steal: 'none' }, 4);
    const queues = [0, 1].map((queue) => injector + queue);
    expect(seats.map(({ order }) => [...order].sort((a, b) => a - b))).toEqual(
      range(0, 4).map(() => queues),
    );
    expect(seats.map(({ order, queue }) => order[0] === injector + queue)).not.toContain(false);
  });
});

/** One worker on each CPU; half as many; more than there are CPUs; unpinned ones. */
function expectOrders(topology: Topology): void {
  const { length } = topology.cpus.filter((cpu) => cpu.allowed && cpu.online);
  for (const workers of [length, Math.ceil(length / 2), Math.min(1024, length + 3)]) {
    const { seats, nodes } = placeOn(topology, topology.allowed[0] ?? 0, plain, workers);
    const cpus = seats.map(({ cpu }) => cpu);
    const sample = range(0, 7).map((i) => Math.floor((i * workers) / 7));
    for (const self of sample) {
      expect([...(seats[self]?.order ?? [])]).toEqual(definition(topology, cpus, nodes, self));
    }
  }
}

/** Nodes by distance; in each its queue, then its seats by distance of their CPUs, equals in ring order. */
function definition(
  topology: Topology,
  cpus: readonly number[],
  nodes: readonly number[],
  self: number,
): number[] {
  const nodeOf = (cpu: number) => topology.cpus.find(({ id }) => id === cpu)?.node ?? -1;
  const own = cpus[self] ?? -1;
  const home = nodeOf(own);
  const between = (to: number) =>
    to === home ? 0 : home < 0 || to < 0 ? 1 : topology.distance(home, to);
  const online = topology.cpus.filter((cpu) => cpu.online).map((cpu) => cpu.id);
  const turn = (cpu: number) =>
    (online.indexOf(cpu) - online.indexOf(own) + online.length) % online.length;
  const steps: number[] = [];
  for (const node_ of nodes.toSorted((a, b) => between(a) - between(b))) {
    steps.push(injector + nodes.indexOf(node_));
    const others = [...cpus.keys()]
      .filter((seat) => seat !== self && nodeOf(cpus[seat] ?? -1) === node_)
      .map((seat) => ({ seat, cpu: cpus[seat] ?? -1 }))
      .map(({ seat, cpu }) => ({
        seat,
        near: nearness(topology, own, cpu),
        cpuTurn: turn(cpu),
        seatTurn: (seat - self + cpus.length) % cpus.length,
      }))
      .sort(
        (a, b) => a.near.rank - b.near.rank || a.cpuTurn - b.cpuTurn || a.seatTurn - b.seatTurn,
      );
    for (const { seat, near } of others) steps.push(seat + near.step * 2 ** 24);
  }
  return steps;
}

/** How near two CPUs are, and by which class a step to one from the other is counted. */
function nearness(topology: Topology, a: number, b: number): { rank: number; step: number } {
  if (a === b) return { rank: 0, step: 0 };
  if (topology.cores.some(({ cpus }) => cpus.includes(a) && cpus.includes(b))) {
    return { rank: 1, step: 0 };
  }
  const shared = topology.caches
    .filter(({ level, cpus }) => level >= 2 && cpus.includes(a) && cpus.includes(b))
    .map(({ level }) => level);
  if (shared.length > 0) return { rank: 1 + Math.min(...shared), step: 1 };
  const nodeOf = (cpu: number) => topology.cpus.find(({ id }) => id === cpu)?.node ?? -1;
  const [from, to] = [nodeOf(a), nodeOf(b)];
  if (from === to) return { rank: 100, step: 2 };
  return { rank: 100 + (from < 0 || to < 0 ? 20 : topology.distance(from, to)), step: 3 };
}
