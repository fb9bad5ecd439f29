import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { affinity, numa, NumaPool, topology } from 'moirai';
import { shapes } from '../shapes.mjs';

const nodes = [0, 1, 2, 3];

test("each node's blocks lie on that node, from the start", () => {
  const pool = new NumaPool({ blockSize: 4096, blocksPerNode: 50 });
  for (const { node, placement, buffer } of pool.handle().regions) {
    assert.equal(placement, 'placed');
    const pages = [...numa.attach(buffer).pageNodes()];
    assert.ok(pages.length > 50);
    assert.deepEqual([...new Set(pages)], [node]);
  }
  for (const node of nodes) assert.equal(pool.acquire({ node }).node, node);
});

test('when a node is full, blocks come from the nearest that has some, and that is counted', () => {
  for (const home of nodes) {
    const pool = new NumaPool({ blockSize: 64, blocksPerNode: 2 });
    const seen = Array.from({ length: 8 }, () => pool.acquire({ node: home }).node);
    assert.deepEqual(seen.slice(0, 2), [home, home]);
    const distances = seen.map((node) => shapes.four.distances[home][node]);
    assert.deepEqual(distances, [10, 10, 21, 21, 31, 31, 31, 31]);
    assert.equal(pool.tryAcquire({ node: home }), undefined);
    const stats = pool.stats();
    assert.equal(stats.fallbacks, 6);
    assert.deepEqual(
      stats.nodes.map(({ node, guests, overflows }) => [node, guests, overflows]),
      nodes.map((node) => [node, node === home ? 0 : 2, node === home ? 7 : 0]),
    );
  }
});

test('nodes that are full together turn to different ones of the other board', () => {
  const thirds = nodes.map((home) => {
    const pool = new NumaPool({ blockSize: 64, blocksPerNode: 1 });
    const [, , third] = Array.from({ length: 3 }, () => pool.acquire({ node: home }));
    return third.node;
  });
  assert.deepEqual(thirds, [2, 3, 0, 1]);
});

test('without a wish, a block comes from where the thread runs, or from the preferred node', () => {
  const pool = new NumaPool({ blockSize: 64, blocksPerNode: 4 });
  const preferring = new NumaPool({ blockSize: 64, blocksPerNode: 4, preferredNode: 3 });
  for (const { id, node } of topology().cpus.filter(({ smt }) => smt === 0)) {
    const pin = affinity.pin([id]);
    try {
      const here = pool.acquire();
      const there = preferring.acquire();
      assert.deepEqual([here.node, there.node], [node, 3]);
      pool.release(here);
      preferring.release(there);
    } finally {
      pin.release();
    }
  }
});

test('a node that the machine has not is refused', () => {
  const pool = new NumaPool({ blockSize: 64, blocksPerNode: 1 });
  assert.throws(() => pool.acquire({ node: 4 }), { code: 'ERR_MOIRAI_INVALID_ARGUMENT' });
  assert.throws(() => new NumaPool({ blockSize: 64, blocksPerNode: 1, preferredNode: 9 }), {
    code: 'ERR_MOIRAI_INVALID_ARGUMENT',
  });
});

test("what a node does not have is out of memory, and the others' memory goes back", () => {
  const free = () => topology().nodes.reduce((sum, { freeBytes }) => sum + freeBytes, 0);
  const before = free();
  assert.throws(() => new NumaPool({ blockSize: 2 ** 20, blocksPerNode: 1500 }), {
    code: 'ERR_MOIRAI_OUT_OF_MEMORY',
  });
  assert.ok(free() > before - 2 ** 28);
});

test('a Worker on another node has its own blocks of the same pool', async () => {
  const pool = new NumaPool({ blockSize: 64, blocksPerNode: 4 });
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    const { NumaPool } = await import(workerData.moirai);
    const pool = NumaPool.attach(workerData.handle);
    const block = pool.acquire();
    block.view[0] = 9;
    parentPort.postMessage({ node: block.node, id: pool.detach(block) });
  `;
  const pin = affinity.pin([6]);
  const workerData = { moirai: import.meta.resolve('moirai'), handle: pool.handle() };
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData });
  pin.release();
  const told = await new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  assert.equal(told.node, 3);
  const block = pool.adopt(told.id);
  assert.deepEqual([block.node, block.view[0]], [3, 9]);
});
