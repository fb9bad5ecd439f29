// Who takes whose tasks, on four nodes with two workers each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdAll, nodes, startPlaced } from './placed.mjs';

const rounds = 10_000;

/**
 * `count` tasks for each node, which wait before the first one is begun. How many were begun while some
 * waited on every node, and how many of those on another node than theirs.
 */
async function flood({ executor, gate }, count) {
  const release = await holdAll(executor, gate);
  const spawn = (node) => executor.spawn('counted', [rounds, node, count, 10], { node });
  const all = Array.from({ length: 4 * count }, (_, i) => spawn(i % 4));
  await release();
  await Promise.all(all);
  return { done: gate[3], elsewhere: gate[4] };
}

/** Of each node one task after the other, so that one of its two workers is always free. */
async function trickle(executor, count) {
  const lane = async (node) => {
    for (let i = 0; i < count; i++) await executor.spawn('work', [rounds], { node });
  };
  await Promise.all(nodes.map(lane));
  return executor.stats().hints;
}

const percent = (part, whole) => `${((100 * part) / whole).toFixed(2)} %`;

test('with work on every node less than 2 % of the tasks go to another one', async (t) => {
  const { done, elsewhere } = await flood(await startPlaced(t), 100);
  t.diagnostic(`${done} tasks: ${percent(elsewhere, done)} on another node`);
  assert.ok(done >= 90);
  assert.ok(elsewhere / done < 0.02, `${elsewhere} of ${done}`);

  // Beside it: workers that do not know where they are, with one queue for all.
  const anywhere = await startPlaced(t, {
    pin: undefined,
    placement: {
      place: (machine, workers) =>
        Array.from({ length: workers }, (_, i) => ({ cpus: [machine.allowed[i]], node: 0 })),
    },
  });
  const random = await flood(anywhere, 30);
  t.diagnostic(`without nodes: ${percent(random.elsewhere, random.done)} on another node`);
  assert.ok(random.elsewhere / random.done > 0.1, `${random.elsewhere} of ${random.done}`);
});

test('with work on one node the workers of all others help', async (t) => {
  const { executor } = await startPlaced(t);
  const ran = await Promise.all(
    Array.from({ length: 80 }, () => executor.spawn('work', [4 * rounds], { node: 2 })),
  );
  const counts = nodes.map((node) => ran.filter((each) => each === node).length);
  const { hints, nodes: told } = executor.stats();
  t.diagnostic(`80 tasks for node 2, by node: ${counts.join(', ')}`);
  for (const count of counts) assert.ok(count > 0, `${counts}`);
  assert.ok(counts[2] < 60, `${counts}`);
  assert.equal(hints.honoured, counts[2]);
  assert.equal(hints.honoured + hints.missed, 80);
  const began = told.reduce((sum, each) => sum + each.tasks, 0);
  assert.equal(began, 80 + 8); // those of the start
});

test('while its node has room a hint is honoured in 95 % at least', async (t) => {
  const { executor } = await startPlaced(t);
  const { honoured, missed } = await trickle(executor, 25);
  t.diagnostic(`hints honoured ${honoured}, missed ${missed}`);
  assert.equal(honoured + missed, 100);
  assert.ok(honoured >= 95, `${honoured} of 100`);
});
