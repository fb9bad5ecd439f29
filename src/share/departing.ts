// Objects that leave with a message. While the message is written they get handles, and nothing else
// happens; when it is whole, they go all at once. So a message that is refused takes nothing along.
import { native } from '../native.js';
import { dropHandle, type Shared } from './handle.js';
import type { Departure } from './shareable.js';

export class Departing {
  readonly #counted: { readonly handle: Shared<unknown>; leave: (() => void) | undefined }[] = [];

  /** Whether any of them can arrive only once. */
  get any(): boolean {
    return this.#counted.length > 0;
  }

  /** The handle to write into the message. */
  add({ kind, value, leave, early }: Departure): Shared<unknown> {
    if (early === true) leave?.();
    const ticket = leave === undefined ? 0 : native.issueTicket();
    const handle: Shared<unknown> = { moirai: kind, ticket, value };
    if (leave !== undefined) {
      this.#counted.push({ handle, leave: early === true ? undefined : leave });
    }
    return handle;
  }

  /**
   * They go; the handles of those that must arrive, or be dropped. Throws where one cannot go any more,
   * because a getter in the message has closed it: those that went before it are dropped.
   */
  leave(): readonly Shared<unknown>[] {
    try {
      for (const one of this.#counted) {
        one.leave?.();
        one.leave = undefined;
      }
    } catch (error) {
      this.cancel();
      throw error;
    }
    return this.#counted.map(({ handle }) => handle);
  }

  /** There will be no such message: what has left arrives nowhere, the others stay. */
  cancel(): void {
    for (const { handle, leave } of this.#counted) {
      if (leave === undefined) dropHandle(handle);
      else native.redeemTicket(handle.ticket);
    }
  }
}
