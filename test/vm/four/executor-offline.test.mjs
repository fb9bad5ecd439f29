// CPUs go offline, and come back, under a running executor.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { affinity, currentCpu, Executor, topology } from 'moirai';
import { Flow } from '../flow.mjs';

const turn = (cpu, online) =>
  writeFileSync(`/sys/devices/system/cpu/cpu${cpu}/online`, online ? '1' : '0');

afterEach(() => {
  const off = topology().cpus.filter((cpu) => !cpu.online);
  for (const { id } of off) turn(id, true);
});

test('no task is lost, and the topology follows', async (t) => {
  const hints = [{}, { node: 2 }, { node: 3 }, { node: 3, blocking: true }];
  const flow = await Flow.start(t, { nodes: [2, 3], pin: 'core', blockingThreads: 1 }, hints);
  await flow.progress();
  turn(5, false);
  await flow.progress();
  assert.deepEqual(topology().allowed, [0, 1, 2, 3, 4, 6, 7]);

  turn(6, false);
  turn(7, false);
  await flow.progress();
  const without = topology();
  assert.deepEqual(without.allowed, [0, 1, 2, 3, 4]);
  assert.equal(without.effectiveParallelism, 5);
  assert.deepEqual(without.nodes[3].cpus, []);
  assert.ok(without.nodes[3].bytes > 0, 'its memory is still there');

  for (const cpu of [5, 6, 7]) turn(cpu, true);
  await flow.progress();
  const again = topology();
  assert.deepEqual(again.allowed, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(again.nodes[3].cpus, [6, 7]);
  t.diagnostic(`${await flow.end()} tasks`);
});

test('a worker that is lost while its CPUs are offline is replaced', async (t) => {
  const flow = await Flow.start(t, { nodes: [3], threads: 1, pin: 'node' });
  const { executor } = flow;
  assert.ok([6, 7].includes(await executor.run.where()));
  turn(6, false);
  turn(7, false);
  await assert.rejects(executor.run.leave(), { code: 'ERR_MOIRAI_WORKER_LOST' });
  await flow.progress();
  assert.ok(topology().allowed.includes(await executor.run.where()));
  await flow.end();
});

test('a pin whose CPU has gone is released as ever', () => {
  const pin = affinity.pin([5]);
  turn(5, false);
  assert.deepEqual(topology().allowed, [0, 1, 2, 3, 4, 6, 7]);
  assert.notEqual(currentCpu(), 5);
  turn(5, true);
  pin.release();
  assert.deepEqual(affinity.get(), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(topology().allowed, [0, 1, 2, 3, 4, 5, 6, 7]);
});

test('an executor started meanwhile uses the CPUs that are left', async () => {
  for (const cpu of [2, 4, 5]) turn(cpu, false);
  const tasks = new URL('../flow-tasks.mjs', import.meta.url);
  await assert.rejects(Executor.start({ tasks, nodes: [2] }), {
    code: 'ERR_MOIRAI_INVALID_ARGUMENT',
  });
  const executor = await Executor.start({ tasks, nodes: [1], pin: 'core' });
  assert.equal(executor.threads, 1);
  assert.equal(await executor.run.where(), 3);
  await executor.close();
});
