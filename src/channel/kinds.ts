// The kinds of channel there are, and in what the ends of one differ from those of another.

/** How messages go from senders to receivers: see `ChannelOptions.kind`. */
export type ChannelKind = 'spsc' | 'mpmc' | 'unbounded' | 'rendezvous' | 'oneshot' | 'broadcast';

/** What becomes of a message that a receiver of a `broadcast` channel has not had when room is needed. */
export type OnLag = 'wait' | 'drop';

export interface KindTraits {
  /** The kind as the native side knows it; one more for a broadcast channel that drops. */
  readonly number: number;
  /** One sender and one receiver, which move to other threads; else ends are cloned. */
  readonly single: boolean;
  /** What `capacity` may be, and is if it is not said; none: it may not be said. */
  readonly capacity?: { readonly usual: (messageBytes: number) => number; readonly power: boolean };
  /** How many ends there can be at a time, where that is limited. */
  readonly ends?: number;
  /** A message may be in nobody's hands, or in several; so it can stand for nothing that has one owner. */
  readonly unowned?: true;
  /** Senders may collect messages: one slot then holds several. */
  readonly batches: boolean;
  /** Memory is taken when it is touched; else at once, which is cheaper for little. */
  readonly mapped: boolean;
}

/** The largest capacity. */
export const maxCapacity = 2 ** 24;

const ring = { usual: () => 1024, power: true };
const reserved = {
  usual: (bytes: number) => Math.min(maxCapacity, Math.ceil(2 ** 30 / (bytes + 8))),
  power: false,
};

export const kinds: Readonly<Record<ChannelKind, KindTraits>> = {
  spsc: { number: 0, single: true, batches: true, capacity: ring, mapped: true },
  mpmc: { number: 1, single: false, batches: true, capacity: ring, mapped: true },
  unbounded: { number: 2, single: false, batches: true, capacity: reserved, mapped: true },
  // As many ends as there can be at a time have a place for a message in memory.
  rendezvous: { number: 4, single: false, batches: false, ends: 1024, unowned: true, mapped: true },
  oneshot: { number: 3, single: true, batches: false, mapped: false },
  broadcast: {
    number: 5,
    single: false,
    batches: false,
    capacity: ring,
    unowned: true,
    mapped: true,
  },
};
