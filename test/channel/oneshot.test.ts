import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { attach, cloneable, createChannel, f64, share, struct, u32 } from 'moirai';
import { code, failure, startThread } from './threads.js';

const kind = 'oneshot';

describe('a oneshot channel', () => {
  it('carries one message, and then both ends are done', async () => {
    for (const codec of [f64(), cloneable<number>()]) {
      const { sender, receiver } = createChannel({ kind, codec });
      expect(receiver.tryReceive()).toBeUndefined();
      expect(sender.trySend(5)).toBe(true);
      expect(sender.isClosed).toBe(true);
      expect(await failure(sender.send(6))).toMatchObject({ code: 'ERR_MOIRAI_CLOSED', value: 6 });
      expect(await receiver.receive()).toBe(5);
      expect(code(() => receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
      expect((await failure(receiver.receive())).code).toBe('ERR_MOIRAI_DISCONNECTED');
      sender.close();
      receiver.close();
    }
  });

  it('hands the message back when nobody can receive it', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    receiver.close();
    expect(await failure(sender.send(1))).toMatchObject({
      code: 'ERR_MOIRAI_DISCONNECTED',
      value: 1,
    });
  });

  it('tells the receiver of a sender that closes without a word', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const waiting = failure(receiver.receive());
    sender.close();
    expect((await waiting).code).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('takes the first of a batch only', async () => {
    const { sender, receiver } = createChannel({ kind, codec: f64() });
    expect(sender.trySendBatch(Float64Array.of(1, 2))).toBe(1);
    expect(await receiver.receiveBatch(10)).toEqual([1]);
    const second = createChannel({ kind, codec: u32() });
    expect(await failure(second.sender.sendBatch([1, 2, 3]))).toMatchObject({
      code: 'ERR_MOIRAI_CLOSED',
      value: [2, 3],
    });
    expect(second.receiver.tryReceive()).toBe(1);
  });

  it('can be written and read in place; what was aborted can be written again', () => {
    const { sender, receiver } = createChannel({ kind, codec: struct({ x: 'u32' }) });
    sender.tryClaim()?.abort();
    expect(receiver.tryPeek()).toBeUndefined();
    const slot = sender.tryClaim();
    if (slot === undefined) throw new Error('no room');
    slot.view.x = 3;
    slot.commit();
    expect(sender.isClosed).toBe(true);
    const message = receiver.tryPeek();
    expect(message?.view.x).toBe(3);
    message?.release();
    expect(code(() => receiver.tryPeek())).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('answers from another thread, also one that blocks', async () => {
    const answer = createChannel({ kind, codec: u32() });
    const { exit } = startThread({ job: 'exitWithEnds', sender: share(answer.sender) });
    expect(answer.receiver.receiveSync()).toBe(1);
    expect((await failure(answer.receiver.receive())).code).toBe('ERR_MOIRAI_DISCONNECTED');
    await exit;
    const question = createChannel({ kind, codec: u32() });
    const thread = startThread({ job: 'collect', receiver: share(question.receiver) });
    question.sender.sendSync(4);
    expect(await once(thread.worker, 'message')).toEqual([[4]]);
    await thread.exit;
  });

  it('has ends that move, and no clones', () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    expect(code(() => sender.clone())).toBe('ERR_MOIRAI_NOT_SUPPORTED');
    expect(code(() => receiver.clone())).toBe('ERR_MOIRAI_NOT_SUPPORTED');
    const moved = attach(share(receiver));
    expect(receiver.isClosed).toBe(true);
    sender.trySend(2);
    expect(moved.tryReceive()).toBe(2);
    const again = attach(share(moved));
    expect(code(() => again.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('has no capacity to choose', () => {
    expect(code(() => createChannel({ kind, capacity: 1 }))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  });
});
