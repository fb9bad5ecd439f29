// The cpuset of a process is rewritten under a running executor, as container orchestrators do.
import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { affinity, topology } from 'moirai';
import { Flow } from '../flow.mjs';

const top = '/sys/fs/cgroup';
const group = `${top}/container`;
const write = (path, text) => writeFileSync(path, text);

before(() => {
  write(`${top}/cgroup.subtree_control`, '+cpuset');
  mkdirSync(group);
  write(`${group}/cpuset.cpus`, '0-3');
  write(`${group}/cgroup.procs`, `${process.pid}`);
});
after(() => {
  write(`${top}/cgroup.procs`, `${process.pid}`);
  rmdirSync(group);
});

test('no task is lost when it moves to other CPUs altogether', async (t) => {
  assert.deepEqual(topology().allowed, [0, 1, 2, 3]);
  const flow = await Flow.start(t, { threads: 2, pin: 'core' });
  const { executor } = flow;
  await flow.progress();

  write(`${group}/cpuset.cpus`, '5-7');
  await flow.progress();
  const machine = topology();
  assert.deepEqual(machine.allowed, [5, 6, 7]);
  assert.equal(machine.effectiveParallelism, 3);
  assert.deepEqual(affinity.get(), [5, 6, 7]);
  assert.ok(machine.allowed.includes(await executor.run.where()));

  // Its place is not in the cpuset any more.
  await assert.rejects(executor.run.leave(), { code: 'ERR_MOIRAI_WORKER_LOST' });
  await flow.progress();
  await executor.resize(3);
  assert.equal(executor.threads, 3);

  write(`${group}/cpuset.cpus`, '0-7');
  await flow.progress();
  assert.deepEqual(topology().allowed, [0, 1, 2, 3, 4, 5, 6, 7]);
  write(`${group}/cpuset.mems`, '1-2');
  await flow.progress();
  const nodes = topology().nodes.filter((node) => node.allowed);
  assert.deepEqual(
    nodes.map((node) => node.id),
    [1, 2],
  );
  t.diagnostic(`${await flow.end()} tasks`);
});
