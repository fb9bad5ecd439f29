import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topology } from 'moirai';
import { numactlHardware } from '../numactl.mjs';
import { shapes } from '../shapes.mjs';

const machine = topology();
const ids = machine.nodes.map((node) => node.id);

test('nodes, their CPUs and their memory are those of numactl', () => {
  const { nodes } = numactlHardware();
  assert.deepEqual(
    machine.nodes.map(({ id, cpus, bytes }) => ({ id, cpus, mib: Math.floor(bytes / 2 ** 20) })),
    nodes,
  );
  assert.deepEqual(
    nodes.map((node) => node.cpus),
    shapes.four.nodes.map((node) => node.cpus),
  );
});

test('distances are those of the firmware and of numactl', () => {
  const distances = ids.map((from) => ids.map((to) => machine.distance(from, to)));
  assert.deepEqual(distances, shapes.four.distances);
  assert.deepEqual(distances, numactlHardware().distances);
});
