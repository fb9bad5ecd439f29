// The end of a channel that receives.
import type { Readable } from 'node:stream';
import {
  checkInteger,
  checkMilliseconds,
  invalidType,
  MoiraiError,
  checkWait,
  type Attempt,
  type WaitOptions,
} from '../base/index.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import { native } from '../native.js';
import { ReceiverNative } from './native-end.js';
import {
  ChannelEnd,
  corrupt,
  corruption,
  disconnected,
  lagged,
  outOfMemory,
  takeEnd,
  type ChannelHandle,
} from './end.js';
import { BatchReader, type Rest } from './batch-reader.js';
import { codecOf } from './codec-of.js';
import { checkInPlace, checkNotOpen, InPlaceMessage, type PeekedSlot } from './in-place.js';
import type { MessageCodec } from './messages.js';
import type { ReceiverStats } from './stats.js';
import { nodeReadable, webReadable } from './streams.js';
import { selecting, type Arm, type SelectCase } from './select.js';
import { SpscReceiving, type ReceiverCalls } from './spsc-receiving.js';

/**
 * Receives messages from a channel, in the order in which they were sent. Belongs to the thread that
 * made or attached it.
 *
 * @example
 * for await (const price of receiver) update(price); // ends when every sender has closed
 */
export class Receiver<T>
  extends ChannelEnd<ReceiverNative>
  implements AsyncIterable<T>, SelectCase<T>
{
  readonly #codec: MessageCodec<T>;
  readonly #batch: BatchReader<T> | undefined;
  #peeked: InPlaceMessage<T> | undefined;
  #received = 0;
  #dropped = 0;
  /** What the next call throws. */
  #kept: { readonly error: unknown } | undefined;
  /** By native code, or by the ring that this side works itself. */
  readonly #calls: ReceiverCalls;
  readonly #ringOfNumbers: SpscReceiving | undefined;
  /** Where waits are announced: what has come for one that is over. */
  readonly #retract: Attempt<T> | undefined;
  readonly #receiveNumber: (() => number | undefined) | undefined;

  /** @internal Use `createChannel` or `attach`. */
  constructor(handle: ChannelHandle, rest?: Rest) {
    super(handle, codecOf(handle.message), (id, memory, onChange) => {
      const end = native.attachReceiver(id, memory, onChange, handle.place ?? 0);
      return new ReceiverNative(end);
    });
    this.#codec = this.codec;
    const { kind } = handle.message;
    if (handle.message.kind === 'batch') {
      this.#batch = new BatchReader<T>(codecOf(handle.message.of), handle.message, {
        views: this.views,
        peek: () => this.#refuse(this.#calls.peek()),
        release: () => void this.#calls.release(),
      });
      if (rest !== undefined) this.#batch.inherit(rest);
    }
    const { ring } = this.native;
    if (ring !== undefined) {
      const own = new SpscReceiving(
        this.native,
        ring,
        this.views,
        handle.capacity,
        this.codec.bytes,
      );
      this.#calls = own;
      if (kind === 'f64' || kind === 'u32') this.#ringOfNumbers = own;
      return;
    }
    this.#calls = this.native;
    if (kind === 'f64') this.#receiveNumber = this.native.receiveF64;
    else if (kind === 'u32') this.#receiveNumber = this.native.receiveU32;
    if (handle.kind === 'rendezvous') {
      this.#retract = () => (this.native.retract() ? undefined : this.#come());
    }
  }

  /**
   * The oldest message, or undefined if there is none now. About 0.05 µs for a number.
   *
   * @throws MoiraiError DISCONNECTED where every sender has closed and nothing is left, CLOSED after
   * `close`, CORRUPT where the memory was overwritten, LAGGED where messages were (`onLag`).
   */
  tryReceive(): T | undefined {
    this.checkOpen();
    if (this.waiters.any) return undefined; // they come first
    return this.#attempt();
  }

  /**
   * The oldest message as soon as there is one, in the order of the calls.
   *
   * @throws (rejects) as `tryReceive`, TIMEOUT, and the signal's reason; nothing was received then.
   */
  async receive(options?: WaitOptions): Promise<T> {
    const wait = checkWait(options);
    wait.signal?.throwIfAborted();
    const first = this.waiters.any ? undefined : this.#await();
    if (first !== undefined) return first.value;
    return this.waiters.wait(() => this.#await(), wait, this.#retract);
  }

  /**
   * The oldest message, blocking this thread until there is one or for `milliseconds` (default: no
   * limit). Also on the main thread, whose event loop stands still meanwhile.
   *
   * @throws as `tryReceive`, and TIMEOUT.
   */
  receiveSync(milliseconds?: number): T {
    const limit =
      milliseconds === undefined ? Infinity : checkMilliseconds('milliseconds', milliseconds);
    this.#ringOfNumbers?.spin(); // the way into native code and back is as long as most waits
    return this.blockUntil(() => this.#await(), limit, this.#retract);
  }

  /**
   * Fills a typed array of the codec's own type (`Float64Array` for `f64()`, `Uint32Array` for `u32()`)
   * from its beginning with what is there; how many came.
   *
   * @throws as `tryReceive`, if nothing came.
   */
  tryReceiveBatch(into: T extends number ? Float64Array | Uint32Array : never): number {
    this.checkOpen();
    const { kind } = this.handle.message;
    const fits =
      (kind === 'f64' && (into as unknown) instanceof Float64Array) ||
      (kind === 'u32' && (into as unknown) instanceof Uint32Array);
    if (!fits) {
      const wanted = { f64: 'a Float64Array', u32: 'a Uint32Array' }[kind as 'f64'];
      throw invalidType('into', wanted ?? 'absent: use receiveBatch(max)', into);
    }
    if (this.waiters.any) return 0;
    const count = Math.max(0, this.#refuse(this.#calls.receiveMany(into, 0)));
    this.#received += count;
    return count;
  }

  /** Up to `max` messages: waits for the first and takes with it what is there. */
  async receiveBatch(max: number, options?: WaitOptions): Promise<T[]> {
    checkInteger('max', max, 1, 2 ** 32 - 1);
    const values: T[] = [await this.receive(options)];
    while (values.length < max && !this.isClosed && !this.waiters.any) {
      const value = this.#attemptMore();
      if (value === undefined) break;
      values.push(value);
    }
    return values;
  }

  /**
   * The oldest message to be read where it lies, or undefined if there is none now. For channels of
   * `struct()`s. Until it is released nothing else is received at this end.
   *
   * @throws as `tryReceive`, WOULD_BLOCK while a message peeked before is open, NOT_SUPPORTED by the
   * codec.
   */
  tryPeek(): PeekedSlot<T> | undefined {
    this.checkOpen();
    checkInPlace(this.#batch);
    this.#peeked ??= new InPlaceMessage(this.#codec, this.views, () => {
      this.#calls.release();
      this.#received++;
    });
    checkNotOpen(this.#peeked);
    if (this.waiters.any) return undefined;
    const at = this.#refuse(this.#calls.peek());
    return at < 0 ? undefined : this.#peeked.open(at);
  }

  protected override leave(keep: boolean): void {
    // It counts as received: whoever looked at it may have acted on it.
    if (this.#peeked?.isOpen === true) this.#peeked.release();
    if (!keep) this.#dropped += this.#batch?.left ?? 0;
    this.#batch?.drop(); // what is left of it has gone along, where the end goes on
    super.leave(keep);
  }

  /**
   * Receives until every sender has closed; leaving the loop leaves the receiver open. Where messages may
   * be dropped LAGGED ends the loop, and another loop goes on.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let value: T;
      try {
        value = await this.receive();
      } catch (error) {
        if (error instanceof MoiraiError && error.code === 'ERR_MOIRAI_DISCONNECTED') return;
        throw error;
      }
      yield value;
    }
  }

  /**
   * A stream of the messages, which ends when every sender has closed. It receives when it is read, and
   * owns this end: cancelled, it closes it, and senders get DISCONNECTED.
   *
   * @example
   * await receiver.readable().pipeThrough(new CompressionStream('gzip')).pipeTo(response);
   */
  readable(): ReadableStream<T> {
    return webReadable(this);
  }

  /**
   * The same as a stream of Node in object mode. The message `null`, with which those end, destroys it
   * with NOT_SUPPORTED.
   *
   * @example
   * await pipeline(receiver.nodeReadable(), parse, createWriteStream(path));
   */
  nodeReadable(): Readable {
    return nodeReadable(this);
  }

  /** @internal To receive, as a case of `select`. */
  [selecting](): Arm<T> {
    return { attempt: () => this.#come(), line: this.waiters, end: this.native };
  }

  /**
   * One more receiver; each message goes to one of them. Of kind `broadcast`: one that gets every message
   * that this one has not received yet. Not of kinds `spsc` and `oneshot`.
   */
  clone(): Receiver<T> {
    const handle = this.another();
    return takeEnd(handle, false, () => new Receiver<T>(handle));
  }

  /** @internal One end more, to be attached. */
  another(): ChannelHandle {
    this.checkOpen();
    if (this.sharesByMoving) {
      const why = `a channel of kind ${this.handle.kind} has one receiver`;
      throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
    }
    if (this.handle.process !== undefined) return this.handle.process.join(false);
    const place = this.native.another();
    if (place === outOfMemory) {
      const why = 'the channel has as many receivers as it can';
      throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', why);
    }
    return place === 0 ? this.handle : { ...this.handle, place };
  }

  /** @internal How it goes to another thread: an end that only one can have moves, others are cloned. */
  [sharing](): Departure {
    this.checkOpen();
    this.checkCanLeaveThread();
    const rest = this.sharesByMoving ? { rest: this.#batch?.rest() } : {};
    const value = { ...this.handle, ...rest };
    const taken = this.#batch?.taken;
    const leave = (): void => {
      // What is left of its batch is in the message already.
      if (this.sharesByMoving && this.#batch?.taken !== taken) {
        const why = 'a getter of the message that takes a receiver along has received from it';
        throw new MoiraiError('ERR_MOIRAI_DEADLOCK', why);
      }
      Object.assign(value, this.sharesByMoving ? this.move() : this.another());
    };
    // A broadcast channel says only then from where the new receiver begins.
    return { kind: 'receiver', value, leave, early: this.handle.kind === 'broadcast' };
  }

  /** @internal This end is closed here and goes on where the handle is attached. */
  move(): ChannelHandle {
    this.checkOpen();
    this.leave(true);
    return this.handle;
  }

  /** What this end has done so far. */
  stats(): ReceiverStats {
    return {
      received: this.#received,
      batches: this.#batch?.batches ?? 0,
      dropped: this.#dropped,
      waits: this.waits,
      wakeUps: this.wakeUps,
      length: this.native.length(),
      rate: this.meter.next(this.#received),
    };
  }

  /** How many senders there are, in any thread. */
  get senders(): number {
    return this.native.peers();
  }

  #come(): { readonly value: T } | undefined {
    this.checkOpen();
    const value = this.#attempt();
    return value === undefined ? undefined : { value };
  }

  /** What a wait does in its turn: where others can meet it, it is announced. */
  #await(): { readonly value: T } | undefined {
    const come = this.#come();
    if (come !== undefined || this.#retract === undefined) return come;
    return this.native.offer() === 1 ? this.#come() : undefined;
  }

  #attempt(): T | undefined {
    const value = this.#receiveOne();
    if (value !== undefined) this.#received++;
    return value;
  }

  #receiveOne(): T | undefined {
    checkNotOpen(this.#peeked);
    if (this.#kept !== undefined) {
      const { error } = this.#kept;
      this.#kept = undefined;
      throw error;
    }
    if (this.#batch !== undefined) return this.#batch.next();
    if (this.#ringOfNumbers !== undefined) {
      const value = this.#ringOfNumbers.receive();
      if (value !== undefined) return value as T;
    } else if (this.#receiveNumber !== undefined) {
      const value = this.#receiveNumber();
      if (value !== undefined) return value as T;
    }
    // Nothing, or the reason why.
    const at = this.#refuse(this.#calls.peek());
    if (at < 0) return undefined;
    let there = true;
    let value: T;
    try {
      value = this.#codec.read(this.views, at);
    } catch (cause) {
      // Another process may have written anything.
      throw this.handle.process === undefined ? cause : corruption(cause);
    } finally {
      there = this.#calls.release();
    }
    if (!there) throw corruption();
    return value;
  }

  /** What is there beside messages received already: an error must not take those back, and is kept. */
  #attemptMore(): T | undefined {
    try {
      return this.#attempt();
    } catch (error) {
      this.#kept = { error };
      return undefined;
    }
  }

  #refuse(result: number): number {
    if (result === disconnected) {
      const why = 'every sender of the channel has closed, and nothing is left to receive';
      throw new MoiraiError('ERR_MOIRAI_DISCONNECTED', why);
    }
    if (result === corrupt) throw corruption();
    if (result === lagged) {
      const missed = this.native.missed();
      const why = `${missed} messages were overwritten before this receiver had them`;
      throw new MoiraiError('ERR_MOIRAI_LAGGED', why, { missed });
    }
    return result;
  }
}

registerKind('receiver', {
  attach: ({ rest, ...handle }: ChannelHandle & { readonly rest?: Rest }) =>
    new Receiver(handle, rest),
  drop: ({ id, place = 0 }: ChannelHandle) => native.dropEnd(id, false, place),
});
