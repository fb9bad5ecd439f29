// Making channels, and giving their ends to other threads.
import { checkInteger, checkOneOf, checkOptions, invalidType } from '../base/index.js';
import { openChannelMemory, type ChannelHandle, type ChannelKind } from './end.js';
import { checkCodec } from './codec-of.js';
import { cloneable, type MessageCodec } from './messages.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';

/** What `createChannel` takes. */
export interface ChannelOptions<T> {
  /**
   * - `spsc`: one sender and one receiver; the fastest.
   * - `mpmc` (default): any number of both; each message goes to one receiver.
   */
  readonly kind?: ChannelKind | undefined;
  /** Messages that it holds at least, rounded up to a power of two. Default 1,024. */
  readonly capacity?: number | undefined;
  /** What it carries. Default `cloneable()`: any value that structuredClone takes. */
  readonly codec?: MessageCodec<T> | undefined;
}

/** The two ends of a new channel. */
export interface ChannelPair<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
}

/**
 * A bounded channel over shared memory: messages are written into a ring that both threads see, and a
 * thread that sleeps in its event loop is woken.
 *
 * @example
 * const { sender, receiver } = createChannel({ codec: f64(), kind: 'spsc' });
 * const worker = new Worker(url, { workerData: share(receiver) }); // there: attach(workerData)
 * sender.trySend(42);
 */
export function createChannel<T = unknown>(options?: ChannelOptions<T>): ChannelPair<T> {
  const given = checkOptions('options', options, ['kind', 'capacity', 'codec']);
  const kind = checkOneOf('options.kind', given.kind ?? 'mpmc', ['spsc', 'mpmc']);
  const asked = checkInteger('options.capacity', given.capacity ?? 1024, 1, 2 ** 24);
  const capacity = 2 ** Math.ceil(Math.log2(asked));
  const codec = checkCodec('options.codec', given.codec ?? cloneable());
  const handle = openChannelMemory(kind, capacity, codec);
  return { sender: new Sender<T>(handle), receiver: new Receiver<T>(handle) };
}

/** An end of a channel on its way to another thread, by postMessage, workerData or task arguments. */
export interface Shared<T> {
  /** `attach` gives one of these; there is no such property. */
  readonly __type?: T;
  readonly moirai: 'sender' | 'receiver';
  readonly channel: ChannelHandle;
}

/**
 * What another thread needs to have this end: an end of an `spsc` channel moves there and is closed
 * here, one of an `mpmc` channel is cloned. To be attached once; one that never is keeps the other side
 * waiting for it.
 */
export function share<T>(end: Sender<T>): Shared<Sender<T>>;
export function share<T>(end: Receiver<T>): Shared<Receiver<T>>;
export function share<T>(end: Sender<T> | Receiver<T>): Shared<unknown> {
  if (!(end instanceof Sender) && !(end instanceof Receiver)) {
    throw invalidType('end', 'a Sender or a Receiver', end);
  }
  // A second handle on a single-owner end would let two threads into one side of the ring.
  const channel = end.sharesByMoving ? end.move() : end.another();
  return { moirai: end instanceof Sender ? 'sender' : 'receiver', channel };
}

/** The end that a handle from `share` stands for, on this thread. */
export function attach<E>(handle: Shared<E>): E {
  const { moirai, channel } = (handle as Partial<Shared<E>> | null) ?? {};
  if (channel === undefined || (moirai !== 'sender' && moirai !== 'receiver')) {
    throw invalidType('handle', 'what share() gave', handle);
  }
  return (moirai === 'sender' ? new Sender(channel) : new Receiver(channel)) as E;
}
