import assert from 'node:assert/strict';
import { test } from 'node:test';
import { affinity, NumaPool, topology } from 'moirai';

test('nodes with memory have blocks; threads of one without it take the nearest', () => {
  const pool = new NumaPool({ blockSize: 64, blocksPerNode: 2 });
  assert.deepEqual(
    pool.stats().nodes.map(({ node }) => node),
    [0, 1, 3],
  );
  const [cpu] = topology().cpus.filter(({ node }) => node === 2);
  const pin = affinity.pin([cpu.id]);
  const seen = Array.from({ length: 6 }, () => pool.acquire().node);
  pin.release();
  assert.deepEqual(seen, [1, 1, 0, 0, 3, 3]);
  assert.equal(pool.stats().fallbacks, 6);
});

test('blocks can be had from a node of memory alone', () => {
  const pool = new NumaPool({ blockSize: 64, blocksPerNode: 1, preferredNode: 3 });
  assert.deepEqual(
    Array.from({ length: 3 }, () => pool.acquire().node),
    [3, 0, 1],
  );
});
