// What objects with native code of their own have in common: a name or none, a way to other threads, an
// end. Their memory is a place like those of locks.
import { MoiraiError } from '../base/index.js';
import { sharing, type Departure, type Shareable } from '../share/index.js';
import { openPlace, unlinkPlace, type Place, type PlaceRequest } from './place.js';

export abstract class SharedObject implements Disposable, Shareable {
  readonly #kind: string;
  readonly #place: Place;
  #closed = false;

  /** `kind`: what it is registered as, for those to whom it goes. */
  protected constructor(kind: string, place: Place) {
    this.#kind = kind;
    this.#place = place;
  }

  /** The name under which other processes find it; undefined for one of this process alone. */
  get name(): string | undefined {
    const { handle } = this.#place;
    return 'name' in handle ? handle.name : undefined;
  }

  /** Whether this thread has closed it. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** This thread is done with it; others are not concerned, and a name stays. Again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.closeNative(); // before the memory goes
    this.#place.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes the name away; those who have the object open keep it. Whether there was one. */
  static unlink(name: string): boolean {
    return unlinkPlace(name);
  }

  /** @internal How it goes to another thread: as that thread's own object in the same memory. */
  [sharing](): Departure {
    if (this.#closed) throw closedError();
    return { kind: this.#kind, value: this.#place.handle };
  }

  protected abstract closeNative(): void;
}

/** A place for what may be large. */
export function openLargePlace(request: PlaceRequest): Place {
  try {
    return openPlace(request);
  } catch (cause) {
    // From the constructor of SharedArrayBuffer; our own have codes.
    if (!(cause instanceof RangeError) || 'code' in cause) throw cause;
    throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', `${request.bytes} bytes`, { cause });
  }
}

/** What native code makes of the place, which is left where that is nothing. */
export function openedIn<N>(place: Place, opened: N | undefined): N {
  if (opened !== undefined) return opened;
  place.close();
  throw corruptError();
}

export function closedError(): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_CLOSED', 'this thread has closed the object');
}

export function corruptError(): MoiraiError {
  return new MoiraiError('ERR_MOIRAI_CORRUPT', 'the memory of the object is not what it must be');
}
