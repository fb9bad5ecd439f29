// For those who debug: the order in which threads take their locks, and the circles in it.
import { checkBoolean, MoiraiError } from '../base/index.js';
import { native } from '../native.js';

/** What a thread holds, in the order of taking; while it is debugged. */
export class LockOrder {
  readonly #held: string[] = [];

  /** Before the thread waits for it. Throws where that closes a circle. */
  wants(id: string): void {
    if (this.#held.length === 0) return;
    const stack = new Error('stack').stack?.replace(/^.*\n/u, '') ?? '';
    for (const held of this.#held) {
      const others = native.sync.order(held, id, stack);
      if (others === undefined) continue;
      const cause = new Error('the other way round it was locked here');
      cause.stack = `${cause.message}\n${others.toReversed().join('\nand then here\n')}`;
      const message = `mutex ${id} is locked while ${held} is held, elsewhere the other way round: two threads that do so at once wait for each other for ever`;
      throw new MoiraiError('ERR_MOIRAI_DEADLOCK', message, { cause });
    }
  }

  took(id: string): void {
    this.#held.push(id);
  }

  released(id: string): void {
    const at = this.#held.lastIndexOf(id);
    if (at >= 0) this.#held.splice(at, 1);
  }
}

/** Undefined while this thread is not debugged. */
export let lockOrder: LockOrder | undefined =
  process.env['MOIRAI_DEBUG_LOCKS'] === '1' ? new LockOrder() : undefined;

/**
 * Has this thread tell in which order it takes its mutexes, from here on (or no longer). A `lock` or
 * `lockFor` that closes a circle, whichever threads of this process made it, throws DEADLOCK before it
 * waits: its own stack is the one side, its `cause` has the other. Also where no deadlock would have come
 * of it this time. What was taken by `lockAsync` or is only tried is not followed: the flows of one
 * thread hold their mutexes independently of each other.
 *
 * The environment variable `MOIRAI_DEBUG_LOCKS=1` has it on from the start, in all threads. A lock costs
 * microseconds then.
 *
 * @example
 * debugLocks(true);
 */
export function debugLocks(enabled: boolean): void {
  checkBoolean('enabled', enabled);
  if (enabled) lockOrder ??= new LockOrder();
  else lockOrder = undefined;
}
