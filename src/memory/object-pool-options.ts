// What a pool of objects is told, and what it tells.
export interface ObjectPoolOptions<T extends object> {
  /** Makes a new object when none is free. A different one each time. */
  readonly create: () => T;
  /** Brings an object that comes back into the state in which the next user wants it. */
  readonly reset?: ((object: T) => void) | undefined;
  /**
   * Whether an object is fit for the next user. Asked when one comes back, after `reset`; one that is not
   * fit is dropped. With `reset`, also asked before it, to count what `reset` has corrected.
   */
  readonly isClean?: ((object: T) => boolean) | undefined;
  /** At most so many free objects are kept, 1 to 2 ** 24. Default 1024. What is in use is not bounded. */
  readonly max?: number | undefined;
  /** So many objects are made at once, up to `max`. Default 0. */
  readonly prefill?: number | undefined;
}

/** Counts since the pool was made, and its state. */
export interface ObjectPoolStats {
  /** Calls of `create` that gave an object. */
  readonly created: number;
  /** Acquires that were served by a free object. */
  readonly reused: number;
  /** `reused` by all acquires, 0 to 1; 0 before the first. */
  readonly hitRate: number;
  /** Objects that came back dirty and that `reset` made clean. Counted where `isClean` is given. */
  readonly corrected: number;
  /** Objects that were not kept because they were dirty after all, or `reset` or `isClean` threw. */
  readonly dropped: number;
  /** Clean objects that were not kept because `max` were free. */
  readonly discarded: number;
  /** Acquired and not released yet, those that their user has forgotten included. */
  readonly inUse: number;
  /** Waiting for the next user. */
  readonly free: number;
}
