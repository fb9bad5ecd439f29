import { describe, expect, test } from 'vitest';
import { schedulability, type SchedulingPolicy, type TaskModel } from 'moirai';
import { worstResponses } from './simulated.js';

const code = 'ERR_MOIRAI_INVALID_ARGUMENT';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
console.log(`schedulability: SEED=${seed}`);

/** Mulberry32. */
function random(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const set = (...times: number[][]): TaskModel[] =>
  times.map(([wcetUs = 0, periodUs = 0, deadlineUs = periodUs], i) => ({
    name: String.fromCodePoint(97 + i),
    wcetUs,
    periodUs,
    deadlineUs,
  }));

describe('published examples', () => {
  test('A. Burns, A. Wellings, Real-Time Systems and Programming Languages, response times 3, 6, 20', () => {
    const found = schedulability(set([3, 7], [3, 12], [5, 20]), 'rate-monotonic');
    expect(found.responseTimes).toEqual([3, 6, 20]);
    expect(found.schedulable).toBe(true);
    expect(found.utilization).toBeGreaterThan(found.bound); // the bound alone cannot tell
    expect(found.reason).toContain("'c' has the least room: 0 of 20 us");
  });

  test('J. Lehoczky, RTSS 1990: jobs of one task overlap, the fifth is the slowest', () => {
    const found = schedulability(set([26, 70], [62, 100, 118]), 'rate-monotonic');
    expect(found.responseTimes).toEqual([26, 118]);
    expect(found.schedulable).toBe(true);
    const stricter = schedulability(set([26, 70], [62, 100, 117]), 'rate-monotonic');
    expect(stricter.schedulable).toBe(false);
    expect(stricter.reason).toContain("'b' needs up to 118 us, 1 more than its deadline");
  });

  test('R. Davis et al., Real-Time Systems 35 (2007): the second message misses, the first does not', () => {
    const messages = set([1, 2.5], [1, 3.5, 3.25], [1, 3.5, 3.25]);
    const found = schedulability(messages, 'deadline-monotonic', { preemptive: false });
    // What blocks has begun at least a nanosecond before.
    expect(found.responseTimes).toEqual([1.999, 2.999, 3.5]);
    expect(found.schedulable).toBe(false);
  });

  test('G. Buttazzo, Hard Real-Time Computing Systems: processor demand equals the interval at 16', () => {
    const found = schedulability(set([2, 6, 4], [2, 8, 5], [3, 9, 7]), 'deadline');
    expect(found.schedulable).toBe(true);
    const more = schedulability(set([2, 6, 4], [2, 8, 5], [3.001, 9, 7]), 'deadline');
    expect(more.schedulable).toBe(false);
    expect(more.reason).toContain('due within');
  });

  test('C. Liu, J. Layland, JACM 20 (1973): the bound, and E. Bini et al. (2003): a less strict one', () => {
    expect(schedulability(set([1, 2]), 'rate-monotonic').bound).toBe(1);
    expect(schedulability(set([1, 4], [1, 5]), 'rate-monotonic').bound).toBeCloseTo(0.828, 3);
    const between = schedulability(set([1, 4], [3, 5]), 'rate-monotonic');
    expect(between.utilization).toBeGreaterThan(between.bound);
    expect(between.hyperbolic).toBe(true);
    expect(between.schedulable).toBe(true);
  });
});

describe('blocking and release jitter', () => {
  test('count in the response', () => {
    const tasks: TaskModel[] = [
      { name: 'high', wcetUs: 2, periodUs: 10, blockingUs: 3 },
      { name: 'low', wcetUs: 4, periodUs: 20, jitterUs: 5 },
    ];
    // low: its own 4, 2 of the one job of high meanwhile, and 5 late.
    expect(schedulability(tasks, 'rate-monotonic').responseTimes).toEqual([5, 11]);
    const late = tasks.map((task) => ({ ...task, jitterUs: 5 }));
    // A jitter of 5 brings the second job of `high` to 5 after the first.
    expect(schedulability(late, 'rate-monotonic').responseTimes).toEqual([10, 13]);
  });

  test('a task that is ready only after its deadline misses it', () => {
    const tasks = [{ name: 'a', wcetUs: 1, periodUs: 10, deadlineUs: 3, jitterUs: 4 }];
    for (const policy of ['rate-monotonic', 'deadline'] as const) {
      expect(schedulability(tasks, policy).schedulable).toBe(false);
    }
  });
});

describe('what cannot be', () => {
  test.each(['rate-monotonic', 'deadline-monotonic', 'deadline'] as const)(
    'more than one CPU: %s',
    (policy) => {
      const found = schedulability(set([3, 4], [3, 8]), policy);
      expect(found.schedulable).toBe(false);
      expect(found.responseTimes).toContain(Infinity);
      expect(found.reason).toContain('more than one CPU');
    },
  );

  test('all of a CPU, exactly, works by deadline and not by rate', () => {
    const tasks = set([2, 5], [3, 5], [0.5, 7]).slice(0, 2);
    expect(schedulability(tasks, 'deadline')).toMatchObject({ schedulable: true, utilization: 1 });
    const harder = set([2, 4], [3, 6]);
    expect(schedulability(harder, 'deadline').schedulable).toBe(true);
    expect(schedulability(harder, 'rate-monotonic').schedulable).toBe(false);
  });

  test('periods without a common multiple in reach are not followed for ever', () => {
    const tasks = set([499_999.999, 999_999.937], [499_999.998, 999_999.999]);
    const { schedulable, responseTimes } = schedulability(tasks, 'deadline');
    expect(typeof schedulable).toBe('boolean');
    expect(responseTimes).toHaveLength(2);
  });
});

describe('arguments', () => {
  test.each([
    ['no tasks', []],
    ['no array', 'tasks'],
    ['a name twice', [...set([1, 2]), ...set([1, 2])]],
    ['a period of 0', set([1, 0])],
    ['a negative time', set([-1, 5])],
    ['no number', [{ name: 'a', wcetUs: '1', periodUs: 2 }]],
    ['not finite', set([1, Infinity])],
    ['misspelt', [{ name: 'a', wcetUs: 1, periodUs: 2, deadline: 2 }]],
  ])('%s is refused', (_, tasks) => {
    expect(() => schedulability(tasks as TaskModel[], 'deadline')).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test('an unknown policy is refused', () => {
    const policy = 'fifo' as SchedulingPolicy;
    expect(() => schedulability(set([1, 2]), policy)).toThrow(expect.objectContaining({ code }));
  });
});

/** Whole nanoseconds, so that a simulator can step through them. */
function randomSet(next: () => number, tasks: number, longest: number): TaskModel[] {
  return Array.from({ length: tasks }, (_, i) => {
    const period = 2 + Math.floor(next() * (longest - 1));
    const wcet = 1 + Math.floor(next() * Math.max(1, period / tasks + 1));
    const deadline = wcet + Math.floor(next() * period * 1.5);
    return {
      name: `${i}`,
      wcetUs: wcet / 1000,
      periodUs: period / 1000,
      deadlineUs: deadline / 1000,
    };
  });
}

describe('against a simulation of every nanosecond and every phase', () => {
  test.each([
    ['deadline-monotonic', true, 2500],
    ['rate-monotonic', false, 2500],
    ['deadline', true, 2500],
    ['deadline', false, 2500],
  ] as const)('%s, preemptive: %s, %d random sets', (policy, preemptive, sets) => {
    const next = random(seed);
    let schedulable = 0;
    for (let i = 0; i < sets; i++) {
      const tasks = randomSet(next, 2 + Math.floor(next() * 2), 7);
      const found = schedulability(tasks, policy, { preemptive });
      const worst = worstResponses(tasks, policy, preemptive);
      const context = JSON.stringify({ seed, tasks });
      expect(
        [...found.responseTimes].map((us) => Math.round(us * 1000)),
        context,
      ).toEqual(worst);
      const met = tasks.every(({ deadlineUs = 0 }, k) => (worst[k] as number) <= deadlineUs * 1000);
      expect(found.schedulable, context).toBe(met);
      if (met) schedulable++;
    }
    // The sets are of both kinds, or nothing would be shown.
    expect(schedulable).toBeGreaterThan(sets / 20);
    expect(schedulable).toBeLessThan((sets * 19) / 20);
  });

  test.each([
    ['rate-monotonic', true, 400],
    ['deadline-monotonic', false, 400],
    ['deadline', true, 400],
    ['deadline', false, 400],
  ] as const)('%s, preemptive: %s, below others: %d random sets', (policy, preemptive, sets) => {
    const next = random(seed + 1);
    let schedulable = 0;
    for (let i = 0; i < sets; i++) {
      const all = randomSet(next, 3, 6);
      const tasks = all.slice(1);
      const above = all.slice(0, 1);
      const found = schedulability(tasks, policy, { preemptive, above });
      const worst = worstResponses(tasks, policy, preemptive, above);
      const context = JSON.stringify({ seed, tasks, above });
      expect(
        [...found.responseTimes].map((us) => Math.round(us * 1000)),
        context,
      ).toEqual(worst);
      const met = tasks.every(({ deadlineUs = 0 }, k) => (worst[k] as number) <= deadlineUs * 1000);
      expect(found.schedulable, context).toBe(met);
      if (met) schedulable++;
    }
    expect(schedulable).toBeGreaterThan(sets / 20);
    expect(schedulable).toBeLessThan((sets * 19) / 20);
  });
});
