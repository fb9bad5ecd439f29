// A message that is written or read where it lies: one at a time at each end.
import { MoiraiError } from '../base/index.js';
import type { Views } from '../codec/index.js';
import type { MessageCodec } from './messages.js';
import { nowhere, type InPlaceCodec } from './struct.js';

/** A slot that `tryClaim` gave. Write `view`, then commit; a slot that is aborted is never received. */
export interface ClaimedSlot<T> {
  /** The fields, as they were left by an earlier message; not to be kept after commit or abort. */
  readonly view: T;
  commit(): void;
  abort(): void;
}

/** A message that `tryPeek` gave. */
export interface PeekedSlot<T> {
  /** The fields; not to be kept after release. */
  readonly view: T;
  /** The message is received. */
  release(): void;
}

/** The one view of an end, moved from message to message. */
export class InPlaceMessage<T> implements ClaimedSlot<T>, PeekedSlot<T> {
  readonly view: T;
  readonly #place: (at: number) => void;
  readonly #done: (committed: boolean) => void;
  #open = false;

  /** `done`: what becomes of the slot. */
  constructor(codec: MessageCodec<T>, views: Views, done: (committed: boolean) => void) {
    if (!('view' in codec)) {
      const why = 'only channels of structs can be used in place';
      throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
    }
    const { view, place } = (codec as unknown as InPlaceCodec<T>).view(views);
    this.view = view;
    this.#place = place;
    this.#done = done;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  open(at: number): this {
    this.#open = true;
    this.#place(at);
    return this;
  }

  /** Without telling anybody: the end itself has closed. */
  drop(): void {
    this.#open = false;
    this.#place(nowhere);
  }

  commit(): void {
    this.#end(true);
  }

  abort(): void {
    this.#end(false);
  }

  release(): void {
    this.#end(true);
  }

  #end(committed: boolean): void {
    if (!this.#open) {
      throw new MoiraiError('ERR_MOIRAI_CLOSED', 'this slot was committed, aborted or released');
    }
    this.drop();
    this.#done(committed);
  }
}

/** @throws MoiraiError WOULD_BLOCK while a slot is open, which comes first in the order. */
export function checkNotOpen(
  message: Pick<InPlaceMessage<unknown>, 'isOpen'> | undefined,
  value?: unknown,
): void {
  if (message?.isOpen !== true) return;
  const why = 'a slot of this end is open: commit, abort or release it first';
  throw new MoiraiError('ERR_MOIRAI_WOULD_BLOCK', why, { value });
}

/** @throws MoiraiError NOT_SUPPORTED where messages lie in batches. */
export function checkInPlace(batch: object | undefined): void {
  if (batch === undefined) return;
  const why = 'messages of a channel with batching cannot be used in place';
  throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
}
