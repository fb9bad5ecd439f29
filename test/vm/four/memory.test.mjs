// Policies, allocation and migration where there are four nodes: what we say of pages is held to the
// kernel's own account of them, /proc/self/numa_maps, and policies to what libnuma reads.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { affinity, numa, SharedRegion } from 'moirai';
import { libnumaPolicy } from '../libnuma-policy.mjs';

const all = [0, 1, 2, 3];
const mebibyte = 2 ** 20;
const pages = mebibyte / numa.stats().pageBytes;
after(() => numa.setPolicy({ mode: 'default' }));

/** How many pages are on which node, by move_pages(2). */
function byNode(memory) {
  const counts = {};
  for (const node of memory.pageNodes()) counts[node] = (counts[node] ?? 0) + 1;
  return counts;
}

/** Pages by node of all mappings with a policy, from the kernel's own list. */
function numaMaps(policy) {
  const counts = {};
  for (const line of readFileSync('/proc/self/numa_maps', 'utf8').split('\n')) {
    const [, rest = ''] = /^[0-9a-f]+ (.*)$/.exec(line) ?? [];
    if (!rest.startsWith(`${policy} `)) continue;
    for (const [, node, count] of rest.matchAll(/ N(\d+)=(\d+)/g)) {
      counts[node] = (counts[node] ?? 0) + Number(count);
    }
  }
  return counts;
}

const modes = [
  ...all.map((node) => ({
    policy: { mode: 'bind', nodes: [node] },
    kernel: `bind:${node}`,
    expected: { [node]: pages },
  })),
  { policy: { mode: 'preferred', nodes: [2] }, kernel: 'prefer:2', expected: { 2: pages } },
  {
    policy: { mode: 'interleave', nodes: all },
    kernel: 'interleave:0-3',
    expected: Object.fromEntries(all.map((node) => [node, pages / 4])),
  },
  {
    policy: { mode: 'interleave', nodes: [1, 3] },
    kernel: 'interleave:1,3',
    expected: { 1: pages / 2, 3: pages / 2 },
  },
  // On the node of the CPU that touches, which is pinned below.
  { policy: { mode: 'local' }, kernel: 'local', expected: { 3: pages } },
];

for (const { policy, kernel, expected } of modes) {
  test(`pages of '${policy.mode}' ${policy.nodes ?? ''} are where they were asked for`, () => {
    using_(affinity.pin([6, 7]), () => {
      const memory = numa.allocate(mebibyte, { policy, required: true });
      assert.equal(memory.placement, 'placed');
      assert.deepEqual(memory.getPolicy(), { mode: policy.mode, nodes: policy.nodes ?? [] });
      memory.view(Uint8Array).fill(1);
      assert.deepEqual(byNode(memory), expected);
      assert.deepEqual(numaMaps(kernel), expected);
      memory.free();
      assert.deepEqual(byNode(memory), { [-1]: pages });
    });
  });
}

/** `using` is not JavaScript yet where this runs. */
function using_(resource, body) {
  try {
    return body(resource);
  } finally {
    resource[Symbol.dispose]();
  }
}

// Younger modes, or the honest word that this kernel is too old for them.
for (const [mode, kernel] of [
  ['preferred-many', 'prefer (many):1-2'],
  ['weighted-interleave', 'weighted interleave:1-2'],
]) {
  test(`'${mode}' is in force, or is told to be missing`, () => {
    const policy = { mode, nodes: [1, 2] };
    const memory = numa.allocate(mebibyte, { policy });
    memory.view(Uint8Array).fill(1);
    const counts = byNode(memory);
    assert.equal((counts[1] ?? 0) + (counts[2] ?? 0), pages);
    if (memory.placement === 'placed') {
      assert.deepEqual(memory.degraded, []);
      assert.deepEqual(numaMaps(kernel), counts);
    } else {
      assert.equal(memory.placement, 'degraded');
      assert.equal(memory.degraded[0].code, 'ERR_MOIRAI_NOT_SUPPORTED');
      assert.throws(() => numa.setPolicy(policy), { code: 'ERR_MOIRAI_NOT_SUPPORTED' });
      assert.throws(() => numa.allocate(4096, { policy, required: true }), {
        code: 'ERR_MOIRAI_NOT_SUPPORTED',
      });
    }
    memory.free();
  });
}

test('a node is short for a bind to it, prefaulted; statistics count it there', () => {
  const before = numa.stats().nodes.map(({ held }) => held.bytes);
  const memory = numa.allocate(mebibyte, { node: 2, required: true });
  assert.deepEqual(byNode(memory), { 2: pages });
  assert.deepEqual(memory.getPolicy(), { mode: 'bind', nodes: [2] });
  const held = numa.stats().nodes.map(({ held: { bytes } }, node) => bytes - before[node]);
  assert.deepEqual(held, [0, 0, mebibyte, 0]);
  memory.free();
});

test('policies of a thread are what libnuma reads, and pages follow', () => {
  for (const [policy, read] of [
    [
      { mode: 'bind', nodes: [1, 2] },
      { mode: 'bind', nodes: [1, 2], membind: [1, 2] },
    ],
    [
      { mode: 'preferred', nodes: [3] },
      { mode: 'preferred', nodes: [3], pages: { 3: 64 } },
    ],
    [
      { mode: 'interleave', nodes: [0, 3] },
      { mode: 'interleave', nodes: [0, 3], interleave: [0, 3], pages: { 0: 32, 3: 32 } },
    ],
    [{ mode: 'local' }, { mode: 'local', nodes: [] }],
    [{ mode: 'default' }, { mode: 'default', nodes: [] }],
  ]) {
    assert.equal(numa.setPolicy(policy), 'placed');
    assert.deepEqual(numa.getPolicy(), { nodes: [], ...policy });
    const seen = libnumaPolicy();
    for (const [name, value] of Object.entries(read)) assert.deepEqual(seen[name], value, name);
  }
});

test('scopes of policies nest and end in any order', () => {
  const outer = numa.scopedPolicy({ mode: 'bind', nodes: [1] });
  const inner = numa.scopedPolicy({ mode: 'preferred', nodes: [2] });
  outer.release();
  assert.deepEqual(numa.getPolicy(), { mode: 'preferred', nodes: [2] });
  inner.release();
  inner.release();
  assert.deepEqual(numa.getPolicy(), { mode: 'default', nodes: [] });
});

test('a worker is born with the policy of its creator, and its memory is there', async () => {
  const scope = numa.scopedPolicy({ mode: 'bind', nodes: [3] });
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const { numa } = require('moirai');
     const memory = numa.allocate(2 ** 20);
     memory.view(Uint8Array).fill(1);
     parentPort.postMessage({ policy: numa.getPolicy(), nodes: [...new Set(memory.pageNodes())] });`,
    { eval: true },
  );
  scope.release();
  const message = await new Promise((resolve) => worker.once('message', resolve));
  assert.deepEqual(message, { policy: { mode: 'bind', nodes: [3] }, nodes: [3] });
  assert.deepEqual(numa.getPolicy(), { mode: 'default', nodes: [] });
});

test('pages move to another node, and those to come follow', () => {
  const memory = numa.allocate(2 * mebibyte, { policy: { mode: 'preferred', nodes: [0] } });
  const view = memory.view(Uint8Array);
  view.fill(5, 0, mebibyte);
  assert.deepEqual(byNode(memory), { 0: pages, [-1]: pages });
  assert.deepEqual(memory.move(3), { outcome: 'moved', pages, stayed: [], by: 'move_pages' });
  assert.deepEqual(byNode(memory), { 3: pages, [-1]: pages });
  assert.ok(view.subarray(0, mebibyte).every((byte) => byte === 5));
  view.fill(6, mebibyte);
  assert.deepEqual(byNode(memory), { 3: 2 * pages });
  assert.deepEqual(memory.getPolicy(), { mode: 'preferred', nodes: [3] });
  memory.free();
});

test('a range gets a policy of its own: strict refuses pages elsewhere, move takes them along', () => {
  const memory = numa.allocate(mebibyte, { node: 0 });
  const half = { at: mebibyte / 2, bytes: mebibyte / 2 };
  const policy = { mode: 'bind', nodes: [1] };
  assert.throws(() => memory.setPolicy(policy, { ...half, strict: true }), {
    code: 'ERR_MOIRAI_SYSTEM',
    errno: 5,
    syscall: 'mbind',
  });
  assert.deepEqual(byNode(memory), { 0: pages });
  assert.equal(memory.setPolicy(policy, half), 'placed');
  assert.deepEqual(byNode(memory), { 0: pages });
  assert.equal(memory.setPolicy(policy, { ...half, strict: true, move: true }), 'placed');
  assert.deepEqual(byNode(memory), { 0: pages / 2, 1: pages / 2 });
  assert.deepEqual(memory.getPolicy(), { mode: 'bind', nodes: [0] });
  assert.deepEqual(memory.getPolicy(mebibyte - 1), policy);
  memory.free();
});

test('a node that this machine does not have is a wrong argument', () => {
  for (const call of [
    () => numa.allocate(4096, { node: 4 }),
    () => numa.setPolicy({ mode: 'bind', nodes: [0, 4] }),
  ]) {
    assert.throws(call, { name: 'RangeError', code: 'ERR_MOIRAI_INVALID_ARGUMENT' });
  }
});

test("a region's pages are on its node, also when another process touches them", () => {
  const region = SharedRegion.create({ bytes: mebibyte, node: 2, required: true });
  assert.equal(region.placement, 'placed');
  region.view(Uint8Array).fill(1);
  assert.deepEqual(numaMaps('bind:2'), { 2: pages });
  const interleaved = SharedRegion.create({
    name: 'spread',
    bytes: mebibyte,
    policy: { mode: 'interleave', nodes: [0, 1] },
  });
  // What another process touches comes from there as well.
  const program = `import { readFileSync } from 'node:fs';
    import { SharedRegion } from 'moirai';
    SharedRegion.open('spread').view(Uint8Array).fill(1);
    const maps = readFileSync('/proc/self/numa_maps', 'utf8').split('\\n');
    console.log(maps.find((line) => line.includes('-spread')).match(/N\\d+=\\d+/g).join(' '));`;
  const words = ['--input-type=module', '-e', program];
  const seen = execFileSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal(seen, `N0=${pages / 2} N1=${pages / 2}\n`);
  interleaved.unlink();
  interleaved.close();
  region.close();
});
