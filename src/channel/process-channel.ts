// Channels between processes: found by name or by descriptor, joined by each end for itself.
import { checkOptions, invalidType, MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { checkCodec } from './codec-of.js';
import { takeEnd, type ChannelHandle } from './end.js';
import type { MessageCodec } from './messages.js';
import {
  channelPath,
  createChannelFile,
  joinChannelFile,
  lossesOf,
  openChannelFile,
  type ChannelFile,
  type PeerLoss,
  type ProcessChannelKind,
} from './process-files.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';

/** What both ways to a channel between processes take. */
export interface ProcessOptions {
  /**
   * Told once for each end, of whatever direction and process, that died without closing. From the event
   * loop, within about 50 ms of the death while it turns; keeps the ends of this channel that are open
   * from being collected, and no process alive.
   */
  readonly peerLost?: ((loss: PeerLoss) => void) | undefined;
}

/** What `openChannel` takes. */
export interface OpenOptions<T> extends ProcessOptions {
  /** What it carries, to be checked. Default: what the channel's maker said, unchecked by the compiler. */
  readonly codec?: MessageCodec<T> | undefined;
}

/**
 * A channel that other processes of this user can open: by its name, or by its descriptor `fd`. It is in
 * shared memory of the owner's alone (mode 0600), all of which is reserved when it is made.
 *
 * An end is taken when it is first asked for, so each process asks for the one that it uses:
 * `const { sender } = openChannel('prices')`. An `spsc` channel has one of each side, an `mpmc` channel 64
 * in all (`clone()`).
 *
 * A process that dies, by whatever means and at whatever instant, is noticed by those who wait or find
 * nothing to do, within about 50 ms. What it had claimed and not committed is never received; what it had
 * taken and not released is lost, counted, and told to `peerLost`; everything else goes on. A process that
 * is stopped is not dead. A channel whose ends have all died stays, with its messages, until it is opened
 * again or unlinked.
 *
 * The channel ends, and its name goes, when both sides have been there and the last end closes.
 */
export class ProcessChannel<T> implements Disposable {
  readonly name: string | undefined;
  readonly kind: ProcessChannelKind;
  /** Messages that the channel holds. */
  readonly capacity: number;
  readonly peerLost: ((loss: PeerLoss) => void) | undefined;
  readonly #facts: ChannelFile;
  #file: number;
  /** Closes the file of a channel that nobody holds any more, its ends neither. */
  readonly #held: object;
  #sender: Sender<T> | undefined;
  #receiver: Receiver<T> | undefined;

  /** @internal Use `createChannel` or `openChannel`. */
  constructor(facts: ChannelFile, name: string | undefined, { peerLost }: ProcessOptions) {
    this.name = name;
    this.kind = facts.kind;
    this.capacity = facts.capacity;
    this.peerLost = peerLost;
    this.#facts = facts;
    this.#file = facts.file;
    this.#held = native.processChannel.hold(facts.file);
  }

  /**
   * The end that sends. It joins the channel at the first time, and again after it was closed.
   *
   * @throws MoiraiError WOULD_BLOCK: others have all the places there are; CLOSED: the channel has ended,
   * or this object was closed; CORRUPT, NOT_SUPPORTED as `openChannel`; SYSTEM: no descriptor is left.
   */
  get sender(): Sender<T> {
    if (this.#sender?.isClosed === false) return this.#sender;
    const handle = this.join(true);
    this.#sender = takeEnd(handle, true, () => new Sender<T>(handle));
    return this.#sender;
  }

  /** The end that receives: as `sender`. */
  get receiver(): Receiver<T> {
    if (this.#receiver?.isClosed === false) return this.#receiver;
    const handle = this.join(false);
    this.#receiver = takeEnd(handle, false, () => new Receiver<T>(handle));
    return this.#receiver;
  }

  /** The channel's descriptor, −1 after `close`: for `stdio` of a child process. */
  get fd(): number {
    return this.#file;
  }

  /**
   * All that was lost since the channel was made.
   *
   * @throws MoiraiError CLOSED after `close`, CORRUPT.
   */
  losses(): PeerLoss {
    return lossesOf(this.#open());
  }

  /** Takes the name away; those who have the channel keep it. Whether there was one. */
  unlink(): boolean {
    return this.name !== undefined && unlinkChannel(this.name);
  }

  /** Closes the descriptor, not the ends, each of which has its own; again does nothing. */
  close(): void {
    if (this.#file < 0) return;
    this.#file = -1;
    native.processChannel.letGo(this.#held);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal One end more, to be attached: for ends and their clones. */
  join(sends: boolean): ChannelHandle {
    const { id, memory } = joinChannelFile({ ...this.#facts, file: this.#open() }, sends);
    const { kind, capacity, message } = this.#facts;
    return { id, memory, kind, capacity, message, process: this };
  }

  #open(): number {
    if (this.#file >= 0) return this.#file;
    throw new MoiraiError('ERR_MOIRAI_CLOSED', 'this channel was closed here');
  }
}

/** A channel between processes, new. */
export function createProcessChannel<T>(
  kind: ProcessChannelKind,
  capacity: number,
  codec: MessageCodec<never>,
  name: string | undefined,
  options: ProcessOptions,
): ProcessChannel<T> {
  checkPeerLost(options.peerLost);
  const path = name === undefined ? undefined : channelPath(name, 'options.name');
  return new ProcessChannel<T>(createChannelFile(kind, capacity, codec, path), name, options);
}

/**
 * Opens a channel that another process, or this one, has made: by its name, or by a descriptor that came
 * from there (`stdio` of a child process), of which a duplicate is kept.
 *
 * All that is in the memory is checked as it is read: whatever another process has written there can give
 * an error and nothing worse.
 *
 * @throws TypeError or RangeError INVALID_ARGUMENT, also where `codec` is not the channel's.
 * @throws MoiraiError SYSTEM with errno ENOENT: there is none of this name; PERMISSION: it is another
 * user's, or others may write to it; NOT_SUPPORTED: its layout is of another version of this library;
 * CORRUPT: it is no channel; CLOSED: it has ended.
 *
 * @example
 * const { receiver } = openChannel('prices', { codec: f64() });
 * for await (const price of receiver) update(price);
 */
export function openChannel<T = unknown>(
  source: string | { readonly fd: number },
  options?: OpenOptions<T>,
): ProcessChannel<T> {
  const given = checkOptions('options', options, ['codec', 'peerLost']);
  checkPeerLost(given.peerLost);
  const codec = given.codec === undefined ? undefined : checkCodec('options.codec', given.codec);
  const facts = openChannelFile(sourceOf(source));
  if (codec !== undefined && JSON.stringify(codec.shape) !== JSON.stringify(facts.message)) {
    native.region.closeFile(facts.file);
    throw invalidType('options.codec', `that of the channel, ${facts.message.kind}`, codec.shape);
  }
  const name = typeof source === 'string' ? source : undefined;
  return new ProcessChannel<T>(facts, name, given);
}

/**
 * Takes the name of a channel away; those who have it open keep it.
 *
 * @returns whether there was one.
 * @throws MoiraiError PERMISSION.
 */
export function unlinkChannel(name: string): boolean {
  const failed = native.region.unlink(channelPath(name, 'name'));
  if (failed === 0) return true;
  if (failed === 2) return false; // ENOENT
  throw new MoiraiError('ERR_MOIRAI_SYSTEM', `unlink failed`, { errno: failed, syscall: 'unlink' });
}

function sourceOf(source: unknown): { path: string } | { fd: number } {
  if (typeof source === 'string') return { path: channelPath(source, 'source') };
  const fd = (source as { fd?: unknown } | null | undefined)?.fd;
  if (Number.isInteger(fd)) return { fd: fd as number };
  throw invalidType('source', "a channel's name, or { fd }", source);
}

function checkPeerLost(value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw invalidType('options.peerLost', 'a function', value);
}
