// What barriers, wait groups and once have in common: a turn, a name or none, an end.
import { sharing, type Departure, type Shareable } from '../share/index.js';
import { knownObject } from './known.js';
import { unlinkPlace, type ObjectKind, type Place } from './place.js';
import { closedError } from './shared-object.js';
import { Turn } from './turn.js';

export abstract class TurnObject implements Disposable, Shareable {
  readonly #kind: string;
  #turn: Turn | undefined;

  /** `name`: what it is registered as, for those to whom it goes. */
  protected constructor(name: string, kind: ObjectKind, place: Place) {
    this.#kind = name;
    this.#turn = knownObject(kind, place.id, () => new Turn(place));
    if (this.#turn.place !== place) place.close();
    this.#turn.use();
  }

  /** This thread is done with it. Its waits fail with CLOSED. Again does nothing. */
  close(): void {
    this.#turn?.leave();
    this.#turn = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes the name away; those who have the object open keep it. Whether there was one. */
  static unlink(name: string): boolean {
    return unlinkPlace(name);
  }

  /** @internal How it goes to another thread: as that thread's own object for the same one. */
  [sharing](): Departure {
    return { kind: this.#kind, value: this.open().place.handle };
  }

  protected open(): Turn {
    if (this.#turn === undefined) throw closedError();
    return this.#turn;
  }
}
