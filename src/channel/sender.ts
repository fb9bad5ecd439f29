// The end of a channel that sends.
import type { Writable } from 'node:stream';
import {
  checkMilliseconds,
  invalidType,
  MoiraiError,
  checkWait,
  type Attempt,
  type WaitOptions,
} from '../base/index.js';
import { registerKind, sharing, type Departure } from '../share/index.js';
import { native } from '../native.js';
import { SenderNative } from './native-end.js';
import {
  ChannelEnd,
  corrupt,
  corruption,
  disconnected,
  outOfMemory,
  takeEnd,
  type ChannelHandle,
} from './end.js';
import { BatchWriter } from './batch-writer.js';
import { codecOf } from './codec-of.js';
import { checkInPlace, checkNotOpen, InPlaceMessage, type ClaimedSlot } from './in-place.js';
import type { MessageCodec } from './messages.js';
import { selecting, type Arm } from './select.js';
import type { SenderStats } from './stats.js';
import { nodeWritable, webWritable } from './streams.js';
import { SpscSending, type SenderCalls } from './spsc-sending.js';

/** How many of the values went, and those after the first that did not are still the caller's. */
const sent = { value: undefined } as const;

/**
 * Sends messages into a channel. Belongs to the thread that made or attached it. A value that was not
 * sent is handed back: `trySend` says false, errors carry it as `value`.
 */
export class Sender<T> extends ChannelEnd<SenderNative> {
  readonly #codec: MessageCodec<T>;
  /** By native code, or by the ring that this side works itself. */
  readonly #calls: SenderCalls;
  /** What checks, copies and commits at once, for messages that are numbers. */
  readonly #ringOfNumbers: SpscSending | undefined;
  readonly #sendNumber: ((value: number) => number) | undefined;
  /** It is closed by its first message. */
  readonly #once: boolean;
  readonly #batch: BatchWriter<T> | undefined;
  #claimed: InPlaceMessage<T> | undefined;
  #writing = false;
  #sent = 0;

  /** @internal Use `createChannel` or `attach`. */
  constructor(handle: ChannelHandle) {
    super(
      handle,
      codecOf(handle.message),
      (id, memory, onChange) => new SenderNative(native.attachSender(id, memory, onChange)),
    );
    this.#codec = this.codec;
    this.#once = handle.kind === 'oneshot';
    const { kind } = handle.message;
    if (handle.message.kind === 'batch') {
      this.#batch = new BatchWriter<T>(codecOf(handle.message.of), handle.message, {
        views: this.views,
        claim: () => this.#went(this.#calls.claim(), undefined),
        commit: () => void this.#calls.commit(),
      });
    }
    const { ring } = this.native;
    if (ring !== undefined) {
      const own = new SpscSending(this.native, ring, this.views, handle.capacity, this.codec.bytes);
      this.#calls = own;
      if (kind === 'f64' || kind === 'u32') this.#ringOfNumbers = own;
      return;
    }
    this.#calls = this.native;
    if (kind === 'f64') this.#sendNumber = this.native.sendF64;
    else if (kind === 'u32') this.#sendNumber = this.native.sendU32;
  }

  /**
   * Sends if there is room; false: there is none, and nothing happened. About 0.05 µs for a number.
   *
   * @throws MoiraiError DISCONNECTED where every receiver has closed, CLOSED after `close`, TOO_LARGE and
   * NOT_SERIALIZABLE where the codec refuses, each with the `value`; TypeError or RangeError where it is
   * of the wrong kind.
   */
  trySend(value: T): boolean {
    this.checkOpen(value);
    this.#codec.check(value);
    if (this.waiters.any) return false; // they come first
    return this.#attempt(value);
  }

  /**
   * Sends as soon as there is room, in the order of the calls.
   *
   * @throws (rejects) as `trySend`, TIMEOUT, and the signal's reason; the value was not sent then.
   */
  async send(value: T, options?: WaitOptions): Promise<void> {
    const wait = checkWait(options);
    wait.signal?.throwIfAborted();
    if (this.trySend(value)) return;
    const { attempt, retract } = this.#sending(value);
    try {
      // A wait that others can meet is announced at once.
      if (retract !== undefined && !this.waiters.any && attempt() !== undefined) return;
      await this.waiters.wait(attempt, wait, retract);
    } catch (error) {
      throw handBack(error, value);
    }
  }

  /**
   * Sends, blocking this thread until there is room or for `milliseconds` (default: no limit). Also on
   * the main thread, whose event loop stands still meanwhile.
   *
   * @throws as `trySend`, and TIMEOUT.
   */
  sendSync(value: T, milliseconds?: number): void {
    const limit =
      milliseconds === undefined ? Infinity : checkMilliseconds('milliseconds', milliseconds);
    this.checkOpen(value);
    this.#codec.check(value);
    const { attempt, retract } = this.#sending(value);
    try {
      this.blockUntil(attempt, limit, retract);
    } catch (error) {
      throw handBack(error, value);
    }
  }

  /**
   * Sends the first of the values, as many as there is room for; how many those were. Numbers in a typed
   * array of the codec's own type (`Float64Array` for `f64()`, `Uint32Array` for `u32()`) are copied as a
   * block.
   *
   * @throws as `trySend`, if not even the first could go.
   */
  trySendBatch(values: ArrayLike<T>): number {
    this.checkOpen();
    checkArrayLike(values);
    if (this.waiters.any) return 0;
    return this.#attemptMany(values, 0);
  }

  /**
   * Sends all of the values, waiting for room as often as needed. Where it fails after some have gone,
   * the error's `value` is an array of those that have not.
   */
  async sendBatch(values: ArrayLike<T>, options?: WaitOptions): Promise<void> {
    const wait = checkWait(options);
    checkArrayLike(values);
    wait.signal?.throwIfAborted();
    let next = 0;
    const go = (): typeof sent | undefined => {
      this.checkOpen();
      next += this.#attemptMany(values, next);
      if (next >= values.length) return sent;
      this.checkOpen(); // the last that went may have been the last that could
      return undefined;
    };
    try {
      if (this.handle.kind === 'rendezvous') {
        const { signal, timeout } = wait;
        const end = performance.now() + (timeout ?? 0);
        for (; next < values.length; next++) {
          const left = timeout === undefined ? undefined : Math.max(0, end - performance.now());
          await this.send(values[next] as T, { signal, timeout: left });
        }
        return;
      }
      if (!this.waiters.any && go() !== undefined) return;
      await this.waiters.wait(go, wait);
    } catch (error) {
      const value: unknown = Array.prototype.slice.call(values, next);
      throw error instanceof MoiraiError ? Object.assign(error, { value }) : error;
    }
  }

  /**
   * A slot to write in place, or undefined if there is no room now. For channels of `struct()`s. The
   * messages behind it, of other senders too, are received after it is committed or aborted.
   *
   * @throws as `trySend`, WOULD_BLOCK while a slot claimed before is open, NOT_SUPPORTED by the codec.
   */
  tryClaim(): ClaimedSlot<T> | undefined {
    this.checkOpen();
    if (this.handle.kind === 'rendezvous') {
      const why = 'a rendezvous channel has no slots to claim';
      throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
    }
    checkInPlace(this.#batch);
    this.#claimed ??= new InPlaceMessage(this.#codec, this.views, (committed) => {
      if (committed) this.#commit();
      else this.#calls.abort();
    });
    checkNotOpen(this.#claimed);
    if (this.waiters.any) return undefined;
    const at = this.#went(this.#calls.claim(), undefined);
    return at === 0 ? undefined : this.#claimed.open(at);
  }

  protected override leave(keep: boolean): void {
    if (this.#writing || this.#batch?.isWriting === true) {
      const why = 'a getter of a value that is being sent has closed its sender';
      throw new MoiraiError('ERR_MOIRAI_DEADLOCK', why);
    }
    this.#claimed?.drop();
    super.leave(keep);
  }

  protected override depart(keep: boolean): void {
    if (this.#batch === undefined) super.depart(keep);
    else this.#batch.finish(() => super.depart(keep));
  }

  /**
   * A stream that sends what is written to it, as soon as there is room for each. It owns this end: closed
   * or aborted, it closes it. It fails with DISCONNECTED where every receiver has closed.
   */
  writable(): WritableStream<T> {
    return webWritable(this);
  }

  /** The same as a stream of Node in object mode. */
  nodeWritable(): Writable {
    return nodeWritable(this);
  }

  /** @internal To send this value, as a case of `select`: `sending(sender, value)`. */
  [selecting](value: T): Arm<undefined> {
    this.#codec.check(value);
    const attempt = (): typeof sent | undefined => {
      this.checkOpen(value);
      return this.#attempt(value) ? sent : undefined;
    };
    return { attempt, line: this.waiters, end: this.native };
  }

  /** One more sender, for this thread or, by `share`, another. Not of kinds `spsc` and `oneshot`. */
  clone(): Sender<T> {
    const handle = this.another();
    return takeEnd(handle, true, () => new Sender<T>(handle));
  }

  /** @internal One end more, to be attached. */
  another(): ChannelHandle {
    this.checkOpen();
    if (this.sharesByMoving) {
      const why = `a channel of kind ${this.handle.kind} has one sender`;
      throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
    }
    if (this.handle.process !== undefined) return this.handle.process.join(true);
    this.native.another();
    return this.handle;
  }

  /** @internal How it goes to another thread: an end that only one can have moves, others are cloned. */
  [sharing](): Departure {
    this.checkOpen();
    this.checkCanLeaveThread();
    if (this.sharesByMoving) this.#checkFlushed();
    return {
      kind: 'sender',
      value: this.handle,
      leave: () => (this.sharesByMoving ? this.move() : this.another()),
    };
  }

  #checkFlushed(): void {
    if (this.#batch?.flush() !== false) return;
    const why = 'there is no room for what this sender has collected: await flush() first';
    throw new MoiraiError('ERR_MOIRAI_WOULD_BLOCK', why);
  }

  /** @internal This end is closed here and goes on where the handle is attached. */
  move(): ChannelHandle {
    this.checkOpen();
    this.#checkFlushed();
    this.leave(true);
    return this.handle;
  }

  /**
   * With `batching`: resolves when all that was collected here is in the channel, as soon as there is room.
   *
   * @throws (rejects) DISCONNECTED where every receiver has closed, CLOSED, TIMEOUT, the signal's reason.
   */
  async flush(options?: WaitOptions): Promise<void> {
    const wait = checkWait(options);
    wait.signal?.throwIfAborted();
    const attempt = (): typeof sent | undefined => {
      this.checkOpen();
      return this.#batch?.flush() === false ? undefined : sent;
    };
    if (!this.waiters.any && attempt() !== undefined) return;
    await this.waiters.wait(attempt, wait);
  }

  /** What this end has done so far. */
  stats(): SenderStats {
    return {
      sent: this.#sent,
      batches: this.#batch?.batches ?? 0,
      collected: this.#batch?.waiting ?? 0,
      batchSize: this.#batch?.size ?? 1,
      waits: this.waits,
      wakeUps: this.wakeUps,
      length: this.native.length(),
      rate: this.meter.next(this.#sent),
    };
  }

  /** How many receivers there are, in any thread. */
  get receivers(): number {
    return this.native.peers();
  }

  /** What a wait to send this value does in its turn. */
  #sending(value: T): { attempt: Attempt<undefined>; retract: Attempt<undefined> | undefined } {
    if (this.handle.kind === 'rendezvous') return this.#offering(value);
    const attempt = (): typeof sent | undefined => {
      this.checkOpen(value);
      return this.#attempt(value) ? sent : undefined;
    };
    return { attempt, retract: undefined };
  }

  #met(): typeof sent {
    this.#sent++;
    return sent;
  }

  #offering(value: T): { attempt: Attempt<undefined>; retract: Attempt<undefined> } {
    let offered = false;
    return {
      attempt: () => {
        this.checkOpen(value);
        if (!offered) {
          if (!this.#write(value)) return undefined;
          offered = true;
        }
        return this.#went(this.native.offer(), value) === 1 ? this.#met() : undefined;
      },
      retract: () => (offered && !this.native.retract() ? this.#met() : undefined),
    };
  }

  #attempt(value: T): boolean {
    const went = this.#sendOne(value);
    if (went) this.#sent++;
    return went;
  }

  #sendOne(value: T): boolean {
    if (this.#batch !== undefined) return this.#collect(this.#batch, value);
    checkNotOpen(this.#claimed, value);
    if (this.#ringOfNumbers !== undefined) {
      return this.#went(this.#ringOfNumbers.send(value as number), value) === 1;
    }
    if (this.#sendNumber !== undefined) {
      const went = this.#went(this.#sendNumber(value as number), value) === 1;
      if (went && this.#once) this.spend();
      return went;
    }
    return this.#write(value) && this.#commit();
  }

  /** In a slot that was claimed for it. */
  #write(value: T): boolean {
    if (this.#writing) {
      const why = 'a getter of a value that is being sent has sent another';
      throw new MoiraiError('ERR_MOIRAI_DEADLOCK', why, { value });
    }
    const at = this.#went(this.#calls.claim(), value);
    if (at === 0) return false;
    this.#writing = true;
    try {
      this.#codec.write(this.views, at, value);
    } catch (error) {
      this.#calls.abort();
      throw handBack(error, value);
    } finally {
      this.#writing = false;
    }
    return true;
  }

  #commit(): boolean {
    const went = this.#calls.commit();
    if (!went && this.handle.process !== undefined) throw corruption();
    if (went && this.#once) this.spend();
    return went;
  }

  #collect(batch: BatchWriter<T>, value: T): boolean {
    try {
      return batch.add(value);
    } catch (error) {
      throw handBack(error, value);
    }
  }

  #attemptMany(values: ArrayLike<T>, from: number): number {
    const { kind } = this.handle.message;
    const block =
      (kind === 'f64' && values instanceof Float64Array) ||
      (kind === 'u32' && values instanceof Uint32Array);
    if (block) {
      const went = this.#went(this.#calls.sendMany(values, from), undefined);
      if (went > 0 && this.#once) this.spend();
      this.#sent += went;
      return went;
    }
    let next = from;
    for (; next < values.length && !this.isClosed; next++) {
      const value = values[next] as T;
      try {
        this.#codec.check(value);
        if (!this.#attempt(value)) break;
      } catch (error) {
        if (next === from) throw error;
        break; // the next call meets it first
      }
    }
    return next - from;
  }

  /** The native call's result, 0 where there was no room. */
  #went(result: number, value: unknown): number {
    if (result >= 0) return result;
    if (result === disconnected) {
      const why = 'every receiver of the channel has closed';
      throw new MoiraiError('ERR_MOIRAI_DISCONNECTED', why, { value });
    }
    if (result === corrupt) throw corruption();
    if (result === outOfMemory) {
      const why = 'the memory reserved for this channel is full: see its capacity';
      throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', why, { value });
    }
    return 0;
  }
}

registerKind('sender', {
  attach: (handle: ChannelHandle) => new Sender(handle),
  drop: ({ id }: ChannelHandle) => native.dropEnd(id, true, 0),
});

/** What did not go is on the error, whoever threw it. */
function handBack(error: unknown, value: unknown): unknown {
  const lacks = error instanceof MoiraiError && (!('value' in error) || error.value === undefined);
  if (lacks) Object.assign(error, { value });
  return error;
}

/** Without a length there would be no end of it. */
function checkArrayLike(values: ArrayLike<unknown> | null | undefined): void {
  if (typeof values?.length === 'number') return;
  throw invalidType('values', 'an array or a typed array', values);
}
