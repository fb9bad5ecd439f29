// Making channels.
import {
  checkInteger,
  checkOneOf,
  checkOptions,
  invalidRange,
  MoiraiError,
} from '../base/index.js';
import { native } from '../native.js';
import { batchCodec, checkBatching, type Batching } from './batching.js';
import { checkCodec } from './codec-of.js';
import { openChannelMemory, takeEnd } from './end.js';
import { kinds, maxCapacity, type ChannelKind, type OnLag } from './kinds.js';
import { cloneable, type MessageCodec } from './messages.js';
import {
  createProcessChannel,
  type ProcessChannel,
  type ProcessOptions,
} from './process-channel.js';
import type { ProcessChannelKind } from './process-files.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';

/** What `createChannel` takes. */
export interface ChannelOptions<T> {
  /**
   * - `spsc`: one sender and one receiver; the fastest.
   * - `mpmc` (default): any number of both; each message goes to one receiver.
   * - `unbounded`: as `mpmc`, but senders never wait: messages lie in blocks of memory that are taken when
   *   they are needed, used again when they are drained, and given back to the system but for a few.
   * - `rendezvous`: holds nothing. A send is done when a receiver has taken the message; `trySend` works
   *   while a receiver waits, `tryReceive` while a sender does. A wait that ends by time or signal is met
   *   by nobody: its value is handed back and never received. Up to 1,024 ends at a time.
   * - `oneshot`: one message. The sender is closed when it has sent, and the receiver gets DISCONNECTED
   *   after the message.
   * - `broadcast`: each message goes to every receiver. A clone of a receiver begins where that one
   *   stands. Up to 256 senders and as many receivers at a time.
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
  /**
   * Of a `broadcast` channel, when a receiver is a whole ring behind: senders `wait` for it (default), or
   * `drop` what it has not had: its next call fails with LAGGED, with `missed` saying how many messages
   * it will not have, and the calls after that go on with the oldest there is.
   */
  readonly onLag?: OnLag | undefined;
  /** What it carries. Default `cloneable()`: any value that structuredClone takes. */
  readonly codec?: MessageCodec<T> | undefined;
  /**
   * The sender collects messages and sends several at a time, the more the faster they come; `{}` for the
   * defaults. Order is kept. Of kinds `spsc`, `mpmc` and `unbounded`. `capacity` counts batches then, each
   * of at least one message (default 64), and a batch goes to one receiver.
   *
   * A message waits for up to `maxDelay` in its sender, while that thread's event loop turns: a thread that
   * computes, or blocks other than at a channel, keeps what it has collected. `flush` sends it, `close` too.
   * What a thread had not sent when it ended is lost.
   */
  readonly batching?: Batching | undefined;
}

/** What `createChannel` takes for a channel between processes. */
export interface ProcessChannelOptions<T> extends ChannelOptions<T>, ProcessOptions {
  readonly kind?: ProcessChannelKind | undefined;
  /**
   * 1 to 192 letters, digits, `.`, `_` and `-`; a user's own names. Other processes of this user find the
   * channel by it: `openChannel`.
   */
  readonly name?: string | undefined;
  /** Without a name other processes open the channel by its descriptor `fd`. Implied by a name. */
  readonly processes?: boolean | undefined;
}

type AnyChannelOptions<T> = Omit<ProcessChannelOptions<T>, 'kind'> & ChannelOptions<T>;

/** The two ends of a new channel. */
export interface ChannelPair<T> {
  readonly sender: Sender<T>;
  readonly receiver: Receiver<T>;
}

/**
 * A bounded channel over shared memory: messages are written into a ring that both threads see, and a
 * thread that sleeps in its event loop is woken.
 *
 * With a `name`, or `processes: true`, it is a channel between processes: see {@link ProcessChannel}.
 *
 * @throws TypeError or RangeError INVALID_ARGUMENT.
 * @throws MoiraiError OUT_OF_MEMORY: there is no room, in /dev/shm where it is between processes; SYSTEM
 * with errno EEXIST: there is one of this name; PERMISSION, NOT_SUPPORTED: no /dev/shm to write to.
 *
 * @example
 * const { sender, receiver } = createChannel({ codec: f64(), kind: 'spsc' });
 * const worker = new Worker(url, { workerData: share(receiver) }); // there: attach(workerData)
 * sender.trySend(42);
 */
export function createChannel<T = unknown>(
  options: ProcessChannelOptions<T> & ({ readonly name: string } | { readonly processes: true }),
): ProcessChannel<T>;
export function createChannel<T = unknown>(options?: ChannelOptions<T>): ChannelPair<T>;
export function createChannel<T = unknown>(
  options?: ChannelOptions<T> | ProcessChannelOptions<T>,
): ChannelPair<T> {
  const known = [
    'kind',
    'capacity',
    'onLag',
    'codec',
    'batching',
    'name',
    'processes',
    'peerLost',
  ] as const;
  const given = checkOptions<AnyChannelOptions<T>>('options', options, known);
  const kind = checkOneOf(
    'options.kind',
    given.kind ?? 'mpmc',
    Object.keys(kinds) as ChannelKind[],
  );
  const own = checkCodec('options.codec', given.codec ?? cloneable());
  const onLag = checkOneOf('options.onLag', given.onLag ?? 'wait', ['wait', 'drop']);
  if (given.onLag !== undefined && kind !== 'broadcast') {
    throw invalidRange('options.onLag', `absent: kind ${kind} has no such choice`, given.onLag);
  }
  const betweenProcesses = given.name !== undefined || given.processes === true;
  if (own.shape.kind === 'block' && (kinds[kind].unowned === true || betweenProcesses)) {
    const why =
      'blocks go through channels between threads, and not of kind rendezvous or broadcast';
    throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
  }
  const { batching } = given;
  const codec = batching === undefined ? own : batchCodec(own, checkBatching(own, batching));
  if (batching !== undefined && own.shape.kind === 'block') {
    // A block that is in no channel yet would be nobody's if its sender's thread ended.
    throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', 'blocks do not go in batches');
  }
  if (batching !== undefined && (betweenProcesses || !kinds[kind].batches)) {
    const why = betweenProcesses ? 'between processes' : `with kind ${kind}`;
    throw invalidRange('options.batching', `absent: not ${why}`, batching);
  }
  const usual = batching === undefined || kind === 'unbounded' ? undefined : 64;
  const capacity = checkCapacity(kind, given.capacity ?? usual, codec.bytes);
  if (betweenProcesses) {
    const ring = checkOneOf('options.kind', kind, ['spsc', 'mpmc'] as const);
    return createProcessChannel<T>(ring, capacity, codec, given.name, given);
  }
  if (given.peerLost !== undefined) {
    throw invalidRange(
      'options.peerLost',
      'absent without a name: peers are threads',
      'a function',
    );
  }
  const handle = openChannelMemory(kind, capacity, codec, onLag);
  try {
    const sender = takeEnd(handle, true, () => new Sender<T>(handle));
    return { sender, receiver: new Receiver<T>(handle) };
  } catch (error) {
    native.dropEnd(handle.id, false, 0);
    throw error;
  }
}

function checkCapacity(kind: ChannelKind, asked: number | undefined, messageBytes: number): number {
  const { capacity, ends } = kinds[kind];
  if (capacity === undefined) {
    if (asked === undefined) return Math.min(ends ?? 1, Math.ceil(2 ** 30 / messageBytes));
    throw invalidRange('options.capacity', `absent: kind ${kind} has none`, asked);
  }
  const usual = capacity.usual(messageBytes);
  const count = checkInteger('options.capacity', asked ?? usual, 1, maxCapacity);
  return capacity.power ? 2 ** Math.ceil(Math.log2(count)) : count;
}
