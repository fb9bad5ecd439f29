// What a class does so that its objects can go to other threads: a method under `sharing` that says how
// an object leaves, and a kind, registered where the class is, that says how it arrives. Whoever carries
// values between threads (share and attach, the codec of tasks) knows these two and no class.
//
// A module registers its kinds when it is loaded, so a thread knows those of what it has imported.

/** The method of an object that can go to another thread. */
export const sharing: unique symbol = Symbol('moirai.sharing');

/** How an object goes. Asking for it changes nothing. */
export interface Departure {
  readonly kind: string;
  /** What it is made from there: as structuredClone takes it, with SharedArrayBuffers. */
  readonly value: unknown;
  /**
   * It goes now; exactly one arrival or `drop` follows. Of an object that somebody counts. Without it
   * any number may arrive, or none.
   */
  readonly leave?: (() => void) | undefined;
  /**
   * It leaves while the message is written, as `value` is complete only then; should the message be
   * refused, it is dropped. For clones, whose leaving nobody sees.
   */
  readonly early?: boolean | undefined;
}

/** An object of this package that can go to another thread: an end of a channel, a NumaBuffer, … */
export interface Shareable {
  [sharing](): Departure;
}

export interface SharedKind {
  /** The object from `Departure.value`, on this thread. */
  readonly attach: (value: never) => unknown;
  /** What has left will arrive nowhere. For kinds with `leave`. */
  readonly drop?: (value: never) => void;
}

const kinds = new Map<string, SharedKind>();

export function registerKind(name: string, kind: SharedKind): void {
  kinds.set(name, kind);
}

/** Undefined where the module that it belongs to is not loaded. */
export function kindNamed(name: string): SharedKind | undefined {
  return kinds.get(name);
}

/** Whether the module that objects of this kind belong to is loaded. */
export function isKnown(kind: string): boolean {
  return kinds.has(kind);
}

export function isShareable(object: object): object is Shareable {
  return typeof (object as Partial<Shareable>)[sharing] === 'function';
}

/** Undefined for what cannot be shared. */
export function departureOf(object: unknown): Departure | undefined {
  if (typeof object !== 'object' || object === null || !isShareable(object)) return undefined;
  return object[sharing]();
}
