// Objects that come with messages. A message may have to be read again, when something that it names
// was not known yet: what arrived at the first reading is there at the second.
import { MoiraiError } from '../base/index.js';
import { attach, type Shared } from './handle.js';
import { isKnown } from './shareable.js';

export class Arrivals {
  /** The last reading ended at an object whose module is not loaded. */
  unknown = false;
  /** Of the message that is being read: what can arrive only once, by its ticket. */
  #met: Map<number, unknown> | undefined;
  /** Of messages that will be read again, by the number of the message. */
  readonly #kept = new Map<number, Map<number, unknown>>();

  begin(message: number): void {
    this.unknown = false;
    this.#met = undefined;
    if (this.#kept.size === 0) return;
    this.#met = this.#kept.get(message);
    this.#kept.delete(message);
  }

  /** An object of this kind comes next; throws where nothing is known of them. */
  expect(kind: string): void {
    if (isKnown(kind)) return;
    this.unknown = true;
    throw new MoiraiError('ERR_MOIRAI_CORRUPT', `nothing is known of the kind ${kind}`);
  }

  attach(handle: Shared<unknown>): unknown {
    const { ticket } = handle;
    if (ticket === 0) return attach(handle);
    const met = (this.#met ??= new Map());
    if (!met.has(ticket)) met.set(ticket, attach(handle));
    return met.get(ticket);
  }

  /** The message will be read again. */
  keep(message: number): void {
    if (this.#met !== undefined) this.#kept.set(message, this.#met);
  }

  /** The message, begun or kept, will not be read to its end: what has arrived is closed. */
  refuse(message: number): void {
    const arrived = this.#met ?? this.#kept.get(message);
    this.#met = undefined;
    this.#kept.delete(message);
    if (arrived === undefined) return;
    for (const object of arrived.values()) (object as Disposable)[Symbol.dispose]();
  }
}
