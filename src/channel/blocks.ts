// Buffers of any size by handle: the message is the number of a block of a pool, and the block changes
// hands without a copy.
//
// A block is the sender's until the message is written, then on its way (detached: nobody's), and the
// receiver's from the moment the message is read (adopted). What is on its way when nobody can receive it
// any more goes back to the pool: natively, so also when threads are ended (addon/channel_blocks.cc).
import { checkInteger, invalidType, MoiraiError } from '../base/index.js';
import { NumaBlock, NumaPool, type NumaPoolHandle } from '../memory/index.js';
import type { MessageCodec } from './messages.js';

/** A message that is a block. */
export interface BlockMessage<V = Uint8Array> {
  readonly block: NumaBlock<V>;
  /** How much of it is meant, in whatever unit the two sides agree on; at most the pool's `blockSize`. */
  readonly length: number;
}

/** This thread's own objects for pools that it has met in codecs. */
const pools = new WeakMap<NumaPoolHandle<never>, NumaPool<never>>();

/**
 * Blocks of a pool, for buffers of any size: a message costs the same from 64 bytes to gigabytes, as only
 * the block's number travels.
 *
 * The sender acquires a block, fills it and sends it; it is not the sender's any more then. The receiver
 * gets the block and releases it, or sends it on. A block that was refused is still the sender's. Blocks
 * of messages that are never received go back to the pool when the last ends have closed, whichever way.
 *
 * Not for kinds `rendezvous` and `broadcast`, nor between processes.
 *
 * @example
 * const pool = new NumaPool({ blockSize: 4 << 20, blocksPerNode: 16 });
 * const { sender, receiver } = createChannel({ codec: block(pool) });
 * const frame = pool.acquire();
 * const length = readFrame(frame.view);
 * await sender.send({ block: frame, length });
 *
 * const message = await receiver.receive();
 * show(message.block.view.subarray(0, message.length));
 * message.block[Symbol.dispose](); // or pool.release(message.block)
 */
export function block<V = Uint8Array>(pool: NumaPool<V>): MessageCodec<BlockMessage<V>> {
  if (!(pool instanceof NumaPool)) throw invalidType('pool', 'a NumaPool', pool);
  const handle = pool.handle();
  pools.set(handle as NumaPoolHandle<never>, pool as NumaPool<never>);
  return blocksOf<V>(handle, pool);
}

/** For `codecOf`. */
export function blocksOfHandle(handle: NumaPoolHandle<never>): MessageCodec<BlockMessage<never>> {
  const pool = pools.get(handle) ?? NumaPool.attach<never>(handle);
  pools.set(handle, pool);
  return blocksOf<never>(handle, pool);
}

function blocksOf<V>(handle: NumaPoolHandle<V>, pool: NumaPool<V>): MessageCodec<BlockMessage<V>> {
  const check = (value: BlockMessage<V>): void => {
    if (!(value?.block instanceof NumaBlock)) {
      throw invalidType('value.block', 'a NumaBlock of the pool', value?.block);
    }
    checkInteger('value.length', value.length, 0, handle.blockSize);
  };
  return {
    shape: { kind: 'block', pool: handle as NumaPoolHandle<never> },
    bytes: 16,
    check,
    write: ({ view, u32 }, at, value) => {
      const { length } = value;
      checkInteger('value.length', length, 0, handle.blockSize); // it may have changed in a wait
      const id = pool.detach(value.block);
      view.setBigUint64(at, id, true);
      u32[at / 4 + 2] = length;
    },
    read: ({ view, u32 }, at) => {
      const length = u32[at / 4 + 2] ?? 0;
      try {
        return { block: pool.adopt(view.getBigUint64(at, true)), length };
      } catch (cause) {
        const why = 'a message has the number of no block that is on its way';
        throw new MoiraiError('ERR_MOIRAI_CORRUPT', why, { cause });
      }
    },
  };
}
