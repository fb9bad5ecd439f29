import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  block,
  createChannel,
  NumaPool,
  share,
  type BlockMessage,
  type ChannelKind,
  type Sender,
} from 'moirai';
import { code, failure, startThread } from './threads.js';

const kinds: readonly ChannelKind[] = ['spsc', 'mpmc', 'unbounded', 'oneshot'];
const many: readonly ChannelKind[] = ['spsc', 'mpmc', 'unbounded'];

function makePool(): NumaPool {
  return new NumaPool({ blockSize: 4096, blocksPerNode: 16 });
}
function inUse(pool: NumaPool): number {
  return pool.stats().nodes.reduce((sum, node) => sum + node.inUse, 0);
}
function sendBlock(pool: NumaPool, sender: Sender<BlockMessage>, byte: number): void {
  const one = pool.acquire();
  one.view[0] = byte;
  expect(sender.trySend({ block: one, length: 1 })).toBe(true);
}

describe.each(kinds)('blocks by handle through kind %s', (kind) => {
  it('change hands: the sender has it no more, the receiver releases it', () => {
    const pool = makePool();
    const { sender, receiver } = createChannel({ kind, codec: block(pool) });
    const one = pool.acquire();
    one.view[7] = 42;
    expect(sender.trySend({ block: one, length: 8 })).toBe(true);
    expect(code(() => one.view)).toBe('ERR_MOIRAI_CLOSED');
    const message = receiver.tryReceive();
    expect(message?.length).toBe(8);
    expect(message?.block.view[7]).toBe(42);
    expect(inUse(pool)).toBe(1);
    if (message !== undefined) pool.release(message.block);
    expect(inUse(pool)).toBe(0);
  });

  it('that nobody can receive any more go back to the pool', () => {
    const pool = makePool();
    for (const first of ['sender', 'receiver'] as const) {
      const channel = createChannel({ kind, codec: block(pool) });
      sendBlock(pool, channel.sender, 1);
      expect(inUse(pool)).toBe(1);
      channel[first].close();
      channel.sender.close();
      channel.receiver.close();
      expect(inUse(pool)).toBe(0);
    }
  });

  it('are received after their sender has closed', () => {
    const pool = makePool();
    const { sender, receiver } = createChannel({ kind, codec: block(pool) });
    sendBlock(pool, sender, 9);
    sender.close();
    const message = receiver.tryReceive();
    expect(message?.block.view[0]).toBe(9);
    expect(inUse(pool)).toBe(1);
    if (message !== undefined) pool.release(message.block);
    expect(inUse(pool)).toBe(0);
  });

  it('are still the sender’s when they are refused', async () => {
    const pool = makePool();
    const { sender, receiver } = createChannel({ kind, codec: block(pool) });
    const one = pool.acquire();
    expect(code(() => sender.trySend({ block: one, length: 4097 }))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
    expect(code(() => sender.trySend({ block: 5 as never, length: 1 }))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
    const foreign = makePool().acquire();
    expect(code(() => sender.trySend({ block: foreign, length: 1 }))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
    expect(foreign.view.length).toBe(4096);
    receiver.close();
    const value = { block: one, length: 1 };
    expect(await failure(sender.send(value))).toMatchObject({
      code: 'ERR_MOIRAI_DISCONNECTED',
      value,
    });
    pool.release(one);
    expect(inUse(pool)).toBe(0);
  });
});

describe.each(many)('blocks by handle through kind %s', (kind) => {
  it('go to other threads and back', async () => {
    const pool = makePool();
    const there = createChannel({ kind, capacity: 4, codec: block(pool) });
    const back = createChannel({ kind, capacity: 4, codec: block(pool) });
    const ends = { receiver: share(there.receiver), sender: share(back.sender) };
    const { exit } = startThread({ job: 'raise', ...ends });
    there.receiver.close();
    back.sender.close();
    for (let i = 0; i < 100; i++) {
      const one = pool.acquire();
      one.view[0] = i;
      await there.sender.send({ block: one, length: i });
      const answer = await back.receiver.receive();
      expect([answer.block.view[0], answer.length]).toEqual([i + 1, i]);
      pool.release(answer.block);
    }
    there.sender.close();
    await exit;
    expect(inUse(pool)).toBe(0);
  });

  it('come back from a thread that is ended with some in its hands and some on their way', async () => {
    const pool = makePool();
    const { sender, receiver } = createChannel({ kind, capacity: 16, codec: block(pool) });
    const { worker } = startThread({ job: 'hoard', receiver: share(receiver) });
    receiver.close();
    for (let i = 0; i < 3; i++) sendBlock(pool, sender, i);
    await once(worker, 'message');
    await worker.terminate();
    expect(inUse(pool)).toBe(0);
    expect(code(() => sendBlock(pool, sender, 1))).toBe('ERR_MOIRAI_DISCONNECTED');
    sender.close();
    expect(inUse(pool)).toBe(1); // that of the last attempt, which is nobody's but ours
  });
});

describe('blocks by handle', () => {
  it('come back also from channels that everybody has forgotten', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const pool = makePool();
    sendBlock(pool, createChannel({ codec: block(pool) }).sender, 1);
    for (let i = 0; inUse(pool) > 0 && i < 100; i++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(inUse(pool)).toBe(0);
  });

  it('have one owner, so they go where a message has one', () => {
    const codec = block(makePool());
    for (const kind of ['rendezvous', 'broadcast'] as const) {
      expect(code(() => createChannel({ kind, codec }))).toBe('ERR_MOIRAI_NOT_SUPPORTED');
    }
    expect(code(() => block({} as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  });

  it('are released by any object of the thread for the same pool', () => {
    const pool = makePool();
    const other = NumaPool.attach(structuredClone(pool.handle()));
    other.release(pool.acquire());
    expect(inUse(pool)).toBe(0);
    const id = other.detach(pool.acquire());
    pool.release(other.adopt(id));
    expect(inUse(pool)).toBe(0);
  });
});
