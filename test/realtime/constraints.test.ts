// Descriptions of policies and tasks: checked when they are made, and never changed afterwards.
import { describe, expect, test } from 'vitest';
import { RtConstraints, schedulability, TaskContext } from 'moirai';

const refused = (argument: string): unknown =>
  expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument });

describe('RtConstraints', () => {
  test('hold what was given, frozen', () => {
    const all = [
      RtConstraints.fifo(80),
      RtConstraints.roundRobin(5000, 10),
      RtConstraints.deadline({ runtimeUs: 200, periodUs: 1000 }),
      RtConstraints.rateMonotonic(1000),
    ];
    expect(all).toMatchObject([
      { policy: 'fifo', priority: 80 },
      { policy: 'round-robin', timeSliceUs: 5000, priority: 10 },
      { policy: 'deadline', runtimeUs: 200, deadlineUs: 1000, periodUs: 1000 },
      { policy: 'rate-monotonic', periodUs: 1000 },
    ]);
    expect(all.every((one) => Object.isFrozen(one))).toBe(true);
  });

  test.each<[string, () => unknown]>([
    ['priority', () => RtConstraints.fifo(0)],
    ['priority', () => RtConstraints.fifo(100)],
    ['priority', () => RtConstraints.fifo('80' as never)],
    ['timeSliceUs', () => RtConstraints.roundRobin(0, 1)],
    ['priority', () => RtConstraints.roundRobin(1000, 1.5)],
    ['times', () => RtConstraints.deadline(undefined as never)],
    ['times.periodUs', () => RtConstraints.deadline({ runtimeUs: 10, periodUs: 99 })],
    ['times.runtimeUs', () => RtConstraints.deadline({ runtimeUs: 1001, periodUs: 1000 })],
    [
      'times.deadlineUs',
      () => RtConstraints.deadline({ runtimeUs: 1, deadlineUs: 2000, periodUs: 1000 }),
    ],
    ['times.period', () => RtConstraints.deadline({ runtimeUs: 1, period: 1000 } as never)],
    ['periodUs', () => RtConstraints.rateMonotonic(Number.NaN)],
  ])('refuse a wrong %s', (argument, make) => {
    expect(make).toThrow(refused(argument));
  });

  test('rate monotonic priorities fall with the period and stay below what watches over them', () => {
    const priorities = [50, 100, 250, 1000, 5000, 1e5, 1e7, 1e9].map(
      (periodUs) => RtConstraints.rateMonotonic(periodUs).priority,
    );
    expect(priorities).toEqual(priorities.toSorted((a, b) => b - a));
    expect(new Set(priorities).size).toBe(6);
    expect([priorities[0], priorities.at(-1)]).toEqual([90, 2]);
  });
});

describe('TaskContext', () => {
  const speed = new TaskContext('speed').withPeriod(1_000_000, 150_000);

  test('collects constraints, each link a new one', () => {
    const tight = speed.withDeadline(800_000).withRtConstraints(RtConstraints.fifo(80));
    expect(tight).toMatchObject({ id: 'speed', deadlineNs: 800_000, wcetNs: 150_000 });
    expect(tight.constraints).toEqual(RtConstraints.fifo(80));
    expect(tight.utilization).toBe(0.15);
    expect(speed.deadlineNs).toBe(1_000_000);
    expect(speed.constraints).toBeUndefined();
    // A deadline of its own stays when the period changes.
    expect(tight.withPeriod(2_000_000, 100_000).deadlineNs).toBe(800_000);
    expect(speed.withPeriod(2_000_000).deadlineNs).toBe(2_000_000);
  });

  test('tells whether a job is in time, to the nanosecond', () => {
    const tight = speed.withDeadline(800_000);
    expect([tight.meetsDeadline(800_000), tight.meetsDeadline(800_001)]).toEqual([true, false]);
    expect(new TaskContext('free').meetsDeadline(1e15)).toBe(true);
  });

  test('is a task of the analysis', () => {
    const verdict = schedulability([speed.withDeadline(800_000).model], 'rate-monotonic');
    expect(verdict).toMatchObject({ schedulable: true, utilization: 0.15, responseTimes: [150] });
    expect(() => new TaskContext('bare').model).toThrow(refused('model'));
  });

  test.each<[string, () => unknown]>([
    ['id', () => new TaskContext('')],
    ['id', () => new TaskContext(7 as never)],
    ['deadlineNs', () => speed.withDeadline(149_999)],
    ['deadlineNs', () => speed.withDeadline(0.5)],
    ['periodNs', () => speed.withPeriod(0)],
    ['wcetNs', () => speed.withPeriod(1000, 1001)],
    ['wcetNs', () => speed.withDeadline(200_000).withPeriod(1_000_000, 200_001)],
    ['constraints', () => speed.withRtConstraints({ policy: 'idle' } as never)],
    ['constraints', () => speed.withRtConstraints({ policy: 'fifo', priority: 1 })],
  ])('refuses a wrong %s', (argument, make) => {
    expect(make).toThrow(refused(argument));
  });
});
