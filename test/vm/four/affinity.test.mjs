import assert from 'node:assert/strict';
import { test } from 'node:test';
import { affinity, capabilities, currentCpu, currentNode, topology } from 'moirai';

test('a thread pinned to a CPU is on that CPU and its node', () => {
  for (const { id, node } of topology().cpus) {
    const pin = affinity.pin([id]);
    try {
      assert.deepEqual([currentCpu(), currentNode()], [id, node]);
    } finally {
      pin.release();
    }
  }
  assert.deepEqual(affinity.get(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

test('to root on four nodes, everything of NUMA is granted', () => {
  const machine = capabilities();
  const placing = ['setMempolicy', 'getMempolicy', 'mbind', 'preferredMany'];
  const granted = ['numa', 'affinity', 'getcpu', ...placing, 'movePages', 'migratePages'];
  for (const name of granted)
    assert.deepEqual([name, machine[name]], [name, { state: 'available' }]);
});

test('weighted interleaving is refused as newer than Linux 6.1', () => {
  const { state, cause } = capabilities().weightedInterleave;
  assert.deepEqual({ state, cause }, { state: 'refused', cause: 'kernel' });
});
