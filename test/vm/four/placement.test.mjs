// Where the memory of an executor's workers is, and that of what goes to them and comes back, by the
// kernel's account of it, /proc/self/numa_maps.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Executor, numa } from 'moirai';
import { nodes, startPlaced } from './placed.mjs';

const tasks = new URL('placed-tasks.mjs', import.meta.url);
/** Pages by node of the mappings with this policy, or of all. */
function pagesByNode(policy) {
  const counts = [0, 0, 0, 0];
  for (const line of readFileSync('/proc/self/numa_maps', 'utf8').split('\n')) {
    if (policy !== undefined && line.split(' ')[1] !== policy) continue;
    for (const [, node, count] of line.matchAll(/ N(\d+)=(\d+)/g)) counts[node] += Number(count);
  }
  return counts;
}

test("what a worker allocates is on its CPUs' node, heap or not", async (t) => {
  const { executor } = await startPlaced(t);
  const mebibytes = 4;
  const [home] = executor.stats().nodes.map(({ node }) => node);
  for (const hint of nodes) {
    const before = pagesByNode();
    const node = await executor.spawn('takeMemory', [mebibytes], { node: hint });
    const grown = pagesByNode().map((pages, at) => pages - before[at]);
    t.diagnostic(`taken on node ${node}: pages by node ${grown.join(', ')}`);
    // An array on the heap and a buffer beside it.
    assert.ok(grown[node] > (1.9 * mebibytes * 2 ** 20) / numa.stats().pageBytes, `${grown}`);
    // Other threads take memory, too: V8's helpers, which collect garbage, run anywhere.
    const elsewhere = grown.filter((pages, at) => at !== node && at !== home && pages > 0);
    assert.ok(elsewhere.reduce((sum, pages) => sum + pages, 0) < grown[node] / 1.5, `${grown}`);
  }
});

test('a pinned worker prefers its node for good, any other has no policy, nor has who made them', async (t) => {
  const { executor: pinned } = await startPlaced(t);
  for (const node of nodes) {
    const { mode, nodes: preferred, at } = await pinned.spawn('policy', [], { node });
    assert.deepEqual([mode, ...preferred], ['preferred', at]);
  }
  const free = await Executor.start({ tasks, threads: 1, pin: 'none' });
  t.after(() => free.close());
  assert.equal((await free.run.policy()).mode, 'default');
  assert.equal(numa.getPolicy().mode, 'default');
  await assert.rejects(
    Executor.start({ tasks, threads: 1, pin: 'core', execArgv: ['--no-such-option'] }),
    { code: 'ERR_MOIRAI_INVALID_ARGUMENT' },
  );
  assert.equal(numa.getPolicy().mode, 'default');
});

test('where a policy was chosen for the thread, workers have it', async (t) => {
  const chosen = numa.scopedPolicy({ mode: 'interleave', nodes: [1, 2] });
  t.after(() => chosen.release());
  const executor = await Executor.start({ tasks, threads: 1, pin: 'core' });
  t.after(() => executor.close());
  const { mode, nodes: taken } = await executor.run.policy();
  assert.deepEqual([mode, ...taken], ['interleave', 1, 2]);
  assert.deepEqual(numa.getPolicy(), { mode: 'interleave', nodes: [1, 2] });
});

test("arguments are in memory of their task's node, results in that of their reader's", async (t) => {
  const { executor } = await startPlaced(t);
  const bytes = new Uint8Array(3 << 16).fill(7);
  const [home] = executor.stats().nodes.map(({ node }) => node);
  for (const node of [...nodes, ...nodes]) {
    const back = await executor.spawn('echo', [bytes], { node });
    assert.equal(back.length, bytes.length);
  }
  const perPayload = bytes.length / numa.stats().pageBytes;
  for (const node of nodes) {
    const pages = pagesByNode(`prefer:${node}`);
    t.diagnostic(
      `payloads of node ${node}${node === home ? ', the owner’s' : ''}: ${pages.join(', ')}`,
    );
    assert.ok(pages[node] >= perPayload, `${pages}`);
    assert.equal(
      pages.reduce((sum, count) => sum + count, 0),
      pages[node],
    );
  }
});
