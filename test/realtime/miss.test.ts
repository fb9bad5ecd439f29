// Where the time of a late tick went: worked out of records, and seen of causes that were planted.
import { describe, expect, test } from 'vitest';
import { RealtimeContext, RtConstraints, type Miss, type MissCause } from 'moirai';
import fc from 'fast-check';
import { explainMiss, type Evidence, type MissRecord } from '../../dist/realtime/miss.js';
import { runs } from '../properties.js';
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
  waits: 0,
  loopEnd: 0,
  windowCpuNs: 405_000,
  cpuBefore: 1,
  cpuEnd: 1,
  skipped: 0,
};

const none: Evidence = {
  collections: [],
  limit: undefined,
  faultNs: 700,
  heldByQuota: () => 0,
};
const usual = { wakeupNs: 10_000, computeNs: 350_000 };
const budget = { cause: 'budget', runtimeNs: 400_000, periodNs: 1_000_000 } as const;

describe('a record says', () => {
  const gc = { collections: [{ begin: 1_050_000, end: 2_050_000 }] };
  const long = { end: 2_410_000 };
  test.each<[MissCause, Partial<MissRecord>, Partial<Evidence>]>([
    ['long-tick', {}, {}],
    [
      'long-tick',
      { end: 3_010_000, cpuNs: 2_000_000 },
      { collections: [{ begin: 5e6, end: 6e6 }] },
    ],
    ['gc', { end: 2_210_000, cpuNs: 1_200_000 }, gc],
    // Collected by other threads while this one waited for them.
    ['gc', { end: 2_210_000, cpuNs: 300_000, waits: 3 }, gc],
    // Preempted in the middle of a collection.
    ['preemption', { end: 2_210_000, cpuNs: 300_000, preemptions: 1 }, gc],
    ['gc', { begin: 2_060_000, end: 2_460_000 }, gc],
    ['preemption', { ...long, preemptions: 1 }, {}],
    ['preemption', { ...long, preemptions: 3, cpuEnd: 2 }, {}],
    ['blocked', { ...long, waits: 1 }, {}],
    ['unexplained', long, {}],
    ['page-fault', { ...long, majorFaults: 1, waits: 1 }, {}],
    ['page-fault', { ...long, cpuNs: 1_400_000, minorFaults: 1200 }, {}],
    ['long-tick', { ...long, cpuNs: 1_400_000, minorFaults: 12 }, {}],
    ['migration', { end: 1_810_000, preemptions: 1, cpuNs: 500_000, cpuEnd: 2 }, {}],
    ['migration', { end: 1_810_000, cpuNs: 800_000, cpuEnd: 2 }, {}],
    ['late-wakeup', { begin: 2_010_000, end: 2_410_000 }, {}],
    ['other-tick', { free: 2_000_000, begin: 2_010_000, end: 2_410_000 }, {}],
    ['event-loop', { loopEnd: 2_000_000, begin: 2_010_000, end: 2_410_000 }, {}],
    ['budget', { ...long, preemptions: 1 }, { limit: budget }],
    ['budget', { begin: 2_010_000, end: 2_410_000 }, { limit: budget }],
    // Of the limit much was left.
    ['preemption', { ...long, preemptions: 1, windowCpuNs: 300_000 }, { limit: budget }],
    ['throttling', { ...long, preemptions: 1 }, { limit: { ...budget, cause: 'throttling' } }],
    ['throttling', { ...long, preemptions: 1 }, { heldByQuota: () => 900_000 }],
    ['preemption', { ...long, preemptions: 1 }, { heldByQuota: () => 100_000 }],
  ])('%s of %j', (cause, change, evidence) => {
    const record = { ...fine, ...change };
    const miss = explainMiss('tick', 500_000, usual, record, { ...none, ...evidence });
    expect(miss.causes[0]).toBe(cause);
  });

  test('by how much, and what else took a tenth of the most', () => {
    const moved = { ...fine, cpuEnd: 2, begin: 1_110_000, end: 1_510_000 };
    const miss = explainMiss('tick', 200_000, usual, moved, none);
    expect(miss).toMatchObject({ task: 'tick', tick: 7, expectedUs: 1000, lateUs: 310 });
    // What it always computes is too long already: then that is the reason.
    expect(miss.partsUs).toEqual({ 'long-tick': 150, 'late-wakeup': 110, migration: 50 });
    expect(miss.cpus).toEqual([1, 2]);
    const quick = explainMiss('tick', 500_000, usual, moved, none);
    expect(quick.partsUs).toEqual({ 'late-wakeup': 100, migration: 50 });
    expect(quick.causes).toEqual(['late-wakeup', 'migration']);
  });

  test('nothing of a response is lost or counted twice', () => {
    const time = fc.integer({ min: 0, max: 3_000_000 });
    const count = fc.integer({ min: 0, max: 3 });
    const property = fc.property(
      fc.tuple(time, time, time, time, time, time, time),
      fc.tuple(count, count, count, count),
      fc.array(fc.tuple(time, time), { maxLength: 4 }),
      fc.tuple(fc.boolean(), time, time),
      (
        [wait, other, tick, cpuNs, turn, computeNs, windowCpuNs],
        counts,
        pauses,
        [limited, held, gap],
      ) => {
        const wakeupNs = 100_000;
        const [minorFaults, majorFaults, preemptions, waits] = counts;
        const begin = fine.release + other + wait;
        // One after the other, as collections are.
        let at = gap;
        const collections = pauses.map(([after, length]) => {
          const from = at + after;
          at = from + length;
          return { begin: from, end: at };
        });
        const record: MissRecord = {
          ...fine,
          free: fine.release + other,
          begin,
          end: begin + tick,
          cpuNs: Math.min(cpuNs, tick),
          loopEnd: turn,
          windowCpuNs,
          minorFaults,
          majorFaults,
          preemptions,
          waits,
          cpuEnd: counts[0] === 1 ? 2 : 1,
        };
        const limit = limited ? budget : undefined;
        const evidence = { ...none, collections, limit, heldByQuota: () => held };
        const { partsUs } = explainMiss(
          'tick',
          4_000_000,
          { wakeupNs, computeNs },
          record,
          evidence,
        );
        const sum = Object.values(partsUs).reduce((all, us) => all + us * 1000, 0);
        const response = record.end - record.release;
        expect(sum).toBeLessThanOrEqual(response + 1);
        expect(sum).toBeGreaterThanOrEqual(response - computeNs - wakeupNs - 1);
      },
    );
    fc.assert(property, { numRuns: runs(500) });
  });
});

test.each([
  ['collects', 'gc'],
  ['computes', 'long-tick'],
] as const)('what %s has %s among its parts', async (name, cause) => {
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
  // Not what took most: others may want this CPU, too.
  const named = known.filter(({ partsUs }) => (partsUs[cause] ?? 0) > 0);
  expect(named.length).toBeGreaterThan(10);
});
