// Waiting for something in a few words to come true: what barriers, wait groups and once are made of.
//
// Whoever changes the words raises a turn afterwards and wakes all who sleep on it, be it in a blocking
// call or in an event loop. A waiter reads the turn before it looks, so it sleeps on an old one only if
// nothing has changed since. Waiters are counted before they look, so that nobody is woken where nobody
// waits; one that was killed stays counted, which costs a system call at each turn. Who is killed between the change and the turn leaves sleepers uncalled:
// they look again every slice.
import { stepAside, timedOut, type WaitOptions } from '../base/index.js';
import { native } from '../native.js';
import { forgetObject } from './known.js';
import { unwatch, watch } from './loop.js';
import type { Place } from './place.js';
import { closedError } from './shared-object.js';

const turnAt = 1;
const waitersAt = 3;
const sliceMs = 50;

/** Bytes of a state and a turn. */
export const turnBytes = 64;

export class Turn {
  readonly place: Place;
  readonly words: Int32Array;
  #users = 0;
  /** Ends each wait of this thread's event loop. */
  readonly #pending = new Set<(error: Error) => void>();

  constructor(place: Place) {
    this.place = place;
    this.words = place.words;
  }

  use(): this {
    this.#users++;
    return this;
  }

  leave(): void {
    if (--this.#users > 0) return;
    forgetObject(this);
    for (const end of this.#pending) end(closedError());
    this.place.close();
  }

  /** Wakes all who wait, after a change. */
  next(): void {
    Atomics.add(this.words, turnAt, 1);
    if (Atomics.load(this.words, waitersAt) === 0) return;
    native.sync.wake(this.place.domain, this.words, turnAt, 2 ** 31 - 1);
  }

  /** Blocks this thread for at most so long; false: it has not come true. */
  wait(isOver: () => boolean, milliseconds: number): boolean {
    if (isOver()) return true;
    stepAside();
    const end = performance.now() + milliseconds;
    Atomics.add(this.words, waitersAt, 1);
    try {
      for (;;) {
        const turn = Atomics.load(this.words, turnAt);
        if (isOver()) return true;
        const left = end - performance.now();
        if (left <= 0) return false;
        native.sync.wait(this.place.domain, this.words, turnAt, turn, Math.min(left, sliceMs));
      }
    } finally {
      Atomics.sub(this.words, waitersAt, 1);
    }
  }

  /**
   * The same without blocking; a pending wait keeps the process alive. One that fails asks `giveUp`, at
   * once, whether it has: false is that it came true at the last moment.
   */
  async waitAsync(
    isOver: () => boolean,
    { signal, timeout }: WaitOptions,
    giveUp?: () => boolean,
  ): Promise<void> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      let wait = 0;
      Atomics.add(this.words, waitersAt, 1);
      const stop = (): void => {
        Atomics.sub(this.words, waitersAt, 1);
        unwatch(wait);
        clearInterval(slices);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#pending.delete(fail);
      };
      const fail = (error: unknown): void => {
        stop();
        if (giveUp?.() === false) {
          resolve();
          return;
        }
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- whatever came is passed on
        reject(error);
      };
      const onAbort = (): void => fail(signal?.reason);
      const look = (): void => {
        unwatch(wait);
        wait = 0;
        try {
          const turn = Atomics.load(this.words, turnAt);
          if (!isOver()) {
            wait = watch(this.place, turnAt, turn, look);
            return;
          }
        } catch (error) {
          fail(error); // no descriptor is left to wake an event loop with
          return;
        }
        stop();
        resolve();
      };
      const slices = setInterval(look, sliceMs).unref();
      const timer =
        timeout === undefined || timeout >= 2 ** 31
          ? undefined
          : setTimeout(() => fail(timedOut(timeout)), timeout);
      signal?.addEventListener('abort', onAbort);
      this.#pending.add(fail);
      look();
    });
  }
}
