// The simulator: the real scheduler on machines that are not here. What must hold on all of them.
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { readMachine } from '../../bench/simulator/machines.mjs';
import { build, plan, simulate, type Job, type Planned } from '../../bench/simulator/simulate.mjs';

/** About those of a server; the tests hold with any. */
const costs = {
  hit: 0.5,
  update: 4.5,
  clock: 20,
  get_cpu: 1,
  relax: 10,
  yield: 150,
  poll: 120,
  signal: 120,
  wake: 2000,
  code: 30,
  transfer: 80,
  overlap: 0.1,
  sibling: 0.5,
  wake_latency: 50_000,
  wake_busy: 5000,
};

const missing = spawnSync('cmake', ['--version']).error !== undefined;
if (missing) console.log('skipped: the simulator, for cmake is not installed');

describe.skipIf(missing)('the simulator', () => {
  let two: Planned;
  let eightNodes: Planned;
  const run = (planned: Planned, job: Pick<Job, 'pattern'> & Partial<Job>) =>
    simulate(planned, { costs, taskUs: 20, tasks: 200 * planned.workers, ...job });

  beforeAll(() => {
    build('simulator');
    two = plan(readMachine('1x2').machine);
    eightNodes = plan(readMachine('8x4').machine);
  });

  test.for(['owner', 'node', 'tree', 'chain', 'bursts'] as const)(
    '%s: every task runs, on two CPUs and on eight nodes',
    async (pattern) => {
      for (const planned of [two, eightNodes]) {
        for (const way of ['real', 'random', 'shared'] as const) {
          const tasks = planned.workers * (pattern === 'bursts' ? 20 : 200);
          expect((await run(planned, { pattern, way, tasks })).tasks).toBe(tasks);
        }
      }
    },
  );

  test('the same seed gives the same result, another seed another', async () => {
    const [first, again, other] = await Promise.all(
      [7, 7, 8].map((seed) => run(eightNodes, { pattern: 'chain', way: 'random', seed })),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const real = await run(eightNodes, { pattern: 'tree' });
    expect(await run(eightNodes, { pattern: 'tree' })).toEqual(real);
  });

  test('workers that spawn keep all CPUs at work; with one shared queue fewer and fewer', async () => {
    const job = { pattern: 'chain', taskUs: 20, tasks: 128 * 1000 } as const;
    const large = plan(readMachine('8x16').machine);
    expect((await run(large, job)).sustained).toBeGreaterThan(0.95);
    expect((await run(large, { ...job, way: 'shared' })).sustained).toBeLessThan(0.8);
  });

  test('from a node that has all the work fewer tasks are taken than with random stealing', async () => {
    const job = { pattern: 'node', tasks: 500 * eightNodes.workers } as const;
    const real = await run(eightNodes, job);
    const random = await run(eightNodes, { ...job, way: 'random' });
    expect(real.stolen[3]).toBeLessThan(random.stolen[3]);
  });

  test('whoever sleeps is woken: after each pause all of a burst is done', async () => {
    const result = await run(eightNodes, { pattern: 'bursts', tasks: 20 * eightNodes.workers });
    expect(result.burstUs?.count).toBe(10);
    expect(result.wakes).toBeGreaterThanOrEqual(10);
  });
});
