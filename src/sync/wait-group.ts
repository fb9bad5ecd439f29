// Waiting until all of a number of things are done.
import {
  checkInteger,
  checkMilliseconds,
  checkWait,
  invalidRange,
  type WaitOptions,
} from '../base/index.js';
import { registerKind } from '../share/index.js';
import { arrival, arrivedAt, checkShared, openPlace } from './place.js';
import type { Place, PlaceHandle, SharedOptions } from './place.js';
import { type Turn, turnBytes } from './turn.js';
import { TurnObject } from './turn-object.js';

const countAt = 0;
/** How many times it was none. */
const doneAt = 2;
const most = 2 ** 31 - 1;

/**
 * A count of what is still to be done, for threads that wait until it is none. Semantics are those of Go's
 * `sync.WaitGroup`: `add` before the work is given away, `done` where it ends; a count that would go below
 * zero is an error; it can be used again when it was none.
 *
 * The count belongs to nobody: what a thread that was killed had to do is never done. Wait with a time
 * limit where that may be.
 *
 * @example
 * const group = new WaitGroup();
 * group.add(files.length);
 * for (const file of files) worker.postMessage(file); // there: group.done() at the end of each
 * await group.waitAsync({ timeout: 10_000 });
 */
export class WaitGroup extends TurnObject {
  /**
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`; MoiraiError `ERR_MOIRAI_CORRUPT`: what
   * has this name is no wait group; what {@link SharedRegion.create} and `open` throw.
   */
  constructor(options?: SharedOptions) {
    super('WaitGroup', 'waitGroup', arrivedAt(options) ?? openGroup(options));
  }

  /**
   * Adds to the count, or takes away from it. Does not block.
   *
   * @throws RangeError `ERR_MOIRAI_INVALID_ARGUMENT`: the count would go below 0 or above 2,147,483,647.
   * Nothing has changed then.
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`.
   */
  add(count = 1): void {
    checkInteger('count', count, -most, most);
    const turn = this.open();
    for (;;) {
      const before = Atomics.load(turn.words, countAt);
      const after = before + count;
      if (after < 0 || after > most) {
        throw invalidRange('count', `so that 0 to ${most} are left; there are ${before}`, count);
      }
      if (Atomics.compareExchange(turn.words, countAt, before, after) !== before) continue;
      if (after === 0 && before !== 0) {
        Atomics.add(turn.words, doneAt, 1);
        turn.next();
      }
      return;
    }
  }

  /** One is done: `add(-1)`. */
  done(): void {
    this.add(-1);
  }

  /**
   * Blocks this thread until the count is none. Allowed on every thread; the event loop stands still
   * meanwhile, `worker.terminate()` and `process.exit()` get in.
   *
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`.
   */
  wait(): void {
    this.waitFor(Infinity);
  }

  /** The same for at most so many milliseconds; false: there is still something to be done. */
  waitFor(milliseconds: number): boolean {
    if (milliseconds !== Infinity) checkMilliseconds('milliseconds', milliseconds);
    const turn = this.open();
    return turn.wait(isNone(turn), milliseconds);
  }

  /**
   * The same without blocking the thread. A pending wait keeps the process alive.
   *
   * @throws MoiraiError `ERR_MOIRAI_TIMEOUT`, `ERR_MOIRAI_CLOSED`, or `signal.reason`.
   */
  async waitAsync(options?: WaitOptions): Promise<void> {
    const given = checkWait(options);
    const turn = this.open();
    return turn.waitAsync(isNone(turn), given);
  }

  /** What is still to be done, or was when this was asked. */
  get count(): number {
    return Atomics.load(this.open().words, countAt);
  }
}

/** It is none, or was since: another round may have begun meanwhile. */
function isNone(turn: Turn): () => boolean {
  const done = Atomics.load(turn.words, doneAt);
  return () => Atomics.load(turn.words, countAt) === 0 || Atomics.load(turn.words, doneAt) !== done;
}

registerKind('WaitGroup', {
  attach: (handle: PlaceHandle) => new WaitGroup(arrival('waitGroup', handle)),
});

function openGroup(options: SharedOptions | undefined): Place {
  const { shared } = checkShared(options, ['shared']);
  return openPlace({ kind: 'waitGroup', bytes: turnBytes, name: shared });
}
