// Nodes that are not whole: 2 has CPUs and no memory, 3 has memory and no CPUs.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { affinity, numa } from 'moirai';
import { libnumaPolicy } from '../libnuma-policy.mjs';

const mebibyte = 2 ** 20;
after(() => numa.setPolicy({ mode: 'default' }));

/** The nodes of a buffer's pages after each was written to. */
function touched(memory) {
  memory.view(Uint8Array).fill(1);
  const nodes = [...new Set(memory.pageNodes())].sort((a, b) => a - b);
  memory.free();
  return nodes;
}

test('memory comes from a node without CPUs', () => {
  const memory = numa.allocate(mebibyte, { node: 3, required: true });
  assert.equal(memory.placement, 'placed');
  assert.deepEqual(touched(memory), [3]);
  const spread = { mode: 'interleave', nodes: [1, 3] };
  assert.deepEqual(touched(numa.allocate(mebibyte, { policy: spread, required: true })), [1, 3]);
});

test('pages move to a node without CPUs', () => {
  const memory = numa.allocate(mebibyte, { node: 0 });
  assert.equal(memory.move(3).outcome, 'moved');
  assert.deepEqual(touched(memory), [3]);
});

test('a node without memory is refused and told, and no reason to fail', () => {
  const memory = numa.allocate(mebibyte, { node: 2 });
  assert.equal(memory.placement, 'refused');
  const [{ what, why, code }] = memory.degraded;
  assert.deepEqual(
    [what, why, code],
    ['policy', 'node 2 has no memory', 'ERR_MOIRAI_OUT_OF_MEMORY'],
  );
  assert.equal(touched(memory).includes(2), false);
  const wanted = { code: 'ERR_MOIRAI_OUT_OF_MEMORY' };
  assert.throws(() => numa.allocate(mebibyte, { node: 2, required: true }), wanted);
  assert.throws(() => numa.setPolicy({ mode: 'bind', nodes: [2] }), wanted);
});

test('of a set of nodes, the ones with memory are used, and the others told', () => {
  const memory = numa.allocate(mebibyte, { policy: { mode: 'bind', nodes: [2, 3] } });
  assert.equal(memory.placement, 'degraded');
  assert.equal(memory.degraded.length, 1);
  assert.deepEqual(memory.getPolicy(), { mode: 'bind', nodes: [3] });
  assert.deepEqual(touched(memory), [3]);
});

test('a thread on CPUs without memory takes it from the nearest node', () => {
  const pin = affinity.pin([4, 5]);
  const memory = numa.allocate(mebibyte, { policy: { mode: 'local' }, required: true });
  assert.deepEqual(touched(memory), [1]);
  pin.release();
});

test('a policy for a node without CPUs is what libnuma reads', () => {
  numa.setPolicy({ mode: 'bind', nodes: [3] });
  const { mode, nodes, pages } = libnumaPolicy();
  assert.deepEqual([mode, nodes, pages], ['bind', [3], { 3: 64 }]);
});

test('statistics have the nodes with memory', () => {
  assert.deepEqual(
    numa.stats().nodes.map(({ node }) => node),
    [0, 1, 3],
  );
});
