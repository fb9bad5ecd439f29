// Making channels.
import { checkInteger, checkOneOf, checkOptions } from '../base/index.js';
import { openChannelMemory, type ChannelKind } from './end.js';
import { checkCodec } from './codec-of.js';
import { cloneable, type MessageCodec } from './messages.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';

/** What `createChannel` takes. */
export interface ChannelOptions<T> {
  /**
   * - `spsc`: one sender and one receiver; the fastest.
   * - `mpmc` (default): any number of both; each message goes to one receiver.
   * - `unbounded`: as `mpmc`, but senders never wait: messages lie in blocks of memory that are taken when
   *   they are needed, used again when they are drained, and given back to the system but for a few.
   */
  readonly kind?: ChannelKind | undefined;
  /**
   * Messages that it holds at least, rounded up to a power of two. Default 1,024.
   *
   * Of an `unbounded` channel: messages for which addresses are reserved, at most 4 GiB; memory is taken
   * only as they come. What goes beyond is refused with OUT_OF_MEMORY, its value handed back. Default: what
   * fits in 1 GiB, at most 2^24.
   */
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
  const kind = checkOneOf('options.kind', given.kind ?? 'mpmc', ['spsc', 'mpmc', 'unbounded']);
  const codec = checkCodec('options.codec', given.codec ?? cloneable());
  const most = 2 ** 24;
  const usual =
    kind === 'unbounded' ? Math.min(most, Math.ceil(2 ** 30 / (codec.bytes + 8))) : 1024;
  const asked = checkInteger('options.capacity', given.capacity ?? usual, 1, most);
  const capacity = kind === 'unbounded' ? asked : 2 ** Math.ceil(Math.log2(asked));
  const handle = openChannelMemory(kind, capacity, codec);
  return { sender: new Sender<T>(handle), receiver: new Receiver<T>(handle) };
}
