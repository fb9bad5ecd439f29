// A semaphore or read-write lock as one thread sees it: native/core/sync/turnstile.h has the states.
//
// A thread has one seat there, so at most one of its waits is in the queue of all threads. Of those in its
// event loop that is the oldest; the others follow one by one, so threads take turns, and each thread's
// waits are in the order of their coming. A call that blocks the thread goes before them: none of them
// could go on before it returns. It takes the oldest out of the queue, and puts it back with its ticket.
import {
  becomeHeir,
  beNoHeir,
  MoiraiError,
  stepAside,
  Waiters,
  type Heir,
  type WaitOptions,
} from '../base/index.js';
import { native, type NativeTurnstile } from '../native.js';
import { forgetObject } from './known.js';
import { unwatch, watch } from './loop.js';
import type { Place } from './place.js';
import { closedError, corruptError } from './shared-object.js';

export const shared = 0;
export const exclusive = 1;
export type Want = typeof shared | typeof exclusive;

/** Not had; else 1, or 2 where a writer has died. */
export const not = 0;
export const afterDeath = 2;

const busy = -4;
/** How often a wait looks whether those it waits for are alive. */
const sliceMs = 50;

export const turnstileBytes: number = native.turnstile.bytes;

interface Waiting {
  readonly want: Want;
  readonly amount: number;
}

export class Turnstile implements Heir {
  readonly place: Place;
  readonly #native: NativeTurnstile;
  #users = 0;
  readonly #waiters = new Waiters((waiting) => {
    if (!waiting) this.#stop();
  });
  /** Whose wait is in the queue. */
  #entered: Waiting | undefined;
  /** Out of the queue while the thread blocks, and its place there. */
  #isOut = false;
  #ticket = 0;
  /** It was had at once when it was put back. */
  #early = not;
  #wait = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(place: Place, kind: 0 | 1, permits: number, owned: boolean) {
    this.place = place;
    let opened: NativeTurnstile | number | undefined;
    do opened = native.turnstile.open(place.bytes, kind, permits, owned);
    while (opened === busy);
    if (typeof opened !== 'object') place.close();
    if (opened === undefined) throw corruptError();
    if (typeof opened === 'number') {
      throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', 'at most 126 threads can use the object');
    }
    this.#native = opened;
  }

  use(): this {
    this.#users++;
    return this;
  }

  leave(): void {
    if (--this.#users > 0) return;
    forgetObject(this);
    beNoHeir(this);
    this.#stop();
    this.#native.close();
    this.place.close();
    this.#waiters.serve(); // each fails
  }

  get isClosed(): boolean {
    return this.#users === 0;
  }

  /** How many times this thread reads. */
  get reads(): number {
    return Math.max(0, this.#native.holds()) >> 1;
  }

  get writes(): boolean {
    const holds = this.#native.holds();
    return holds > 0 && (holds & 1) !== 0;
  }

  get count(): number {
    return this.#native.count();
  }

  get isWritten(): boolean {
    return this.#native.isWritten() === 1;
  }

  try(want: Want, amount: number, pass: boolean): number {
    const answer = this.#native.try(want, amount, pass);
    if (answer >= not) return answer;
    if (answer !== busy) throw closedError();
    return not; // not now: one that is stopped is in there
  }

  /** Blocks this thread for at most so long. */
  acquire(want: Want, amount: number, pass: boolean, milliseconds: number): number {
    const first = this.try(want, amount, pass);
    if (first !== not || milliseconds === 0) return first;
    const end = performance.now() + milliseconds;
    stepAside(this);
    this.#leaveQueue();
    try {
      let answer = busy;
      while (answer === busy) {
        // Who passes must not come to the queue, where it waits for those whom it keeps waiting.
        answer = pass ? this.#native.try(want, amount, true) : not;
        if (answer === not) answer = this.#native.enter(want, amount, 0);
        if (answer === busy && performance.now() >= end) return not;
      }
      while (answer === not) {
        const left = end - performance.now();
        if (left <= 0) return this.#again(() => this.#native.withdraw());
        this.#native.wait(Math.min(left, sliceMs));
        answer = this.#again(() => this.#native.collect());
      }
      return answer;
    } finally {
      this.#comeBack();
    }
  }

  async acquireAsync(want: Want, amount: number, options: WaitOptions): Promise<number> {
    if (this.isClosed) throw closedError();
    options.signal?.throwIfAborted();
    if (!this.#waiters.any) {
      const first = this.try(want, amount, false);
      if (first !== not) return first;
    }
    const waiting: Waiting = { want, amount };
    try {
      const turn = this.#waiters.wait(() => this.#attempt(waiting), options);
      if (this.#entered === undefined) this.#waiters.serve();
      return await turn;
    } catch (error) {
      this.#giveUp(waiting);
      throw error;
    }
  }

  /** 1, or why not. */
  release(want: Want, amount: number): number {
    if (this.isClosed) return -1;
    const answer = this.#native.release(want, amount);
    return answer > not ? answer : this.#again(() => this.#native.release(want, amount));
  }

  markConsistent(): void {
    if (!this.isClosed) this.#again(() => this.#native.markConsistent());
  }

  #attempt(waiting: Waiting): { readonly value: number } | undefined {
    if (this.isClosed) throw closedError();
    const before = this.#entered;
    if (before !== undefined && before !== waiting) {
      // It has been given up, and has not come to say so.
      this.#takeBack(before);
      this.#setEntered(undefined);
    }
    let answer = this.#early;
    this.#early = not;
    if (this.#entered !== waiting) {
      answer = this.#native.enter(waiting.want, waiting.amount, 0);
      if (answer === not) this.#setEntered(waiting);
    } else if (answer === not) {
      answer = this.#native.collect();
    }
    if (answer === not || answer === busy) {
      this.#watch();
      return undefined;
    }
    this.#setEntered(undefined);
    this.#stop();
    return { value: answer };
  }

  /** The wait was given up; what it was granted meanwhile goes on to others. */
  #giveUp(waiting: Waiting): void {
    if (this.isClosed || this.#entered !== waiting) return;
    this.#takeBack(waiting);
    this.#setEntered(undefined);
    this.#stop();
    this.#waiters.serve();
  }

  #takeBack(waiting: Waiting): void {
    const had = this.#early === not ? this.#again(() => this.#native.withdraw()) : this.#early;
    this.#early = not;
    if (had > 0) this.release(waiting.want, waiting.amount);
  }

  #setEntered(waiting: Waiting | undefined): void {
    this.#entered = waiting;
    this.#isOut = false;
    if (waiting === undefined) beNoHeir(this);
    else becomeHeir(this);
  }

  stepAside(): void {
    if (this.#isOut) return; // it comes back already
    this.#leaveQueue();
    queueMicrotask(() => this.#comeBack());
  }

  /** The oldest wait of the event loop, before the thread blocks. */
  #leaveQueue(): void {
    if (this.#entered === undefined) return;
    // What it had at once gave it no new ticket: the seat's is of whatever this thread has waited for since.
    if (this.#early === not && !this.#isOut) this.#ticket = this.#native.ticket();
    this.#takeBack(this.#entered);
    this.#isOut = true;
  }

  #comeBack(): void {
    const entered = this.#entered;
    if (entered === undefined || !this.#isOut || this.isClosed) return;
    this.#isOut = false;
    this.#early = this.#again(() => this.#native.enter(entered.want, entered.amount, this.#ticket));
    if (this.#early !== not) queueMicrotask(() => this.#waiters.serve());
    else this.#watch();
  }

  /** Comes back when the seat is granted something, and every slice. */
  #watch(): void {
    this.#stop();
    const { place } = this;
    const index = this.#native.signalIndex;
    const seen = Atomics.load(place.words, index);
    this.#timer = setTimeout(() => {
      this.#native.audit();
      this.#waiters.serve();
    }, sliceMs).unref();
    // A grant before the load of the word has not changed it since.
    if (this.#native.isGranted() === 1) queueMicrotask(() => this.#waiters.serve());
    else this.#wait = watch(place, index, seen, () => this.#waiters.serve());
  }

  #stop(): void {
    unwatch(this.#wait);
    this.#wait = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Native code waits for some 40 ms at a time, so that `worker.terminate()` gets in. */
  #again(call: () => number): number {
    let answer: number;
    do answer = call();
    while (answer === busy);
    if (answer === -7) throw closedError();
    return answer;
  }
}
