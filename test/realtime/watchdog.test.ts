// The safe state is reached, once, by a thread of its own, whatever happened to the one that ticked.
import { describe, expect, test } from 'vitest';
import type { PeriodicOptions, RealtimeContext, Trip } from 'moirai';
import { start, ticks, until, type Loops } from './threads.js';

const modes = ['exclusive', 'cooperative'] as const;
const never = 60_000_000;

class Watched {
  readonly memory = new SharedArrayBuffer(8 * 4001);
  readonly trips: Trip[] = [];
  readonly errors: unknown[] = [];

  /** How often the function was called. */
  get calls(): number {
    return new Float64Array(this.memory)[4000] ?? 0;
  }

  options(timeoutUs: number): PeriodicOptions<'toSafety'> {
    const onTrip = (trip: Trip): void => void this.trips.push(trip);
    return {
      periodUs: 1000,
      onError: (error) => this.errors.push(error),
      watchdog: { timeoutUs, safeState: 'toSafety', onTrip },
    };
  }

  async start(mode: (typeof modes)[number]): Promise<RealtimeContext<Loops>> {
    return start({ mode, workerData: this.memory });
  }
}

describe.each(modes)('%s', (mode) => {
  test('when a tick never returns, while the owner is busy', async () => {
    const watched = new Watched();
    const rt = await watched.start(mode);
    const task = rt.periodic('never', watched.options(20_000));
    await until(() => task.stats().ticks === 2 || watched.calls > 0);
    // The owner's thread does nothing but look at the memory.
    while (watched.calls === 0);
    await until(() => watched.trips.length === 1 && watched.errors.length === 1);
    expect(watched.trips).toMatchObject([{ why: 'silent' }]);
    expect(watched.errors).toMatchObject([{ code: 'ERR_MOIRAI_DEADLINE_MISSED' }]);
    expect(task.stats().state).toBe('failed');
    await rt.close();
    expect(watched.calls).toBe(1);
  });

  test('when the thread has died', async () => {
    const watched = new Watched();
    const rt = await watched.start(mode);
    rt.periodic('exitsAtTen', watched.options(500_000));
    rt.periodic('nothing', watched.options(500_000));
    await until(() => watched.trips.length === 2 && watched.errors.length === 2);
    expect(watched.trips).toMatchObject([{ why: 'lost' }, { why: 'lost' }]);
    const lost = { code: 'ERR_MOIRAI_WORKER_LOST' };
    expect(watched.errors).toMatchObject([lost, lost]);
    await rt.close();
    expect(watched.calls).toBe(2);
  });

  test('when the tick throws; what the safe state throws is told', async () => {
    const watched = new Watched();
    await using rt = await watched.start(mode);
    rt.periodic('throwsAtTen', watched.options(500_000));
    await until(() => watched.trips.length === 1 && watched.errors.length === 1);
    const broken = expect.objectContaining({ message: 'the brake is broken' }) as Error;
    expect(watched.trips).toMatchObject([{ why: 'threw', error: broken }]);
    expect(watched.errors[0]).toBeInstanceOf(RangeError);
  });

  test('not while it ticks, nor when it is stopped or closed', async () => {
    const watched = new Watched();
    const rt = await watched.start(mode);
    const task = rt.periodic('nothing', watched.options(never));
    await ticks(task, 20);
    await task.stop();
    // The slot's next task is watched anew.
    const next = rt.periodic('nothing', watched.options(never));
    await ticks(next, 20);
    await rt.close();
    expect([watched.calls, watched.trips, watched.errors]).toEqual([0, [], []]);
  });
});

test('a safe state that is not there is refused at once', async () => {
  await using rt = await start();
  const watchdog = { timeoutUs: 20_000, safeState: 'toSafty' as 'toSafety' };
  expect(() => rt.periodic('nothing', { periodUs: 1000, watchdog })).toThrow(
    expect.objectContaining({ code: 'ERR_MOIRAI_TASK_NOT_FOUND' }),
  );
  const short = { timeoutUs: 999, safeState: 'toSafety' } as const;
  expect(() => rt.periodic('nothing', { periodUs: 1000, watchdog: short })).toThrow(
    expect.objectContaining({ argument: 'options.watchdog.timeoutUs' }),
  );
});

test('closing at once leaves nothing behind', async () => {
  const watched = new Watched();
  const rt = await watched.start('exclusive');
  rt.periodic('nothing', watched.options(never));
  await rt.close();
  expect([watched.calls, watched.errors]).toEqual([0, []]);
});
