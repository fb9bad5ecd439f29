// What both ends of a channel have in common: where its memory is, who waits, when it is over.
import { availableParallelism } from 'node:os';
import { MoiraiError, stepAside, timedOut, Waiters, type Attempt } from '../base/index.js';
import type { Views } from '../codec/index.js';
import { native } from '../native.js';
import type { NativeEnd } from './native-end.js';
import { kinds, type ChannelKind, type OnLag } from './kinds.js';
import { flushBatches } from './batch-writer.js';
import type { MessageCodec, MessageShape } from './messages.js';
import { RateMeter } from './stats.js';
import type { PeerLoss } from './process-files.js';

/** What native calls give instead of a number of messages or an offset. */
export const wouldBlock = -1;
export const disconnected = -2;
export const corrupt = -3;
export const outOfMemory = -4;
export const lagged = -5;

/** A channel as it goes to another thread. */
export interface ChannelHandle {
  readonly id: number;
  readonly kind: ChannelKind;
  readonly memory: SharedArrayBuffer | ArrayBuffer;
  readonly capacity: number;
  readonly message: MessageShape;
  /** Of a broadcast channel: which receiver it is that goes there. */
  readonly place?: number | undefined;
  /** The channel between processes of which this is an end; such an end stays in its thread. */
  readonly process?: ProcessSource | undefined;
}

/** Where more ends of a channel between processes come from. */
interface ProcessSource {
  join(sends: boolean): ChannelHandle;
  readonly peerLost: ((loss: PeerLoss) => void) | undefined;
}

/** A blocking wait is cut into slices, so that `worker.terminate()` and signals get in. */
const sliceMs = 50;

export abstract class ChannelEnd<Native extends NativeEnd> implements Disposable {
  /** Messages that the channel holds. */
  readonly capacity: number;
  protected readonly native: Native;
  protected readonly codec: MessageCodec<never>;
  protected readonly views: Views;
  protected readonly waiters: Waiters;
  protected readonly handle: ChannelHandle;
  protected wakeUps = 0;
  protected readonly meter = new RateMeter();
  #blocked = 0;
  #closed = false;

  protected constructor(
    handle: ChannelHandle,
    /** Made before the end is taken, so that nothing is taken where it cannot be. */
    codec: MessageCodec<never>,
    attach: (id: number, memory: Uint8Array, onChange: () => void) => Native,
  ) {
    this.handle = handle;
    this.codec = codec;
    this.capacity = handle.capacity;
    this.views = viewsOf(handle.memory);
    // Native code keeps this array as long as the end is open, and with it the blocks.
    if (handle.message.kind === 'block') {
      Object.assign(this.views.bytes, { pool: handle.message.pool });
    }
    // Of an end that has closed too: it may stay until what it has collected is sent.
    this.waiters = new Waiters((waiting) => this.native.setWaiting(waiting));
    const peerLost = handle.process?.peerLost;
    this.native = attach(handle.id, this.views.bytes, () => {
      this.wakeUps++;
      if (peerLost !== undefined) this.#tell(peerLost);
      this.waiters.serve();
    });
    if (peerLost !== undefined) this.native.setNoticing(true);
  }

  /** Whether this end was closed, or given to another thread. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** For `share`: there can be only one of these. */
  get sharesByMoving(): boolean {
    return kinds[this.handle.kind].single;
  }

  /** A pending wait keeps the process alive (the default). */
  ref(): this {
    this.native.setRef(true);
    return this;
  }

  /** A pending wait does not keep the process alive. */
  unref(): this {
    this.native.setRef(false);
    return this;
  }

  /**
   * Closes this end; waits at it fail with CLOSED. When it was the last of its direction, the other side
   * is told: DISCONNECTED, for a receiver after it has received what is left. Again does nothing.
   */
  close(): void {
    this.leave(false);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @param keep the end itself goes on, for another thread */
  protected leave(keep: boolean): void {
    if (this.#closed) return;
    this.waiters.settleFirst();
    this.#closed = true;
    this.depart(keep);
    this.waiters.serve(); // each fails
  }

  /** The other side is told. */
  protected depart(keep: boolean): void {
    this.native.close(keep);
  }

  /** All is done that this end can do. Waits at it fail with CLOSED in their turn. */
  protected spend(): void {
    this.#closed = true;
    this.native.close(false);
  }

  /** @throws MoiraiError NOT_SUPPORTED for an end of a channel between processes. */
  protected checkCanLeaveThread(): void {
    if (this.handle.process === undefined) return;
    const why =
      'an end of a channel between processes stays in its thread: open the channel in the other';
    throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
  }

  #tell(peerLost: (loss: PeerLoss) => void): void {
    const lost = this.native.losses();
    if (lost === undefined) return;
    const [senders, receivers, messages] = lost;
    peerLost({ senders, receivers, messages });
  }

  protected get waits(): number {
    return this.waiters.entered + this.#blocked;
  }

  protected checkOpen(value?: unknown): void {
    if (!this.#closed) return;
    throw new MoiraiError('ERR_MOIRAI_CLOSED', 'this end of the channel is closed', { value });
  }

  /** Tries again and again, blocking this thread in between. `retract`: as for `Waiters.wait`. */
  protected blockUntil<R>(attempt: Attempt<R>, milliseconds: number, retract?: Attempt<R>): R {
    // The clock is a good part of what a short wait costs.
    const end = milliseconds === Infinity ? Infinity : performance.now() + milliseconds;
    for (;;) {
      this.waiters.serve(); // they come first
      const result = this.waiters.any ? undefined : attempt();
      if (result !== undefined) return result.value;
      const left = end === Infinity ? Infinity : end - performance.now();
      if (left <= 0) {
        // Where others are before it in the line, what is announced is theirs.
        const met = this.waiters.any ? undefined : retract?.();
        if (met !== undefined) return met.value;
        throw timedOut(milliseconds);
      }
      flushBatches();
      stepAside();
      this.#blocked++;
      this.native.wait(Math.min(left, sliceMs));
    }
  }
}

/** Makes one of the ends that are on their way; where it cannot be made it closes. */
export function takeEnd<E>({ id, place = 0 }: ChannelHandle, sends: boolean, make: () => E): E {
  try {
    return make();
  } catch (error) {
    native.dropEnd(id, sends, place);
    throw error;
  }
}

function viewsOf(buffer: SharedArrayBuffer | ArrayBuffer): Views {
  const length = buffer.byteLength;
  return {
    bytes: Buffer.from(buffer, 0, length),
    view: new DataView(buffer, 0, length),
    f64: new Float64Array(buffer, 0, length / 8),
    u32: new Uint32Array(buffer, 0, length / 4),
  };
}

/** What every version of V8 can make a Uint8Array of. */
const maxMemoryBytes = 2 ** 32 - 8;

/** Memory and number of a new channel, neither end of which is taken. */
export function openChannelMemory(
  kind: ChannelKind,
  capacity: number,
  codec: MessageCodec<never>,
  onLag: OnLag = 'wait',
): ChannelHandle {
  const { mapped } = kinds[kind];
  const number = kinds[kind].number + (onLag === 'drop' ? 1 : 0);
  const needed = native.channelBytes(number, capacity, codec.bytes);
  const bytes = Math.ceil(needed / 8) * 8;
  let memory: SharedArrayBuffer;
  try {
    // More than views can show is refused here.
    if (bytes > maxMemoryBytes) throw new RangeError(`more than ${maxMemoryBytes} bytes`);
    // Growable ones are mapped, so they begin a page and take no memory before it is used.
    memory = new SharedArrayBuffer(bytes, mapped ? { maxByteLength: bytes } : undefined);
  } catch (cause) {
    throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', `a channel of ${bytes} bytes`, { cause });
  }
  const id = native.openChannel(
    new Uint8Array(memory, 0, bytes),
    number,
    capacity,
    codec.bytes,
    availableParallelism(),
  );
  if (codec.shape.kind === 'block') {
    const { regions, blockSize, blocksPerNode } = codec.shape.pool;
    const views = regions.map(({ buffer }) => new Uint8Array(buffer, 0, buffer.byteLength));
    if (!native.setChannelBlocks(id, views, blockSize, blocksPerNode)) throw corruption();
  }
  return { id, kind, memory, capacity, message: codec.shape };
}

export function corruption(cause?: unknown): MoiraiError {
  const why = 'the memory of the channel is not what it must be';
  return new MoiraiError('ERR_MOIRAI_CORRUPT', why, cause === undefined ? {} : { cause });
}
