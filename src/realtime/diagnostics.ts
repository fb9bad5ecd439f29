// What happens to real-time tasks, for whoever subscribes: node:diagnostics_channel `moirai:realtime`.
// Published on the owner's thread; without a subscriber nothing is made and nothing is read for it.
import { channel } from 'node:diagnostics_channel';
import type { Miss } from './miss.js';
import type { Trip } from './watchdog.js';

/**
 * A message of the diagnostics channel `moirai:realtime`, on the thread that owns the context.
 * `threadId`: Linux's number of the real-time thread. Misses and overruns come some 100 ms after the tick.
 *
 * @example
 * subscribe('moirai:realtime', (event) => {
 *   const { type, task } = event as RealtimeEvent;
 *   log(type, task);
 * });
 */
export type RealtimeEvent = { readonly task: string; readonly threadId: number } & (
  | { readonly type: 'miss'; readonly miss: Miss }
  /** So many ticks since the last such message had not ended at their next release. */
  | { readonly type: 'overrun'; readonly overruns: number; readonly skipped: number }
  /** The watchdog has called the safe state function. */
  | { readonly type: 'safe-state'; readonly trip: Trip }
  /** `failed`: by itself, with what `onError` is told. */
  | { readonly type: 'end'; readonly state: 'stopped' | 'failed'; readonly error?: unknown }
);

const realtime = channel('moirai:realtime');

export function hasListeners(): boolean {
  return realtime.hasSubscribers;
}

/** Nothing is made where nobody listens. */
export function publish(make: () => RealtimeEvent): void {
  if (realtime.hasSubscribers) realtime.publish(make());
}
