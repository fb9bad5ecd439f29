// Tasks that have a cost join a context only where all keep their deadlines, and a refusal says who does not.
import { expect, test } from 'vitest';
import { RtConstraints, schedulability } from 'moirai';
import { reportOf, start } from './threads.js';

test('ticks do not interrupt each other: what preemption would save is refused', async () => {
  await using rt = await start();
  const [slow, fast] = [
    { periodUs: 100_000, wcetUs: 9000 },
    { periodUs: 10_000, wcetUs: 2000 },
  ];
  // An interruptible thread could do both.
  const models = [
    { name: 'slow', ...slow },
    { name: 'fast', ...fast },
  ];
  expect(schedulability(models, 'deadline').schedulable).toBe(true);
  rt.periodic('nothing', slow);
  const report = reportOf(() => rt.periodic('note', fast));
  expect(report).toMatchObject({ policy: 'deadline', schedulable: false });
  expect(report.tasks).toMatchObject([
    { name: 'nothing (0)', lateUs: 0 },
    { name: 'note', deadlineUs: 10_000, blockingUs: 0, jitterUs: 0 },
  ]);
  // 9,000 less a nanosecond until the slow one lets go, and its own 2,000.
  expect(report.tasks[1]?.responseUs).toBeCloseTo(11_000, 1);
  expect(report.tasks[1]?.lateUs).toBeCloseTo(1000, 1);
});

test.each(['rate-monotonic', 'deadline'] as const)('%s: blocking and jitter count', async (by) => {
  const policy = by === 'deadline' ? RtConstraints.fifo(2) : RtConstraints.rateMonotonic(10_000);
  await using rt = await start({ policy });
  const options = { periodUs: 10_000, wcetUs: 4000 };
  const blocked = reportOf(() => rt.periodic('nothing', { ...options, blockingUs: 6001 }));
  expect(blocked.policy).toBe(by);
  expect(blocked.tasks).toMatchObject([{ blockingUs: 6001 }]);
  const late = reportOf(() => rt.periodic('nothing', { ...options, jitterUs: 6001 }));
  expect(late.tasks).toMatchObject([{ responseUs: 10_001, lateUs: 1 }]);
  const both = { ...options, blockingUs: 2000, jitterUs: 2000 };
  const task = rt.periodic('nothing', both);
  // Those of a task that runs count for others, too.
  const second = reportOf(() => rt.periodic('note', { periodUs: 10_000, wcetUs: 3000 }));
  expect(second.tasks[0]).toMatchObject({ blockingUs: 2000, jitterUs: 2000 });
  await task.stop();
  const after = rt.periodic('note', { periodUs: 10_000, wcetUs: 3000 });
  expect(after.stats().state).toBe('running');
});

test('without a cost nothing is refused', async () => {
  await using rt = await start();
  rt.periodic('nothing', { periodUs: 1000, wcetUs: 900 });
  const task = rt.periodic('note', { periodUs: 1000, blockingUs: 5000 });
  expect(task.stats().state).toBe('running');
  await expect(async () => rt.periodic('note', { periodUs: 1000, jitterUs: -1 })).rejects.toThrow(
    expect.objectContaining({ argument: 'options.jitterUs' }),
  );
});
