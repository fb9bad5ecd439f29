// How one task is to be run, checked and in the terms of the scheduler.
import type { TransferListItem } from 'node:worker_threads';
import {
  hasContextBit,
  hintedBit,
  measuredBit,
  priorityBit,
  priorityCritical,
  priorityHigh,
  priorityIdle,
  priorityLow,
  priorityNormal,
  timedBit,
} from './layout.js';

/** Which tasks run first; each level is served now and then even while there is work above it. */
export type Priority = 'critical' | 'high' | 'normal' | 'low' | 'idle';

export const priorityNames = [
  'critical',
  'high',
  'normal',
  'low',
  'idle',
] as const satisfies readonly Priority[];

const priorityLevels: Readonly<Record<Priority, number>> = {
  critical: priorityCritical,
  high: priorityHigh,
  normal: priorityNormal,
  low: priorityLow,
  idle: priorityIdle,
};

export interface TaskOrder {
  /** The upper half of the slot's task word: priority and flags. */
  readonly bits: number;
  /** Index of the queue: a node's, or the one for blocking tasks. */
  readonly queue: number;
  /** Milliseconds from now; 0: none. */
  readonly deadline: number;
  /** Milliseconds of running; undefined: no limit. */
  readonly timeout: number | undefined;
  /** Milliseconds that a task has to end after it was told to. */
  readonly grace: number;
  readonly idempotent: boolean;
  readonly transfer: readonly TransferListItem[];
}

export const defaultGrace = 100;

const plainBits = priorityNormal << priorityBit;

export const plainOrder: TaskOrder = {
  bits: plainBits,
  queue: 0,
  deadline: 0,
  timeout: undefined,
  grace: defaultGrace,
  idempotent: false,
  transfer: [],
};

export function orderBits(flags: {
  readonly priority: Priority;
  readonly context: boolean;
  readonly measured: boolean;
  readonly timed: boolean;
  /** The caller has named the node whose queue it goes to. */
  readonly hinted: boolean;
}): number {
  return (
    (priorityLevels[flags.priority] << priorityBit) |
    (flags.context ? 1 << hasContextBit : 0) |
    (flags.measured ? 1 << measuredBit : 0) |
    (flags.timed ? 1 << timedBit : 0) |
    (flags.hinted ? 1 << hintedBit : 0)
  );
}

export function priorityOf(taskWord: number): Priority {
  return priorityNames[(taskWord >> priorityBit) & 7] ?? 'normal';
}
