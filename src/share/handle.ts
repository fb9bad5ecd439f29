// Handles: objects on their way. The ticket in a handle is redeemed by the thread that attaches it, or by
// the one that gives it up because it will arrive nowhere: whoever is first. So nothing is attached twice,
// and nothing that was counted out is forgotten.
import { invalidType, MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { departureOf, kindNamed, type Shareable } from './shareable.js';

/** An object on its way to another thread, by postMessage or workerData. For the thread that gets it. */
export interface Shared<T> {
  /** `attach` gives one of these; there is no such property. */
  readonly __type?: T;
  readonly moirai: string;
  /** Redeemed by whoever attaches it; 0: anybody may. */
  readonly ticket: number;
  readonly value: unknown;
}

/**
 * What another thread needs to have this object: a Sender or a Receiver, a NumaBuffer, a NumaPool. To be
 * attached once, by any thread of this process. Arguments and results of tasks need no handle.
 *
 * The end of a channel that only one thread can have moves: it is closed here. Other ends are cloned. A
 * handle that is never attached keeps the other side of its channel waiting.
 *
 * @throws TypeError `ERR_MOIRAI_INVALID_ARGUMENT` for anything else, MoiraiError CLOSED for an end that
 * is closed.
 * @example
 * const worker = new Worker(url, { workerData: share(receiver) }); // there: attach(workerData)
 */
export function share<T extends Shareable>(object: T): Shared<T> {
  const departure = departureOf(object);
  if (departure === undefined) {
    throw invalidType(
      'object',
      'a Sender, a Receiver or another object that can be shared',
      object,
    );
  }
  departure.leave?.();
  return { moirai: departure.kind, ticket: native.issueTicket(), value: departure.value };
}

/**
 * The object that a handle from `share` stands for, on this thread.
 *
 * @throws TypeError `ERR_MOIRAI_INVALID_ARGUMENT` for what is no handle, MoiraiError CLOSED for one that
 * was attached before, here or elsewhere. Where it fails for another reason (SYSTEM: no descriptor is left) the
 * handle is as good as before.
 */
export function attach<T>(handle: Shared<T>): T {
  const { moirai, ticket, value } = checkHandle(handle);
  const kind = kindNamed(moirai);
  if (kind === undefined)
    throw invalidType('handle', 'of something that this version knows', handle);
  if (ticket === 0) return kind.attach(value as never) as T;
  if (!native.holdTicket(ticket)) {
    throw new MoiraiError('ERR_MOIRAI_CLOSED', 'this handle was attached before');
  }
  let arrived = false;
  try {
    const object = kind.attach(value as never) as T;
    arrived = true;
    return object;
  } finally {
    native.settleTicket(ticket, arrived);
  }
}

/** It will arrive nowhere. Nothing happens where it has arrived already. */
export function dropHandle({ moirai, ticket, value }: Shared<unknown>): void {
  if (ticket !== 0 && native.redeemTicket(ticket)) kindNamed(moirai)?.drop?.(value as never);
}

function checkHandle(handle: unknown): Shared<unknown> {
  if (typeof handle === 'object' && handle !== null) {
    const { moirai, ticket } = handle as Partial<Shared<unknown>>;
    const known = typeof moirai === 'string' && typeof ticket === 'number';
    if (known && 'value' in handle) return handle as Shared<unknown>;
  }
  throw invalidType('handle', 'what share() gave', handle);
}
