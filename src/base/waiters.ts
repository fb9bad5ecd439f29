// Promises that wait for their turn at something that can be tried, first come, first served.
import { invalidType, MoiraiError } from './errors.js';
import { checkMilliseconds, checkOptions } from './validate.js';

/** How long an asynchronous wait may take. */
export interface WaitOptions {
  /** Ends the wait with `signal.reason`; nothing was sent, received or locked then. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the wait ends with TIMEOUT (`scope: 'wait'`). Default: none. */
  readonly timeout?: number | undefined;
}

export function checkWait(options: WaitOptions | undefined): WaitOptions {
  const given = checkOptions('options', options, ['signal', 'timeout']);
  if (given.signal !== undefined && !(given.signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an AbortSignal', given.signal);
  }
  if (given.timeout !== undefined) checkMilliseconds('options.timeout', given.timeout);
  return given;
}

/** Tries once; undefined: it has to wait. Throws what ends the wait in failure. */
export type Attempt<R> = () => { readonly value: R } | undefined;

/** Node takes more for 1 ms. */
export const longestTimerMs = 2 ** 31 - 1;

/** Tries and says whether it is settled. */
type Turn = () => boolean;

export class Waiters {
  /** In the order of their coming; of waits that others can meet, what settles one that was met. */
  readonly #waiting = new Map<Turn, (() => void) | undefined>();
  readonly #onChange: (waiting: boolean) => void;
  readonly #timersHold: boolean;
  /** How many have entered so far. */
  entered = 0;

  /**
   * `onChange` hears when the first comes and the last has gone.
   *
   * @param timersHold a wait with a timeout keeps the process alive; else that is for `onChange` to do
   */
  constructor(onChange: (waiting: boolean) => void, timersHold = false) {
    this.#onChange = onChange;
    this.#timersHold = timersHold;
  }

  get any(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Settles when the attempt succeeds or fails in its turn, or the wait is over. `retract`, for waits that
   * others can meet: before the first in the line fails it is asked whether it was met after all.
   */
  async wait<R>(
    attempt: Attempt<R>,
    { signal, timeout }: WaitOptions,
    retract?: Attempt<R>,
  ): Promise<R> {
    if (signal?.aborted === true) {
      // It may have been tried, and announced, before it came here.
      const met = this.any ? undefined : retract?.();
      if (met !== undefined) return met.value;
      signal.throwIfAborted();
    }
    return new Promise<R>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const leave = (): void => {
        this.#waiting.delete(turn);
        if (timer !== undefined) clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      let trying = false;
      let over: { readonly error: unknown } | undefined;
      const turn = (): boolean => {
        try {
          trying = true;
          const result = attempt();
          trying = false;
          if (result === undefined) {
            if (over === undefined) return false;
            settle();
            fail(over.error); // without effect where it was settled
            return true;
          }
          leave();
          resolve(result.value);
        } catch (error) {
          trying = false;
          fail(error);
        }
        return true;
      };
      const settle = (): void => {
        try {
          const result = retract?.();
          if (result === undefined) return;
          leave();
          resolve(result.value);
        } catch (error) {
          fail(error);
        }
      };
      const fail = (error: unknown): void => {
        leave();
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- whatever came is passed on
        reject(error);
      };
      const giveUp = (error: unknown): void => {
        // From within the attempt, which may succeed all the same.
        if (trying) {
          over = { error };
          return;
        }
        const first = this.isFirst(turn);
        if (first) settle();
        fail(error); // without effect where it was settled
        this.#gone(first);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      signal?.addEventListener('abort', onAbort);
      const arm = (left: number): void => {
        const step = Math.min(left, longestTimerMs);
        timer = setTimeout(() => {
          if (left > step) arm(left - step);
          else giveUp(timedOut(timeout ?? 0));
        }, step);
        if (!this.#timersHold) timer.unref();
      };
      if (timeout !== undefined && timeout !== Infinity) arm(timeout);
      try {
        this.enter(turn, retract && settle);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Who stands in the line is asked in its turn whether it is done. */
  enter(turn: Turn, settle?: () => void): void {
    this.#waiting.set(turn, settle);
    this.entered++;
    if (this.#waiting.size > 1) return;
    try {
      this.#onChange(true);
    } catch (error) {
      this.#waiting.delete(turn); // nobody would ever serve it
      throw error;
    }
  }

  leave(turn: Turn): void {
    const first = this.isFirst(turn);
    if (this.#waiting.delete(turn)) this.#gone(first);
  }

  isFirst(turn: Turn): boolean {
    for (const first of this.#waiting.keys()) return first === turn;
    return false;
  }

  /** Serves who waits longest, until one has to go on waiting. */
  serve(): void {
    if (!this.any) return;
    for (const turn of this.#waiting.keys()) if (!turn()) return;
    this.#onChange(false);
  }

  /** Before the end closes: the first may have been met. */
  settleFirst(): void {
    for (const settle of this.#waiting.values()) {
      settle?.();
      return;
    }
  }

  #gone(first: boolean): void {
    if (!this.any) {
      this.#onChange(false);
      return;
    }
    if (!first) return;
    // Only the first in the line can be met by others: the next announces itself.
    for (const settle of this.#waiting.values()) {
      if (settle !== undefined) this.serve();
      return;
    }
  }
}

export function timedOut(milliseconds: number): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_TIMEOUT', `nothing within ${milliseconds} ms`, {
    scope: 'wait',
  });
}
