// Where memory is short, filtered or limited: an error or a word about it, and never a signal. What could
// be killed runs in a process of its own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { numa } from 'moirai';

const mebibyte = 2 ** 20;
const pages = mebibyte / numa.stats().pageBytes;

/** In a process of its own, which could be killed: the lines that it prints. */
function apart(body, command = []) {
  const code = `import { capabilities, Executor, numa, SharedRegion } from 'moirai';
    const code = (call) => { try { call(); return 'granted'; } catch (error) { return error.code; } };
    const print = (...values) => console.log(JSON.stringify(values));
    ${body}`;
  // A file and not --eval: workers take no input of another type.
  const script = fileURLToPath(new URL('apart.mjs', import.meta.url));
  writeFileSync(script, code);
  const [program, ...words] = [...command, process.execPath, script];
  const { status, signal, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  rmSync(script);
  assert.deepEqual([status, signal], [0, null], stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const lack = 'ERR_MOIRAI_OUT_OF_MEMORY';

test('more than a node has is an error, for buffers and regions, and no signal', () => {
  const [codes] = apart(`
    const bytes = 1100 * 2 ** 20; // The node has 1 GiB, the machine four.
    print(
      code(() => numa.allocate(bytes, { node: 1 })),
      code(() => numa.allocate(bytes, { policy: { mode: 'bind', nodes: [1] } })),
      code(() => SharedRegion.create({ bytes, node: 1 })),
      code(() => numa.allocate(bytes, { policy: { mode: 'preferred', nodes: [1] } })),
    );`);
  assert.deepEqual(codes, [lack, lack, lack, 'granted']);
});

test('what a node says it has can be had, and then no more', () => {
  const [codes] = apart(`
    const { availableBytes } = numa.stats().nodes[3];
    const whole = numa.allocate(availableBytes - 16 * 2 ** 20, { node: 3 });
    const nodes = [...new Set(whole.pageNodes())];
    const more = code(() => numa.allocate(64 * 2 ** 20, { node: 3 }));
    whole.free();
    print(nodes, more, code(() => numa.allocate(64 * 2 ** 20, { node: 3 })));`);
  assert.deepEqual(codes, [[3], lack, 'granted']);
});

const policyCalls = ['mbind', 'set_mempolicy', 'get_mempolicy'];
const moveCalls = ['move_pages', 'migrate_pages'];

test("under Docker's filter memory comes without a place and says so, and all else runs", () => {
  const [granted, refused, causes, sum] = apart(
    `const memory = numa.allocate(2 ** 20, { node: 1 });
     memory.view(Uint8Array).fill(1);
     const [{ what, capability, code: wouldBe }] = memory.degraded;
     print(memory.placement, what, capability, wouldBe, [...new Set(memory.pageNodes())]);
     print(
       code(() => numa.allocate(4096, { node: 1, required: true })),
       code(() => numa.setPolicy({ mode: 'bind', nodes: [1] })),
       code(() => numa.scopedPolicy({ mode: 'bind', nodes: [1] })),
       code(() => numa.getPolicy()),
       code(() => memory.move(2)),
     );
     const seen = capabilities();
     print(seen.mbind.cause, seen.movePages.cause);
     const tasks = new URL('data:text/javascript,export const add = (a, b) => a + b;');
     const executor = await Executor.start({ tasks, threads: 1 });
     print(await executor.run.add(1, 2));
     await executor.close();`,
    ['seccomp-run', 'eperm', ...policyCalls, ...moveCalls, '--'],
  );
  const denied = 'ERR_MOIRAI_PERMISSION';
  // Nobody tells where its pages are.
  assert.deepEqual(granted, ['refused', 'policy', 'mbind', denied, [-2]]);
  assert.deepEqual(refused, [denied, denied, denied, denied, denied]);
  assert.deepEqual(causes, ['seccomp', 'seccomp']);
  assert.deepEqual(sum, [3]);
});

test('where only moving is filtered, pages are found and moved by other calls', () => {
  const [nodes, moved] = apart(
    `const memory = numa.allocate(2 ** 20, { node: 1, required: true });
     print(...new Set(memory.pageNodes()));
     const { outcome, pages, by } = memory.move(2);
     print(outcome, pages, by, [...new Set(memory.pageNodes())]);`,
    ['seccomp-run', 'eperm', ...moveCalls, '--'],
  );
  assert.deepEqual(nodes, [1]);
  assert.deepEqual(moved, ['moved', pages, 'mbind', [2]]);
});

test('a limit of a memory control group is an error before the kernel kills', () => {
  const group = '/sys/fs/cgroup/memory-test';
  writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
  mkdirSync(group);
  writeFileSync(`${group}/memory.max`, `${256 * mebibyte}`);
  try {
    const [codes] = apart(
      `const bytes = 400 * 2 ** 20;
       print(
         code(() => numa.allocate(bytes, { node: 1 })),
         code(() => numa.allocate(bytes, { prefault: true })),
         code(() => numa.allocate(bytes, { lock: true })),
         code(() => SharedRegion.create({ bytes })),
         code(() => numa.allocate(2 ** 20, { node: 1 })),
       );`,
      ['sh', '-c', `echo $$ >${group}/cgroup.procs && exec "$@"`, 'sh'],
    );
    assert.deepEqual(codes, [lack, lack, lack, lack, 'granted']);
  } finally {
    rmdirSync(group);
  }
});
