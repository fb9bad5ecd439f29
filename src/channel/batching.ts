// Batches: several messages in one slot of a channel. Many small messages then cost one claim, one commit
// and at most one call of a sleeping thread; each costs its own encoding and no more.
//
// A batch begins with the number of its messages, 8 bytes; then come the messages as their codec writes
// them, each at a multiple of 8 (numbers of `u32` and whatever begins with its length: of 4).
import { checkInteger, checkMilliseconds, checkOptions, invalidRange } from '../base/index.js';
import type { Views } from '../codec/index.js';
import type { MessageCodec, MessageShape } from './messages.js';

/** How a sender collects messages. */
export interface Batching {
  /** Messages in a batch at most, 1 to 65,536. Default 256. */
  readonly maxSize?: number | undefined;
  /** Milliseconds that a message waits in its sender at most, while its event loop turns. Default 2. */
  readonly maxDelay?: number | undefined;
  /**
   * Milliseconds in which a batch shall be full: so many messages as come in that time, by the moving
   * average of their rate, make a batch. Default: half of `maxDelay`.
   */
  readonly target?: number | undefined;
}

export interface BatchShape {
  readonly kind: 'batch';
  readonly of: Exclude<MessageShape, BatchShape>;
  readonly maxSize: number;
  readonly maxDelay: number;
  readonly target: number;
}

export const headBytes = 8;
const manyBytes = 2 ** 16;

type Extent = Pick<MessageCodec<never>, 'shape' | 'bytes'>;

/** Bytes of a message whose size is always the same; 0: it begins with its length. */
export function strideOf({ shape, bytes }: Extent): number {
  if (shape.kind === 'u32') return 4;
  if (shape.kind === 'f64' || shape.kind === 'struct') return Math.ceil(bytes / 8) * 8;
  return 0;
}

/** Bytes of a message that begins with its length, and of what follows up to the next. */
export function sizeAt({ u32 }: Views, at: number): number {
  return (4 + (u32[at / 4] ?? 0) + 3) & ~3;
}

/** Bytes of the slot of a batch: of small messages 64 KiB or what `maxSize` need, of large ones one. */
export function batchBytes(codec: Extent, maxSize: number): number {
  const one = strideOf(codec) || Math.ceil(codec.bytes / 4) * 4;
  const all = Math.min(maxSize * one, Math.max(manyBytes, one));
  return Math.ceil((headBytes + all) / 8) * 8;
}

export function checkBatching(codec: MessageCodec<never>, value: Batching): BatchShape {
  const names = ['maxSize', 'maxDelay', 'target'] as const;
  const given = checkOptions('options.batching', value, names);
  const maxSize = checkInteger('options.batching.maxSize', given.maxSize ?? 256, 1, 2 ** 16);
  const maxDelay = checkMilliseconds('options.batching.maxDelay', given.maxDelay ?? 2);
  const target = checkMilliseconds('options.batching.target', given.target ?? maxDelay / 2);
  if (target > maxDelay) {
    throw invalidRange('options.batching.target', `at most maxDelay (${maxDelay})`, target);
  }
  return { kind: 'batch', of: codec.shape as BatchShape['of'], maxSize, maxDelay, target };
}

/** What the channel itself carries. */
export function batchCodec(codec: MessageCodec<never>, shape: BatchShape): MessageCodec<never> {
  const { check, write, read } = codec;
  return { shape, bytes: batchBytes(codec, shape.maxSize), check, write, read };
}
