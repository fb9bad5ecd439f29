// Releases follow an outside clock, of which the tick or the owner tells them. The clock is a calculation
// from CLOCK_MONOTONIC, so that what is asserted does not depend on when anything ran.
import { describe, expect, test } from 'vitest';
import { RealtimeContext, RtConstraints, type PeriodicTask } from 'moirai';
import type * as following from './fixtures/following.mjs';
import { start, until } from './threads.js';

const periodUs = 1000;

class Clock {
  readonly memory = new SharedArrayBuffer(3 * 8);
  readonly #numbers = new Float64Array(this.memory);

  constructor(ppm: number, beginUs: number) {
    this.#numbers.set([ppm, beginUs]);
  }

  /** When the last tick was due; 0: there was none. */
  get lastUs(): number {
    return this.#numbers[2] ?? 0;
  }

  /** How late that was against the clock's beat. */
  get lateUs(): number {
    const [ppm = 0, beginUs = 0] = this.#numbers;
    const period = periodUs * (1 + ppm * 1e-6);
    const rest = (this.lastUs - beginUs) % period;
    return rest > period / 2 ? rest - period : rest;
  }

  start(mode: 'exclusive' | 'cooperative'): Promise<RealtimeContext<typeof following>> {
    return RealtimeContext.start<typeof following>({
      tasks: new URL('./fixtures/following.mjs', import.meta.url),
      policy: RtConstraints.fifo(2),
      required: false,
      workerData: this.memory,
      mode,
    });
  }
}

/** Locked, and with the rate learned. */
const settled = (task: PeriodicTask, ppm: number) => (): boolean => {
  const lock = task.stats().phaseLock;
  return lock !== undefined && lock.locked && Math.abs(lock.driftPpm - ppm) < 2;
};

describe.each(['exclusive', 'cooperative'] as const)('%s', (mode) => {
  test.each([200, -200])('the tick tells of a clock that is slower by %i ppm', async (ppm) => {
    const clock = new Clock(ppm, 377.25);
    await using rt = await clock.start(mode);
    const task = rt.periodic('measures', { periodUs, phaseLock: {} });
    await until(settled(task, ppm));
    expect(Math.abs(clock.lateUs)).toBeLessThan(20);
    await task.stop();
    const { phaseLock, ticks } = task.stats();
    expect(phaseLock?.measurements).toBe(ticks);
  });
});

test('the owner tells, seldom and late', async () => {
  const clock = new Clock(120, 811);
  await using rt = await clock.start('exclusive');
  const task = rt.periodic('tells', { periodUs, phaseLock: { settleTicks: 8 } });
  await until(() => {
    if (clock.lastUs > 0) task.adjust(clock.lateUs);
    return task.stats().phaseLock?.locked === true;
  });
  await task.stop();
  task.adjust(5); // nobody listens any more
});

test('without the option the grid stays, whatever the tick says', async () => {
  const clock = new Clock(200, 300);
  await using rt = await clock.start('exclusive');
  const task = rt.periodic('measures', { periodUs, phaseUs: 125 });
  await until(() => task.stats().ticks > 50);
  await task.stop();
  expect(clock.lastUs % periodUs).toBe(125);
  expect(task.stats().phaseLock).toBeUndefined();
});

test('admission counts with the shortest period that the lock may make', async () => {
  await using rt = await start();
  const options = { periodUs, deadlineUs: 2000, wcetUs: 900 };
  const adapted = { ...options, phaseLock: { maxStepUs: 200 } };
  expect(() => rt.periodic('nothing', adapted)).toThrow(
    expect.objectContaining({ code: 'ERR_MOIRAI_NOT_SCHEDULABLE' }),
  );
  await rt.periodic('nothing', options).stop();
});

test('what makes no sense is named', async () => {
  await using rt = await start();
  const wrong: readonly [string, object][] = [
    ['settleTicks', { settleTicks: 1 }],
    ['maxStepUs', { maxStepUs: 500 }],
    ['maxDriftPpm', { maxDriftPpm: 0 }],
    ['toleranceUs', { toleranceUs: '1' }],
    ['settle', { settle: 3 }],
  ];
  for (const [name, phaseLock] of wrong) {
    const argument = `options.phaseLock.${name}`;
    expect(() => rt.periodic('nothing', { periodUs, phaseLock })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument }),
    );
  }
  const task = rt.periodic('nothing', { periodUs, phaseLock: {} });
  expect(() => task.adjust(Number.NaN)).toThrow(expect.objectContaining({ argument: 'lateUs' }));
  await task.stop();
});
