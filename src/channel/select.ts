// Waiting for whichever of several things is possible first.
//
// The cases are tried in a random order; where none can be done, the wait stands in the line of each end
// (`waiters.ts`), in one place each, and when one of the lines has come to it, all cases whose line has
// are tried again in a random order. A case is tried on this thread and either done or nothing, so the
// first that is done is the only one: the wait leaves every other line at once, with nothing sent or
// received there. Whom a line's end was woken for in vain passes the call on (`End::PassOn`).
import {
  checkMilliseconds,
  checkOptions,
  invalidRange,
  invalidType,
  MoiraiError,
  stepAside,
  checkWait,
  longestTimerMs,
  timedOut,
  type WaitOptions,
  type Waiters,
} from '../base/index.js';
import { flushBatches } from './batch-writer.js';
import type { NativeEnd } from './native-end.js';
import type { Sender } from './sender.js';

/** The method of what can be a case of `select`. */
export const selecting: unique symbol = Symbol('moirai.selecting');

/** How a case is tried, and who tells when that may help. */
export interface Arm<T> {
  /** Undefined: not possible now. Throws where it never will be. */
  attempt(): { readonly value: T } | undefined;
  /** Whose turn it is at an end. */
  readonly line?: Waiters | undefined;
  /** The end, for a thread that blocks. */
  readonly end?: NativeEnd | undefined;
  /** Milliseconds after which an attempt may succeed. */
  readonly dueIn?: (() => number) | undefined;
}

/** A receiver, `sending(sender, value)`, `after(ms)` or `every(ms)`. */
export interface SelectCase<T> {
  [selecting](): Arm<T>;
}

export type SelectCases = Readonly<Record<string, SelectCase<unknown>>>;

/** The case that was done, by its name, and what came of it. */
export type Selected<C extends SelectCases> = {
  [K in keyof C & string]: {
    readonly key: K;
    readonly value: C[K] extends SelectCase<infer T> ? T : never;
  };
}[keyof C & string];

/** A case of `select`: to send this value. */
export function sending<T>(sender: Sender<T>, value: T): SelectCase<undefined> {
  return { [selecting]: () => sender[selecting](value) };
}

/**
 * Does the first of the cases that is possible, and tells which: exactly one is done, and of the others
 * nothing is received and nothing sent. Of several that are possible at once each is as likely.
 *
 * A receiver whose senders have all closed is possible, as is one's own closed end: `select` rejects, and
 * `key` on the error says which case it was.
 *
 * @throws (rejects) TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`; MoiraiError DISCONNECTED,
 * CLOSED and whatever else the case's own method throws, with `key`; TIMEOUT and the signal's reason.
 * @example
 * const { key, value } = await select({ price: prices, order: orders, idle: after(100) });
 * if (key === 'price') update(value);
 */
export async function select<const C extends SelectCases>(
  cases: C,
  options?: WaitOptions,
): Promise<Selected<C>> {
  const wait = checkWait(options);
  const contest = new Contest(checkCases(cases));
  wait.signal?.throwIfAborted();
  return (contest.try() ?? (await contest.wait(wait))) as Selected<C>;
}

/** The same without waiting: undefined if none of the cases is possible now. Throws as `select` rejects. */
export function trySelect<const C extends SelectCases>(cases: C): Selected<C> | undefined {
  return new Contest(checkCases(cases)).try() as Selected<C> | undefined;
}

/**
 * The same, blocking this thread until one of the cases is possible or for `milliseconds` (default: no
 * limit). For worker threads: on the main thread the event loop stands still meanwhile. Messages to this
 * thread and timers wait too, those of `after` and `every` apart.
 *
 * @throws as `select` rejects; TIMEOUT.
 * @example
 * for (;;) {
 *   const { key, value } = selectSync({ job: jobs, stop: stops });
 *   if (key === 'stop') break;
 *   results.sendSync(work(value));
 * }
 */
export function selectSync<const C extends SelectCases>(
  cases: C,
  milliseconds?: number,
): Selected<C> {
  const limit =
    milliseconds === undefined ? Infinity : checkMilliseconds('milliseconds', milliseconds);
  return new Contest(checkCases(cases)).block(limit) as Selected<C>;
}

/** A blocking wait is cut into slices, so that `worker.terminate()` and signals get in. */
const sliceMs = 50;

interface Entrant extends Arm<unknown> {
  readonly key: string;
}

interface Outcome {
  readonly key: string;
  readonly value: unknown;
}

function checkCases(cases: SelectCases): Entrant[] {
  checkOptions('cases', cases, Object.keys(cases ?? {}));
  const entrants = Object.entries(cases ?? {}).map(([key, one]) => {
    const method = (one as Partial<SelectCase<unknown>> | null | undefined)?.[selecting];
    if (typeof method !== 'function') {
      const allowed = 'a Receiver, sending(sender, value), after(ms) or every(ms)';
      throw invalidType(`cases.${key}`, allowed, one);
    }
    return { ...method.call(one), key };
  });
  if (entrants.length === 0) throw invalidRange('cases', 'one case or more', cases);
  return entrants;
}

/** One selection. */
class Contest {
  readonly #entrants: Entrant[];
  #trying = false;
  /** Something has changed in the midst of an attempt. */
  #again = false;

  constructor(entrants: Entrant[]) {
    this.#entrants = entrants;
  }

  /** Tries all cases at whose ends nobody waits. */
  try(): Outcome | undefined {
    return this.#attempt(({ line }) => line?.any !== true);
  }

  /** Tries again and again, blocking the thread in between. */
  block(milliseconds: number): Outcome {
    const due = milliseconds === Infinity ? Infinity : performance.now() + milliseconds;
    const ends = new Set(this.#entrants.flatMap(({ end }) => end ?? []));
    const [first] = ends;
    for (const end of ends) end.enlist(true);
    try {
      for (;;) {
        for (const { line } of this.#entrants) line?.serve(); // they come first
        const outcome = this.try();
        if (outcome !== undefined) return outcome;
        let left = due - performance.now();
        if (left <= 0) throw timedOut(milliseconds);
        for (const { dueIn } of this.#entrants) left = Math.min(left, dueIn?.() ?? left);
        flushBatches();
        stepAside();
        const slice = Math.min(Math.max(0, left), sliceMs);
        if (first !== undefined) first.waitAny(slice);
        else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, slice);
      }
    } finally {
      for (const end of ends) end.enlist(false);
    }
  }

  async wait({ signal, timeout }: WaitOptions): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      const lines = new Set(this.#entrants.flatMap(({ line }) => line ?? []));
      const timers = new Set<NodeJS.Timeout>();
      let over = false;
      const leave = (): void => {
        over = true;
        for (const line of lines) line.leave(turn);
        for (const timer of timers) clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: unknown): void => {
        leave();
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- whatever came is passed on
        reject(error);
      };
      const turn = (): boolean => {
        if (over) return true;
        try {
          const outcome = this.#attempt(({ line }) => line?.isFirst(turn) !== false);
          if (outcome === undefined) return over;
          leave();
          resolve(outcome);
        } catch (error) {
          fail(error);
        }
        return true;
      };
      // From within an attempt, which may succeed all the same, it is heard after it.
      const giveUp = (error: unknown): void => {
        if (this.#trying) queueMicrotask(() => giveUp(error));
        else if (!over) fail(error);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const ring = (dueIn: () => number, act: () => void): void => {
        const onTime = (): void => {
          timers.delete(timer);
          if (dueIn() <= 0) act();
          if (!over) ring(dueIn, act);
        };
        const timer = setTimeout(onTime, Math.min(Math.ceil(dueIn()), longestTimerMs));
        timers.add(timer);
      };
      signal?.addEventListener('abort', onAbort);
      for (const line of lines) line.enter(turn);
      for (const { dueIn } of this.#entrants) {
        if (dueIn !== undefined) ring(dueIn, turn);
      }
      if (timeout !== undefined) {
        const end = performance.now() + timeout;
        ring(
          () => end - performance.now(),
          () => giveUp(timedOut(timeout)),
        );
      }
    });
  }

  #attempt(isOpen: (entrant: Entrant) => boolean): Outcome | undefined {
    if (this.#trying) {
      this.#again = true;
      return undefined;
    }
    do {
      this.#again = false;
      this.#shuffle();
      for (const entrant of this.#entrants) {
        if (!isOpen(entrant)) continue;
        const result = this.#attemptOne(entrant);
        if (result !== undefined) return { key: entrant.key, value: result.value };
      }
    } while (this.#again);
    return undefined;
  }

  #attemptOne(entrant: Entrant): { readonly value: unknown } | undefined {
    this.#trying = true;
    try {
      return entrant.attempt();
    } catch (error) {
      throw error instanceof MoiraiError ? Object.assign(error, { key: entrant.key }) : error;
    } finally {
      this.#trying = false;
    }
  }

  /** By Fisher and Yates: every order is as likely. */
  #shuffle(): void {
    const all = this.#entrants;
    for (let i = all.length - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [all[i], all[j]] = [all[j] as Entrant, all[i] as Entrant];
    }
  }
}
