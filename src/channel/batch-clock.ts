// When what senders have collected is due. All senders of a thread share one timer (precise_timer.cc).
//
// A message is to be in the channel so long before `maxDelay` is over that its receiver can be woken: after
// half of it. A timer is late by what its thread was doing, or another on its CPU, and that comes in spells;
// so the clock remembers how late it was and lets messages wait less by as much. Where the event loop takes
// longer for one turn than a message may wait, what was collected in a turn goes at its end.
import { native } from '../native.js';

export interface Collector {
  /** By `performance.now()`; Infinity: it has nothing. */
  readonly due: number;
  onDue(): void;
}

/** Time constant with which a lateness is forgotten, ms. */
const memoryMs = 1000;
/** What is due sooner than a thread can sleep and wake goes at the end of the turn. */
const shortestMs = 0.05;

export class BatchClock {
  readonly #waiting = new Set<Collector>();
  /** When the timer is due. */
  #armed = Infinity;
  #immediate: NodeJS.Immediate | undefined;
  #setTimer: ((milliseconds: number) => void) | undefined;
  /** How late it was, and when. */
  #late = 0;
  #lateAt = 0;

  /** Milliseconds that a message may wait from now on if it is to be received within `maxDelay`. */
  patience(maxDelay: number): number {
    if (this.#late === 0) return maxDelay / 2;
    const late = this.#lateness(performance.now());
    return Math.max(0, Math.min(maxDelay / 2, maxDelay - 2 * late));
  }

  /** Will be told at its `due`. */
  enter(collector: Collector): void {
    this.#waiting.add(collector);
    if (collector.due < this.#armed) this.#arm(collector.due);
  }

  leave(collector: Collector): void {
    if (this.#waiting.delete(collector) && this.#waiting.size === 0) this.#arm(Infinity);
  }

  #lateness(now: number): number {
    return this.#late * Math.exp((this.#lateAt - now) / memoryMs);
  }

  #arm(due: number): void {
    this.#setTimer ??= native.openTimer(() => this.#ring()) ?? coarseTimer(() => this.#ring());
    this.#armed = due;
    const left = due - performance.now();
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#immediate = undefined;
    if (left >= shortestMs && left < Infinity) {
      this.#setTimer(left);
      return;
    }
    this.#setTimer(-1);
    if (left < shortestMs) this.#immediate = setImmediate(() => this.#ring());
  }

  #ring(): void {
    const now = performance.now();
    const late = now - this.#armed;
    if (late > this.#lateness(now)) {
      this.#late = late;
      this.#lateAt = now;
    }
    this.#armed = Infinity;
    this.#immediate = undefined;
    let next = Infinity;
    for (const collector of this.#waiting) {
      if (collector.due <= now) collector.onDue();
      const { due } = collector;
      if (due === Infinity) this.#waiting.delete(collector);
      else next = Math.min(next, due);
    }
    if (next < this.#armed) this.#arm(next);
  }
}

/** Where no descriptor is left. */
function coarseTimer(onTime: () => void): (milliseconds: number) => void {
  let timer: NodeJS.Timeout | undefined;
  return (milliseconds) => {
    clearTimeout(timer);
    if (milliseconds >= 0) timer = setTimeout(onTime, milliseconds);
  };
}
