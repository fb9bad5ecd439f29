import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topology } from 'moirai';
import { numactlHardware } from '../numactl.mjs';
import { shapes } from '../shapes.mjs';

const machine = topology();
const ids = machine.nodes.map((node) => node.id);

test('nodes, their CPUs and their memory are those of numactl', () => {
  assert.deepEqual(
    machine.nodes.map(({ id, cpus, bytes }) => ({ id, cpus, mib: Math.floor(bytes / 2 ** 20) })),
    numactlHardware().nodes,
  );
});

test('distances are those of the firmware and of numactl', () => {
  const distances = ids.map((from) => ids.map((to) => machine.distance(from, to)));
  assert.deepEqual(distances, shapes.tiers.distances);
  assert.deepEqual(distances, numactlHardware().distances);
});

test('the node of CPUs alone has no memory and cannot be bound to', () => {
  const { cpus, bytes, freeBytes, allowed } = machine.nodes[2];
  assert.deepEqual(
    { cpus, bytes, freeBytes, allowed },
    { cpus: [4, 5], bytes: 0, freeBytes: 0, allowed: false },
  );
});

test('the memory-only node has no CPU, and its best initiator is the one of the firmware', () => {
  const { cpus, bytes, allowed, initiators } = machine.nodes[3];
  assert.deepEqual({ cpus, allowed, initiators }, { cpus: [], allowed: true, initiators: [0] });
  assert.ok(bytes > 400 * 2 ** 20, `${bytes} bytes`);
});

test('bandwidth and latency are those that the firmware gives for the best initiator', () => {
  for (const { id, bytes, initiators, access } of machine.nodes) {
    if (bytes === 0) continue;
    const given = shapes.tiers.hmat.find(
      ({ initiator, target }) => target === id && initiator === initiators[0],
    );
    assert.deepEqual(
      { id, ...access },
      {
        id,
        readBandwidth: given.mibPerSecond,
        writeBandwidth: given.mibPerSecond,
        readLatencyNs: given.latencyNs,
        writeLatencyNs: given.latencyNs,
      },
    );
  }
});
