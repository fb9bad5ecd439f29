import { expect, test } from 'vitest';
import { machine, node, processors, range } from './made-machine.js';
import { distanceClass, victimOrder } from '../../dist/topology/index.js';

test('victims come nearest first: sibling, shared cache, own node, nodes by distance', () => {
  const files = processors(16, 2);
  // An L3 of four CPUs each; the L2 is per core.
  for (let cpu = 0; cpu < 16; cpu++) {
    const group = cpu - (cpu % 4);
    const bits = range(group, 4).reduce((sum, other) => sum + 2 ** other, 0);
    files[`sys/devices/system/cpu/cpu${cpu}/cache/index3/shared_cpu_map`] = bits.toString(16);
  }
  const topology = machine(
    files,
    node(0, range(0, 8), 64, '10 31 21'),
    node(1, range(8, 4), 64, '31 10 21'),
    node(2, range(12, 4), 64, '21 21 10'),
  );
  expect(victimOrder(topology, 2)).toEqual([
    3, // SMT sibling
    0,
    1, // shared L3; in ring order after 2
    4,
    5,
    6,
    7, // own node
    12,
    13,
    14,
    15, // distance 21
    8,
    9,
    10,
    11, // distance 31
  ]);
  expect([2, 3, 0, 4, 12].map((other) => distanceClass(topology, 2, other))).toEqual([
    0, 1, 2, 3, 4,
  ]);
});

test('thieves of one class do not all begin with the same victim', () => {
  const topology = machine(processors(4));
  const first = range(0, 4).map((cpu) => victimOrder(topology, cpu)[0]);
  expect(first).toEqual([1, 2, 3, 0]);
});

test("offline CPUs are nobody's victim", () => {
  const topology = machine(processors(3), { 'sys/devices/system/cpu/cpu1/online': '0' });
  expect(victimOrder(topology, 0)).toEqual([2]);
});
