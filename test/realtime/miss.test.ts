// Where the time of a late tick went: worked out of records, and seen of causes that were planted.
import { describe, expect, test } from 'vitest';
import { RealtimeContext, RtConstraints, type Miss, type MissCause } from 'moirai';
import { explainMiss, type MissRecord } from '../../dist/realtime/miss.js';
import type * as planted from './fixtures/planted.mjs';
import { ticks } from './threads.js';

/** Released at 1 ms, begun at once, 400 µs long, all of them on the CPU. */
const fine: MissRecord = {
  slot: 0,
  tick: 7,
  release: 1_000_000,
  begin: 1_010_000,
  end: 1_410_000,
  free: 1_000_000,
  cpuNs: 405_000,
  minorFaults: 0,
  majorFaults: 0,
  preemptions: 0,
  cpuBefore: 1,
  cpuEnd: 1,
  skipped: 0,
};

describe('a record says', () => {
  const gc = [{ begin: 1_050_000, end: 2_050_000 }];
  test.each<[MissCause, Partial<MissRecord>, { begin: number; end: number }[]]>([
    ['long-tick', {}, []],
    ['long-tick', { end: 3_010_000, cpuNs: 2_000_000 }, [{ begin: 5e6, end: 6e6 }]],
    ['gc', { end: 2_210_000, cpuNs: 1_200_000 }, gc],
    // Collected by other threads while this one waited for them.
    ['gc', { end: 2_210_000, cpuNs: 300_000 }, gc],
    ['preemption', { end: 2_410_000, preemptions: 1 }, []],
    ['page-fault', { end: 2_410_000, majorFaults: 1 }, []],
    ['page-fault', { end: 2_410_000, cpuNs: 1_400_000, minorFaults: 1200 }, []],
    ['late-wakeup', { begin: 2_010_000, end: 2_410_000 }, []],
    ['other-tick', { free: 2_000_000, begin: 2_010_000, end: 2_410_000 }, []],
    ['gc', { begin: 2_060_000, end: 2_460_000 }, gc],
  ])('%s of %j', (cause, change, collections) => {
    const miss = explainMiss('tick', 200_000, { ...fine, ...change }, collections);
    expect(miss.causes[0]).toBe(cause);
  });

  test('by how much, and what else took a tenth of the most', () => {
    const moved = { ...fine, cpuEnd: 2, begin: 1_110_000 };
    const miss = explainMiss('tick', 200_000, moved, []);
    expect(miss).toMatchObject({ task: 'tick', tick: 7, expectedUs: 1000, lateUs: 210 });
    expect(miss.causes).toEqual(['long-tick', 'late-wakeup', 'migration']);
    expect(miss.cpus).toEqual([1, 2]);
  });
});

test.each([
  ['collects', 'gc'],
  ['computes', 'long-tick'],
] as const)('what %s is late by %s in most cases', async (name, cause) => {
  await using rt = await RealtimeContext.start<typeof planted>({
    tasks: new URL('./fixtures/planted.mjs', import.meta.url),
    policy: RtConstraints.fifo(2),
    required: false,
  });
  // A deadline that nothing keeps: each tick is told.
  const late: Miss[] = [];
  const onMiss = (miss: Miss): void => void late.push(miss);
  const task = rt.periodic(name, { periodUs: 10_000, deadlineUs: 1, onMiss });
  await ticks(task, 101);
  await task.stop();
  const known = late.filter(({ tick }) => tick % 5 === 0);
  expect(known.length).toBe(20);
  const named = known.filter(({ causes }) => causes.includes(cause));
  expect(named.length).toBeGreaterThan(10);
});
