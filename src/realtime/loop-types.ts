// What the compiler knows of a module of ticks.
import type { Tick } from './tick.js';

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
