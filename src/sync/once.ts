// Something that is done once, whoever comes first.
import { checkWait, invalidType, MoiraiError, type WaitOptions } from '../base/index.js';
import { native } from '../native.js';
import { registerKind } from '../share/index.js';
import { arrival, arrivedAt, checkShared, openPlace } from './place.js';
import type { Place, PlaceHandle, SharedOptions } from './place.js';
import { type Turn, turnBytes } from './turn.js';
import { TurnObject } from './turn-object.js';

const stateAt = 0;
/**
 * Of the word: nobody has begun; a thread is at it (its number in the place's table of lives); done.
 *
 *   0           call: the caller's number
 *   a number    it returns: DONE | it throws: 0 | its thread is dead, call: the caller's number
 */
const fresh = 0;
const done = -1;

/**
 * Runs a function once among all threads and processes that share it: the first to call runs it, the
 * others wait until it has ended.
 *
 * A function that throws has not been run: its caller gets the exception, and the next one, of those who
 * wait or come later, runs its own (as `std::call_once` of C++). The same holds where the thread that
 * runs it ends, be it by SIGKILL: a function whose first half is not to be repeated must see to that
 * itself. What it does is to be seen by the others in shared memory or files: values stay in its thread.
 *
 * @example
 * const once = new Once({ shared: 'prices-loaded' });
 * once.call(() => loadPrices(map)); // in each process; one of them loads
 */
export class Once extends TurnObject {
  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`; MoiraiError `ERR_MOIRAI_CORRUPT`: what
   * has this name is no once; what {@link SharedRegion.create} and `open` throw.
   */
  constructor(options?: SharedOptions) {
    super('Once', 'once', arrivedAt(options) ?? openOnce(options));
  }

  /**
   * Runs `run` unless that was done; whether it did. Blocks this thread while another is at it.
   *
   * @throws TypeError `ERR_MOIRAI_INVALID_ARGUMENT` for an async function, which belongs into
   * {@link Once.callAsync}: it has begun, and counts as not run; MoiraiError `ERR_MOIRAI_DEADLOCK`: this
   * thread is at it, further up or in its event loop; `ERR_MOIRAI_CLOSED`; what `run` throws.
   */
  call(run: () => void): boolean {
    checkFunction(run);
    const turn = this.open();
    while (!begin(turn)) {
      if (isDone(turn)) return false;
      if (Atomics.load(turn.words, stateAt) === turn.place.self) {
        throw new MoiraiError(
          'ERR_MOIRAI_DEADLOCK',
          'this thread is running it: it would wait for itself',
        );
      }
      turn.wait(() => isFree(turn), Infinity);
    }
    try {
      const result: unknown = run();
      if (result instanceof Promise) {
        result.catch(() => {}); // nobody else has it
        throw invalidType('run', 'a function that is no async one', run);
      }
    } catch (error) {
      end(turn, fresh);
      throw error;
    }
    end(turn, done);
    return true;
  }

  /**
   * The same for a function that may be async: the others wait until its promise is settled. A pending
   * wait keeps the process alive.
   *
   * @param options of the wait for others; `run` itself is not ended by them.
   * @throws MoiraiError `ERR_MOIRAI_TIMEOUT`, `ERR_MOIRAI_CLOSED`, or `signal.reason`: it was not run by
   * this call; what `run` throws.
   */
  async callAsync(run: () => void | Promise<void>, options?: WaitOptions): Promise<boolean> {
    checkFunction(run);
    const given = checkWait(options);
    let turn = this.open();
    while (!begin(turn)) {
      if (isDone(turn)) return false;
      await turn.waitAsync(() => isFree(turn), given);
      turn = this.open(); // or it was closed after the wait was over, and before this went on
    }
    try {
      await run();
    } catch (error) {
      end(turn, fresh);
      throw error;
    }
    end(turn, done);
    return true;
  }

  /** Whether it was run to its end. */
  get isDone(): boolean {
    return isDone(this.open());
  }
}

function checkFunction(run: unknown): void {
  if (typeof run !== 'function') throw invalidType('run', 'a function', run);
}

function isDone(turn: Turn): boolean {
  return Atomics.load(turn.words, stateAt) === done;
}

/** Done, or to be had. */
function isFree(turn: Turn): boolean {
  const state = Atomics.load(turn.words, stateAt);
  return state === fresh || state === done || !native.sync.alive(turn.place.domain, state);
}

/** Whether this thread is to run it now. */
function begin(turn: Turn): boolean {
  const { self } = turn.place;
  const state = Atomics.load(turn.words, stateAt);
  if (state === done || state === self || !isFree(turn)) return false;
  return Atomics.compareExchange(turn.words, stateAt, state, self) === state;
}

function end(turn: Turn, state: number): void {
  if (turn.words.length === 0) return; // closed meanwhile: as if the thread had ended
  Atomics.store(turn.words, stateAt, state);
  turn.next();
}

registerKind('Once', {
  attach: (handle: PlaceHandle) => new Once(arrival('once', handle)),
});

function openOnce(options: SharedOptions | undefined): Place {
  const { shared } = checkShared(options, ['shared']);
  return openPlace({ kind: 'once', bytes: turnBytes, name: shared });
}
