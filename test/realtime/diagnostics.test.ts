// What happens to real-time tasks is told on the diagnostics channel `moirai:realtime`.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, expect, test } from 'vitest';
import type { RealtimeEvent } from 'moirai';
import { start, ticks, until } from './threads.js';

let heard: RealtimeEvent[] = [];
const listen = (event: unknown): void => void heard.push(event as RealtimeEvent);
afterEach(() => {
  unsubscribe('moirai:realtime', listen);
  heard = [];
});
const of = (type: RealtimeEvent['type']): RealtimeEvent[] =>
  heard.filter((event) => event.type === type);

test('misses, overruns and the end', async () => {
  subscribe('moirai:realtime', listen);
  await using rt = await start();
  const task = rt.periodic('sometimesLong', { periodUs: 1000 });
  await until(() => of('miss').length > 0 && of('overrun').length > 0);
  await task.stop();
  const who = { task: 'sometimesLong', threadId: rt.granted.threadId };
  expect(heard.every((event) => event.task === who.task)).toBe(true);
  expect(of('miss')[0]).toMatchObject({ ...who, miss: { task: 'sometimesLong' } });
  const { overruns, skipped } = task.stats();
  const told = of('overrun').map((event) => (event.type === 'overrun' ? event : undefined));
  expect(told.reduce((sum, event) => sum + (event?.overruns ?? 0), 0)).toBe(overruns);
  expect(told.reduce((sum, event) => sum + (event?.skipped ?? 0), 0)).toBe(skipped);
  expect(heard.at(-1)).toEqual({ type: 'end', ...who, state: 'stopped', error: undefined });
});

test('a safe state, and an end by itself', async () => {
  subscribe('moirai:realtime', listen);
  const workerData = new SharedArrayBuffer(8 * 4001);
  await using rt = await start({ workerData });
  const errors: unknown[] = [];
  rt.periodic('throwsAtTen', {
    periodUs: 1000,
    onError: (error) => errors.push(error),
    watchdog: { timeoutUs: 500_000, safeState: 'toSafety' },
  });
  await until(() => of('end').length === 1 && of('safe-state').length === 1);
  expect(of('safe-state')).toMatchObject([{ task: 'throwsAtTen', trip: { why: 'threw' } }]);
  expect(of('end')).toMatchObject([{ state: 'failed', error: { message: 'the tenth' } }]);
  expect(errors).toHaveLength(1);
});

test('who does not listen hears nothing, and who comes later hears what is new', async () => {
  await using rt = await start();
  const task = rt.periodic('alwaysLong', { periodUs: 1000 });
  await ticks(task, 5);
  expect(heard).toEqual([]);
  subscribe('moirai:realtime', listen);
  await until(() => of('overrun').length > 0);
  await task.stop();
});
