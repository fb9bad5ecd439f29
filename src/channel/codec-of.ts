// Codecs from what the user gave, and from what another thread said of its own.
import { invalidType } from '../base/index.js';
import { batchCodec } from './batching.js';
import { blocksOfHandle } from './blocks.js';
import {
  bytes,
  cloneable,
  f64,
  u32,
  utf8,
  type MessageCodec,
  type MessageShape,
} from './messages.js';
import { structOf } from './struct.js';

/** The codec of this shape, made anew in another thread. */
export function codecOf(shape: MessageShape): MessageCodec<never> {
  if (shape.kind === 'batch') return batchCodec(codecOf(shape.of), shape);
  if (shape.kind === 'struct') return structOf(shape.fields) as unknown as MessageCodec<never>;
  if (shape.kind === 'block') return blocksOfHandle(shape.pool) as unknown as MessageCodec<never>;
  const make = { f64, u32, bytes, utf8, cloneable } as const;
  const codec = 'max' in shape ? make[shape.kind](shape.max) : make[shape.kind]();
  return codec as MessageCodec<never>;
}

export function checkCodec(argument: string, value: unknown): MessageCodec<never> {
  const codec = value as Partial<MessageCodec<never>> | null;
  if (typeof codec !== 'object' || codec === null || typeof codec.write !== 'function') {
    throw invalidType(argument, 'a codec, such as f64() or cloneable()', value);
  }
  return codec as MessageCodec<never>;
}
