// What the compiler knows of a module of ticks.
import type { Tick } from './tick.js';
import type { TripKind } from './wire.js';

/** A tick: synchronous, called once a period. */
export type TickFunction = (tick: Tick) => void;

/** The names of a module's functions that can be ticks: what gives a promise cannot. */
export type TickName<M extends object> = {
  [K in keyof M]: M[K] extends (tick: Tick) => infer R
    ? Extract<R, PromiseLike<unknown>> extends never
      ? K
      : never
    : never;
}[keyof M] &
  string;

/** What a safe state function is told. */
export interface SafeStateCall {
  /** The name of the task. */
  readonly task: string;
  /**
   * `silent`: no tick ended for `timeoutUs`. `lost`: the thread has ended. `threw`, `overrun`, `misses`: the
   * task is over by itself.
   */
  readonly why: TripKind;
  /** When it was seen, in microseconds of CLOCK_MONOTONIC. */
  readonly atUs: number;
}

/** The names of a module's functions that can bring about a safe state. */
export type SafeStateName<M extends object> = {
  [K in keyof M]: M[K] extends (call: SafeStateCall) => void ? K : never;
}[keyof M] &
  string;
