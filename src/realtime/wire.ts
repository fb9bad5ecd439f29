// What the owner of a real-time thread and the thread say to each other by message. Ticks are counted in
// shared memory; see native/core/realtime/tick_record.h.
import type { MessagePort } from 'node:worker_threads';
import type { ErrorRecord } from '../codec/index.js';
import type { ToldOfAddon } from '../native.js';

/** `workerData` of the thread; the user's own is inside. */
export interface Birth extends ToldOfAddon {
  readonly tasks: string;
  readonly record: SharedArrayBuffer;
  readonly exclusive: boolean;
  /** The shortest period goes first, not the earliest deadline. */
  readonly byPeriod: boolean;
  readonly policy: KernelPolicy;
  readonly lockMemory: boolean;
  readonly spinNs: number;
  readonly port: MessagePort;
  readonly workerData: unknown;
}

/** As the kernel numbers policies: [policy, priority, runtime, deadline, period], times in ns. */
export type KernelPolicy = readonly [number, number, number, number, number];

/** What the thread found out when it asked. Errors are errnos, 0 for none. */
export interface Asked {
  readonly threadId: number;
  readonly policyError: number;
  /** As `NativeRealtime.getPolicy` writes it. */
  readonly policy: readonly number[];
  /** Nanoseconds; 0 but for round robin. */
  readonly sliceNs: number;
  readonly cpus: readonly number[];
  readonly timerSlackNs: number;
  readonly lockError: number;
  readonly lockedBytes: number;
}

/** Why a task is over. */
export type EndKind = 'stopped' | 'threw' | 'overrun' | 'misses';

/** The same by the states of native/core/realtime/tick_record.h. */
export const endKinds: ReadonlyMap<number, EndKind> = new Map([
  [2, 'stopped'],
  [3, 'threw'],
  [4, 'overrun'],
  [5, 'misses'],
]);

export type FromThread =
  | { readonly type: 'ready'; readonly names: readonly string[]; readonly asked: Asked }
  | { readonly type: 'unusable'; readonly error: ErrorRecord }
  | {
      readonly type: 'ended';
      readonly slot: number;
      readonly why: EndKind;
      readonly error?: ErrorRecord | undefined;
    };

export type FromOwner =
  | {
      readonly type: 'start';
      readonly slot: number;
      readonly name: string;
      /** As `NativeRealtimeLoop.add` takes them. */
      readonly numbers: readonly number[];
    }
  | { readonly type: 'stop'; readonly slot: number }
  /** CPU time is to be known of so many nanoseconds before a miss. */
  | { readonly type: 'window'; readonly ns: number }
  | { readonly type: 'close' };

/** `workerData` of the thread that watches. */
export interface WatchdogBirth extends ToldOfAddon {
  readonly tasks: string;
  readonly record: SharedArrayBuffer;
  readonly policy: KernelPolicy;
  readonly port: MessagePort;
  readonly workerData: unknown;
}

/** Why a safe state was called for. */
export type TripKind = 'silent' | 'lost' | Exclude<EndKind, 'stopped'>;

export type FromWatchdog =
  | { readonly type: 'ready' }
  | { readonly type: 'unusable'; readonly error: ErrorRecord }
  | {
      readonly type: 'trip';
      readonly slot: number;
      readonly why: TripKind;
      readonly atUs: number;
      /** What the safe state function threw. */
      readonly error?: ErrorRecord | undefined;
    };

export type ToWatchdog =
  | {
      readonly type: 'watch';
      readonly slot: number;
      readonly task: string;
      readonly timeoutUs: number;
      readonly safeState: string;
    }
  | { readonly type: 'unwatch'; readonly slot: number };
