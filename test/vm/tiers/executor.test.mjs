// An executor where one node has CPUs and no memory, and one memory and no CPUs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Executor } from 'moirai';
import { Flow } from '../flow.mjs';

const tasks = new URL('../flow-tasks.mjs', import.meta.url);

test('tasks with a hint for any node are done, by workers on the CPUs there are', async (t) => {
  const hints = [{}, { node: 0 }, { node: 1 }, { node: 2 }, { node: 3 }];
  const flow = await Flow.start(t, { threads: 'cpus', pin: 'cpu' }, hints);
  const { executor } = flow;
  await flow.progress(256);
  const placed = executor.stats().workers.map(({ node }) => node);
  assert.deepEqual(placed.toSorted(), [0, 0, 1, 1, 2, 2]);
  t.diagnostic(`${await flow.end()} tasks`);
});

test('workers can be had on CPUs without memory, and not on memory without CPUs', async () => {
  const executor = await Executor.start({ tasks, nodes: [2], threads: 1, pin: 'cpu' });
  assert.ok([4, 5].includes(await executor.run.where()));
  await executor.close();
  await assert.rejects(Executor.start({ tasks, nodes: [3] }), {
    code: 'ERR_MOIRAI_INVALID_ARGUMENT',
  });
});
