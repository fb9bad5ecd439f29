// So many meet, then all go on.
import {
  checkInteger,
  checkMilliseconds,
  checkWait,
  invalidType,
  type WaitOptions,
} from '../base/index.js';
import { registerKind } from '../share/index.js';
import { arrival, arrivedAt, checkShared, openPlace } from './place.js';
import type { Place, PlaceHandle, SharedOptions } from './place.js';
import { type Turn, turnBytes } from './turn.js';
import { TurnObject } from './turn-object.js';

/** Options of a {@link Barrier}. */
export interface BarrierOptions extends SharedOptions {
  /** How many meet, 1 to 32,767. */
  readonly parties: number;
}

const stateAt = 0;
/** In the state: how many have arrived, below; how many times all have met, above. */
const arrivedBits = 15;
const arrivedMask = 2 ** arrivedBits - 1;

/**
 * A place where `parties` calls of any threads meet: each waits until the last has come, then all go on,
 * and the next ones meet anew. One of each turn, the last to come, is the leader.
 *
 * A wait that ends by its time or signal has not arrived. A thread that is killed while it waits has: the
 * others need not wait for it in that turn. One that is killed before it comes will be missed: wait
 * with a time limit where that may be.
 *
 * The state is one word: arrivals and turns change together, by one compare-exchange.
 *
 * @example
 * const barrier = new Barrier({ parties: 4 });
 * for (const step of steps) {
 *   compute(step);
 *   if (barrier.wait()) report(step); // one of the four
 * }
 */
export class Barrier extends TurnObject {
  readonly parties: number;

  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`, also where the one of this name was
   * made with other options; MoiraiError `ERR_MOIRAI_CORRUPT`: what has this name is no barrier; what
   * {@link SharedRegion.create} and `open` throw.
   */
  constructor(options: BarrierOptions) {
    const place = arrivedAt(options) ?? openBarrier(options);
    super('Barrier', 'barrier', place);
    this.parties = place.parameters[0] ?? 1;
  }

  /**
   * Arrives, and blocks this thread until all have; whether it is the leader. Allowed on every thread;
   * the event loop stands still meanwhile, `worker.terminate()` and `process.exit()` get in.
   *
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`.
   */
  wait(): boolean {
    return this.waitFor(Infinity) === true;
  }

  /** The same for at most so many milliseconds; null: not all have come, and it has not arrived. */
  waitFor(milliseconds: number): boolean | null {
    if (milliseconds !== Infinity) checkMilliseconds('milliseconds', milliseconds);
    const turn = this.open();
    const state = arrive(turn, this.parties);
    if (state === undefined) return true;
    const haveMet = turn.wait(() => isOver(turn, state), milliseconds) || !leave(turn, state);
    return haveMet ? false : null;
  }

  /**
   * The same without blocking the thread. A pending wait keeps the process alive.
   *
   * @throws MoiraiError `ERR_MOIRAI_TIMEOUT`, `ERR_MOIRAI_CLOSED`, or `signal.reason`: it has not arrived
   * then.
   */
  async waitAsync(options?: WaitOptions): Promise<boolean> {
    const given = checkWait(options);
    given.signal?.throwIfAborted();
    const turn = this.open();
    const state = arrive(turn, this.parties);
    if (state === undefined) return true;
    await turn.waitAsync(
      () => isOver(turn, state),
      given,
      () => leave(turn, state),
    );
    return false;
  }

  /** How many have arrived and wait, or did when this was asked. */
  get arrived(): number {
    return Atomics.load(this.open().words, stateAt) & arrivedMask;
  }
}

/** Undefined: the last one. */
function arrive(turn: Turn, parties: number): number | undefined {
  for (;;) {
    const state = Atomics.load(turn.words, stateAt);
    const isLast = (state & arrivedMask) + 1 >= parties;
    const next = isLast ? ((state >> arrivedBits) + 1) << arrivedBits : state + 1;
    if (Atomics.compareExchange(turn.words, stateAt, state, next) !== state) continue;
    if (!isLast) return state;
    turn.next();
    return undefined;
  }
}

function isOver(turn: Turn, arrivedAs: number): boolean {
  return turnOf(Atomics.load(turn.words, stateAt)) !== turnOf(arrivedAs);
}

/** False: all have met. */
function leave(turn: Turn, arrivedAs: number): boolean {
  for (;;) {
    const state = Atomics.load(turn.words, stateAt);
    if (turnOf(state) !== turnOf(arrivedAs)) return false;
    if (Atomics.compareExchange(turn.words, stateAt, state, state - 1) === state) return true;
  }
}

function turnOf(state: number): number {
  return state >> arrivedBits;
}

registerKind('Barrier', {
  attach: (handle: PlaceHandle) => new Barrier(arrival('barrier', handle) as never),
});

function openBarrier(options: BarrierOptions): Place {
  if (options === undefined) throw invalidType('options', 'an options object', options);
  const given = checkShared<BarrierOptions>(options, ['parties', 'shared']);
  const parties = checkInteger('options.parties', given.parties, 1, arrivedMask);
  return openPlace({
    kind: 'barrier',
    bytes: turnBytes,
    parameters: [parties],
    name: given.shared,
  });
}
