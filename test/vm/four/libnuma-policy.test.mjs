// The program that other tests read policies with, held to numactl.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { libnumaPolicy } from '../libnuma-policy.mjs';

const all = [0, 1, 2, 3];

test('without a policy it reads the default', () => {
  const { mode, nodes, membind, interleave } = libnumaPolicy();
  assert.deepEqual(
    { mode, nodes, membind, interleave },
    { mode: 'default', nodes: [], membind: all, interleave: [] },
  );
});

test('it reads back what numactl has set, and its pages follow', () => {
  const bound = libnumaPolicy(['numactl', '--membind=1']);
  assert.deepEqual([bound.mode, bound.nodes, bound.membind], ['bind', [1], [1]]);
  assert.deepEqual(bound.pages, { 1: 64 });

  const spread = libnumaPolicy(['numactl', '--interleave=0,3']);
  assert.deepEqual([spread.mode, spread.nodes, spread.interleave], ['interleave', [0, 3], [0, 3]]);
  assert.deepEqual(spread.pages, { 0: 32, 3: 32 });

  const preferred = libnumaPolicy(['numactl', '--preferred=2']);
  assert.deepEqual([preferred.mode, preferred.nodes, preferred.preferred], ['preferred', [2], 2]);
  assert.deepEqual(preferred.pages, { 2: 64 });
});
