// C functions as ticks: what JavaScript's ticks promise holds for them, and what it does on its threads does
// not delay them. Counts, never times.
import { execFile, fork } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  affinity,
  createChannel,
  f64,
  RealtimeContext,
  RtConstraints,
  struct,
  utf8,
  type NativePeriodicOptions,
  type RealtimeEvent,
} from 'moirai';
import type * as collecting from './fixtures/collecting.mjs';
import { NativeAddon, type Ticks } from './native-addon.js';
import { deadlineGranted, granted, policies, reportOf, start, ticks, until } from './threads.js';

const hanging = fileURLToPath(new URL('fixtures/hangs.mjs', import.meta.url));

let addon: NativeAddon;
let c: Ticks;
beforeAll(() => {
  addon = new NativeAddon();
  c = addon.load();
});
afterAll(() => addon.remove());

const shared = (numbers: number): BigInt64Array<SharedArrayBuffer> =>
  new BigInt64Array(new SharedArrayBuffer(numbers * 8));

describe('a native tick', () => {
  test('comes at each release, and its figures are its own', async () => {
    await using rt = await start();
    const memory = shared(3);
    const task = rt.nativePeriodic(c.count, { periodUs: 1000, phaseUs: 250, memory });
    const other = rt.periodic('nothing', { periodUs: 1000 });
    await ticks(task, 100);
    await ticks(other, 10);
    await task.stop();
    const { state, ticks: count, wakeup, execution, period } = task.stats();
    expect([state, task.name]).toEqual(['stopped', 'count']);
    expect([wakeup.count, execution.count, period.count]).toEqual([count, count, count - 1]);
    expect([memory[0], memory[1]]).toEqual([BigInt(count), 0n]);
    expect(Number(memory[2]) % 1000).toBe(250);
    expect(other.stats().state).toBe('running');
    // The slot and the thread are used again.
    const next = rt.nativePeriodic(c.count, { periodUs: 20_000, memory: shared(3) });
    await ticks(next, 2);
    expect(task.stats().ticks).toBe(count);
  });

  test('goes on in full collections of its context, and while its owner is blocked', async () => {
    setFlagsFromString('--expose-gc'); // in isolates to come
    const memory = shared(5);
    await using rt = await RealtimeContext.start<typeof collecting>({
      tasks: new URL('./fixtures/collecting.mjs', import.meta.url),
      policy: RtConstraints.fifo(2),
      youngGenerationMb: 16,
      required: false,
      workerData: memory.buffer,
    });
    const task = rt.nativePeriodic(c.count, { periodUs: 500, memory: memory.subarray(2) });
    const collects = rt.periodic('collect', { periodUs: 50_000 });
    await ticks(collects, 1);
    const before = Number(Atomics.load(memory, 2));
    const words = new Int32Array(memory.buffer);
    // This thread does nothing else: no timer, no message, no promise goes on.
    for (let seen = words[0] ?? 0; seen < 20; seen = Atomics.load(words, 0)) {
      Atomics.wait(words, 0, seen, 1000);
    }
    const [collections = 0n, during = 0n, now = 0n, errors] = memory;
    // On the isolate's own thread it would be none.
    expect(Number(during)).toBeGreaterThan(Number(collections));
    expect(Number(now) - before).toBeGreaterThan(Number(during) / 2);
    expect(errors).toBe(0n);
    await Promise.all([task.stop(), collects.stop()]);
    expect(task.stats().causes.gc).toBeUndefined();
  });

  test('receives set points and sends what it sees, also to who waits', async () => {
    await using rt = await start();
    const wanted = createChannel({ kind: 'spsc', codec: f64(), capacity: 16 });
    const codec = struct({ setPoint: 'f64', number: 'u32', left: 'i32' });
    const seen = createChannel({ kind: 'spsc', codec, capacity: 16 });
    let error: unknown;
    const task = rt.nativePeriodic(c.follow, {
      periodUs: 1000,
      channels: [wanted.receiver, seen.sender],
      onError: (reason) => (error = reason),
    });
    expect([wanted.receiver.isClosed, seen.sender.isClosed]).toEqual([true, true]);
    let last = 0;
    for (let i = 0; i < 50; i++) {
      await wanted.sender.send(i / 4);
      const { setPoint, number } = await seen.receiver.receive();
      expect(setPoint).toBe(i / 4);
      expect(number).toBeGreaterThan(last);
      last = number;
    }
    // The tick hears that nobody sends any more, and ends its task; so does the other channel.
    wanted.sender.close();
    await until(() => error !== undefined);
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_TICK_FAILED', value: -2 });
    await expect(seen.receiver.receive()).rejects.toMatchObject({
      code: 'ERR_MOIRAI_DISCONNECTED',
    });
    expect(task.stats().state).toBe('failed');
  });

  test('that ends its task says with what, and ends no other', async () => {
    await using rt = await start();
    const other = rt.nativePeriodic(c.count, { periodUs: 1000, memory: shared(3) });
    let error: unknown;
    const task = rt.nativePeriodic(c.failsAtTen, {
      periodUs: 1000,
      onError: (reason) => (error = reason),
    });
    await until(() => error !== undefined);
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_TICK_FAILED', value: -5 });
    expect(task.stats()).toMatchObject({ state: 'failed', ticks: 10 });
    await ticks(other, other.stats().ticks + 5);
  });

  test('that names no channel, a wrong direction or size is told so', async () => {
    await using rt = await start();
    const { sender, receiver } = createChannel({ kind: 'spsc', codec: f64(), capacity: 4 });
    const error = await new Promise<unknown>((resolve) => {
      rt.nativePeriodic(c.misuse, { periodUs: 1000, channels: [receiver], onError: resolve });
    });
    expect(error).toMatchObject({ value: 42 });
    sender.close();
  });

  test('overruns, bounds and misses are as of others', async () => {
    await using rt = await start();
    const errors: unknown[] = [];
    const onError = (error: unknown): void => void errors.push(error);
    const late: number[] = [];
    const skips = rt.nativePeriodic(c.long, {
      periodUs: 1000,
      onMiss: ({ lateUs }) => late.push(lateUs),
    });
    await ticks(skips, 10);
    await skips.stop();
    const { skipped, overruns, misses, causes, lastMisses } = skips.stats();
    expect(overruns).toBeGreaterThanOrEqual(10);
    expect([skipped >= 10, misses >= 10, late.length]).toEqual([true, true, misses]);
    expect(causes['long-tick']).toBeGreaterThan(0);
    expect(lastMisses.at(-1)?.task).toBe('long');
    rt.nativePeriodic(c.long, { periodUs: 1000, onOverrun: 'stop', onError });
    await until(() => errors.length === 1);
    rt.nativePeriodic(c.long, {
      periodUs: 10_000,
      deadlineUs: 1000,
      maxMisses: { m: 1, k: 2 },
      onError,
    });
    await until(() => errors.length === 2);
    const missed = { code: 'ERR_MOIRAI_DEADLINE_MISSED' };
    expect(errors).toMatchObject([missed, missed]);
  });

  test('follows an outside clock', async () => {
    await using rt = await start();
    const memory = new Float64Array(new SharedArrayBuffer(24));
    memory.set([-150, 421.5]);
    const task = rt.nativePeriodic(c.measures, { periodUs: 1000, memory, phaseLock: {} });
    await until(() => {
      const lock = task.stats().phaseLock;
      return lock !== undefined && lock.locked && Math.abs(lock.driftPpm + 150) < 2;
    });
    await task.stop();
    expect(Math.abs(memory[2] ?? Infinity)).toBeLessThan(20_000);
  });

  test('that does not return is left to its watchdog, and closing does not wait for ever', async () => {
    const memory = shared(1);
    const calls = new SharedArrayBuffer(8 * 4001);
    const rt = await start({ workerData: calls });
    const errors: unknown[] = [];
    const task = rt.nativePeriodic(c.hangs, {
      periodUs: 1000,
      memory,
      onError: (error) => errors.push(error),
      watchdog: { timeoutUs: 50_000, safeState: 'toSafety' },
    });
    await until(() => errors.length === 1);
    expect(errors).toMatchObject([{ code: 'ERR_MOIRAI_DEADLINE_MISSED' }]);
    expect(new Float64Array(calls)[4000]).toBe(1);
    await rt.close();
    expect(task.stats()).toMatchObject({ state: 'failed', ticks: 2 });
    Atomics.store(memory, 0, 1n); // it returns, and its thread ends
    await until(() => ![...policies().values()].some(({ priority }) => priority === 3));
    expect(task.stats().ticks).toBe(2);
  });

  test('that never returns does not lose its memory', async () => {
    const program = fileURLToPath(new URL('fixtures/left-alone.mjs', import.meta.url));
    const words = ['--expose-gc', program, addon.path];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    expect(JSON.parse(stdout)).toEqual({ state: 'stopped', kept: true });
  });

  test('tells of its safe state on the diagnostics channel', async () => {
    const heard: RealtimeEvent[] = [];
    const listen = (event: unknown): void => void heard.push(event as RealtimeEvent);
    subscribe('moirai:realtime', listen);
    try {
      await using rt = await start({ workerData: new SharedArrayBuffer(8 * 4001) });
      rt.nativePeriodic(c.failsAtTen, {
        periodUs: 1000,
        onError: () => undefined,
        watchdog: { timeoutUs: 500_000, safeState: 'toSafety' },
      });
      await until(() => heard.length === 2);
    } finally {
      unsubscribe('moirai:realtime', listen);
    }
    const told = heard.find(({ type }) => type === 'safe-state');
    expect(told).toMatchObject({ task: 'failsAtTen', trip: { why: 'threw' } });
  });

  test('watched and stopped, or closed at once, leaves nothing behind', async () => {
    const rt = await start({ workerData: new SharedArrayBuffer(8 * 4001) });
    const watchdog = { timeoutUs: 60_000_000, safeState: 'toSafety' } as const;
    const { sender, receiver } = createChannel({ kind: 'spsc', codec: f64(), capacity: 4 });
    const task = rt.nativePeriodic(c.count, { periodUs: 1000, memory: shared(3), watchdog });
    await ticks(task, 5);
    await task.stop();
    const next = rt.nativePeriodic(c.follow, { periodUs: 1000, channels: [receiver], watchdog });
    await rt.close();
    expect([task.stats().state, next.stats().state]).toEqual(['stopped', 'stopped']);
    expect(() => sender.trySend(1)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_DISCONNECTED' }),
    );
  });
});

// The thread that waits for it would never end.
test.each([
  ['open', 'end with its Worker', 'worker'],
  ['closed', 'end with its Worker', 'worker'],
  ['closed', 'end with its process', 'end'],
  ['closed', 'end by process.exit', 'exit'],
])('a context with a tick that does not return, %s, can %s', async (closing, _, ending) => {
  const child = fork(hanging, [addon.path, closing, ending]);
  try {
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

describe('admission on one CPU', () => {
  const cpu = affinity.get().at(-1) ?? 0;
  const native = { periodUs: 10_000, wcetUs: 4000 };
  const script = { periodUs: 20_000, wcetUs: 9000, deadlineUs: 16_000 };
  const orders = [RtConstraints.fifo(2), RtConstraints.rateMonotonic(10_000)];

  // 9 ms of its own and 4 of each of two native ticks: 17 of 16.
  test.each(orders)('$policy: what each thread can keep by itself', async (policy) => {
    // Each admits its own.
    await using one = await start({ policy, cpu });
    one.nativePeriodic(c.count, { ...native, memory: shared(3) });
    await using other = await start({ policy, cpu });
    other.periodic('nothing', script);
    await using rt = await start({ policy, cpu });
    const first = rt.nativePeriodic(c.count, { ...native, memory: shared(3) });
    const refused = reportOf(() => rt.periodic('nothing', script));
    const known = { blockingUs: 0, jitterUs: 0 };
    const above = { name: 'count (0)', ...native, deadlineUs: 10_000, ...known };
    expect(refused.above).toEqual([above]);
    const late = { ...script, ...known, responseUs: 17_000, lateUs: 1000 };
    expect(refused.tasks).toEqual([{ name: 'nothing', ...late }]);
    expect(refused.utilization).toBeCloseTo(0.85, 5);
    await first.stop();

    // The other way round: who is there already would be late.
    rt.periodic('nothing', script);
    const later = reportOf(() => rt.nativePeriodic(c.failsAtTen, native));
    expect(later.above).toEqual([{ ...above, name: 'failsAtTen' }]);
    expect(later.tasks).toEqual([{ name: 'nothing (0)', ...late }]);
    const shorter = rt.nativePeriodic(c.count, { ...native, wcetUs: 3500, memory: shared(3) });
    expect(shorter.stats().state).toBe('running');
    // The native thread by itself is not delayed by JavaScript.
    const alone = reportOf(() => rt.nativePeriodic(c.failsAtTen, { ...native, wcetUs: 7000 }));
    expect(alone.above).toEqual([]);
    expect(alone.tasks.map(({ name }) => name)).toEqual(['count (0)', 'failsAtTen']);
  });
});

describe('the thread of native ticks', () => {
  test.skipIf(!granted)('has the next higher priority, and nothing else changes', async () => {
    await using rt = await start({ policy: RtConstraints.roundRobin(100_000, 10) });
    const before = policies();
    expect(rt.nativeGranted).toBeUndefined();
    rt.nativePeriodic(c.count, { periodUs: 1000, memory: shared(3) });
    const native = rt.nativeGranted;
    expect(native).toMatchObject({ policy: 'round-robin', priority: 11 });
    const after = policies();
    expect(after.get(native?.threadId ?? 0)).toEqual({ policy: 2, priority: 11 });
    for (const [id, policy] of before) expect(after.get(id) ?? policy).toEqual(policy);
  });

  test.skipIf(!granted)('of a context with the highest priority there is none', async () => {
    await using rt = await start({ policy: RtConstraints.fifo(99) });
    expect(() => rt.nativePeriodic(c.failsAtTen, { periodUs: 1000 })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' }),
    );
  });

  test.skipIf(!deadlineGranted)('whose runtime is used up is told so', async () => {
    const policy = RtConstraints.deadline({ runtimeUs: 500, periodUs: 20_000 });
    await using rt = await start({ policy });
    const task = rt.nativePeriodic(c.long, { periodUs: 40_000, deadlineUs: 5000 });
    await until(() => task.stats().misses >= 5);
    await task.stop();
    // It begins with half a millisecond, and gets more in the next period.
    expect(task.stats().causes.budget).toBeGreaterThan(0);
  });

  test('many come and go', async () => {
    for (let i = 0; i < 20; i++) {
      await using rt = await start();
      const task = rt.nativePeriodic(c.count, { periodUs: 200, memory: shared(3) });
      if (i % 2 === 0) await ticks(task, 3);
    }
  });
});

test('wrong arguments are named, and no channel is lost by them', async () => {
  await using rt = await start();
  const { sender, receiver } = createChannel({ kind: 'spsc', codec: f64(), capacity: 4 });
  const text = createChannel({ kind: 'spsc', codec: utf8(8), capacity: 4 });
  const many = createChannel({ kind: 'mpmc', codec: f64(), capacity: 4 });
  const wrong: readonly [string, object][] = [
    ['options.periodUs', { channels: [receiver] }],
    ['options.channels', { periodUs: 1000, channels: receiver }],
    ['options.channels', { periodUs: 1000, channels: [receiver, receiver] }],
    ['options.channels[1]', { periodUs: 1000, channels: [receiver, 7] }],
    ['options.channels[0]', { periodUs: 1000, channels: [text.sender] }],
    ['options.channels[0]', { periodUs: 1000, channels: [many.receiver] }],
    ['options.memory', { periodUs: 1000, memory: new Float64Array(4) }],
    ['options.chanels', { periodUs: 1000, chanels: [] }],
  ];
  for (const [argument, options] of wrong) {
    expect(() => rt.nativePeriodic(c.count, options as NativePeriodicOptions<'toSafety'>)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument }),
    );
  }
  for (const tick of [c.other, {}, () => 1, undefined]) {
    expect(() => rt.nativePeriodic(tick as Ticks['other'], { periodUs: 1000 })).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'tick' }),
    );
  }
  expect(() => rt.nativePeriodic(c.newer, { periodUs: 1000 })).toThrow(
    expect.objectContaining({ code: 'ERR_MOIRAI_NOT_SUPPORTED' }),
  );
  sender.trySend(3);
  expect(receiver.tryReceive()).toBe(3);
  await rt.close();
  expect(() => rt.nativePeriodic(c.failsAtTen, { periodUs: 1000 })).toThrow(
    expect.objectContaining({ code: 'ERR_MOIRAI_CLOSED' }),
  );
});
