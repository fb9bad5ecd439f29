// The ring that JavaScript works itself, seen from its memory, and by threads that sleep at bad moments.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attach,
  createChannel,
  f64,
  share,
  struct,
  u32,
  type MessageCodec,
  type Receiver,
  type Sender,
} from 'moirai';

/** Words of the ring's memory, in units of 4 bytes (SpscControl). */
const sentAt = 0;
const receivedAt = 32;

/** The words of a channel's memory, and its ends, attached after `prepare`. */
function overMemory<T>(
  capacity: number,
  codec: MessageCodec<T>,
  prepare: (words: Int32Array) => void = () => {},
): { words: Int32Array; sender: Sender<T>; receiver: Receiver<T> } {
  const ends = createChannel({ kind: 'spsc', capacity, codec });
  const sender = share(ends.sender);
  const receiver = share(ends.receiver);
  const { memory } = sender.value as { memory: SharedArrayBuffer };
  const words = new Int32Array(memory, 0, memory.byteLength / 4);
  prepare(words);
  return { words, sender: attach(sender), receiver: attach(receiver) };
}

function code(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

describe('positions of 32 bits', () => {
  it.each([2 ** 31 - 3, -3, -1])('wrap at %d', (start) => {
    const { sender, receiver } = overMemory(4, u32(), (words) => {
      words[sentAt] = words[receivedAt] = start;
    });
    for (let lap = 0; lap < 4; lap++) {
      for (let i = 0; i < 4; i++) expect(sender.trySend(lap * 4 + i)).toBe(true);
      expect(sender.trySend(99)).toBe(false);
      for (let i = 0; i < 4; i++) expect(receiver.tryReceive()).toBe(lap * 4 + i);
      expect(receiver.tryReceive()).toBeUndefined();
      expect(sender.trySendBatch(Uint32Array.of(7, 8, 9))).toBe(3);
      const into = new Uint32Array(5);
      expect(receiver.tryReceiveBatch(into)).toBe(3);
      expect([...into]).toEqual([7, 8, 9, 0, 0]);
    }
  });

  it('wrap under structs in place', () => {
    const { sender, receiver } = overMemory(2, struct({ x: 'u32' }), (words) => {
      words[sentAt] = words[receivedAt] = -1;
    });
    for (let i = 0; i < 6; i++) {
      const slot = sender.tryClaim();
      if (slot === undefined) throw new Error('no room');
      slot.view.x = i;
      slot.commit();
      const message = receiver.tryPeek();
      expect(message?.view.x).toBe(i);
      message?.release();
    }
  });
});

describe('numbers by the array', () => {
  it.each([f64, u32])('of any length go round the end of the ring (%o)', (codecOf) => {
    const { sender, receiver } = overMemory(256, codecOf(), (words) => {
      words[sentAt] = words[receivedAt] = -100;
    });
    const type = codecOf === f64 ? Float64Array : Uint32Array;
    let next = 0;
    let expected = 0;
    for (const count of [1, 63, 64, 100, 200, 256, 300, 128, 65, 250]) {
      const values = new type(Array.from({ length: count }, () => next++));
      const went = sender.trySendBatch(values);
      expect(went).toBe(Math.min(count, 256));
      next -= count - went;
      // Less at a time than there is.
      const into = new type(90);
      for (let got = 0; got < went; ) {
        const came = receiver.tryReceiveBatch(into);
        expect(came).toBe(Math.min(90, went - got));
        for (let i = 0; i < came; i++) expect(into[i]).toBe(expected++);
        got += came;
      }
    }
  });
});

describe('memory that was overwritten', () => {
  it('is not believed, whatever it says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.boolean(),
        (nonsense, ofSender) => {
          const { words, sender, receiver } = overMemory(4, f64());
          sender.trySend(1);
          Atomics.store(words, ofSender ? sentAt : receivedAt, nonsense);
          // 1 is sent and 0 received; what could be true cannot be told from it.
          const possible = ofSender
            ? nonsense >= 0 && nonsense <= 4
            : nonsense >= -3 && nonsense <= 1;
          const act = ofSender
            ? (): unknown => receiver.tryReceive()
            : (): unknown => sender.trySendBatch(new Float64Array(9));
          const codes = [0, 1].map(() => code(act));
          expect(codes.includes('ERR_MOIRAI_CORRUPT')).toBe(!possible);
        },
      ),
    );
  });

  it('is told to who waits', async () => {
    const { words, receiver } = overMemory(4, f64());
    const waiting = receiver.receive().catch((error: unknown) => (error as { code: unknown }).code);
    Atomics.store(words, sentAt, 77);
    expect(await Promise.race([waiting, receiver.receive().catch(() => 'second')])).toBe(
      'ERR_MOIRAI_CORRUPT',
    );
  });
});

describe('a receiver that closes', () => {
  it('sends back what it has not received, and only that', () => {
    const { sender, receiver } = overMemory(8, f64());
    expect(sender.trySend(1)).toBe(true);
    expect(receiver.tryReceive()).toBe(1);
    receiver.close();
    expect(() => sender.trySend(2)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_DISCONNECTED', value: 2 }),
    );
    expect(code(() => sender.trySendBatch(Float64Array.of(3)))).toBe('ERR_MOIRAI_DISCONNECTED');
    const inPlace = overMemory(2, struct({ x: 'u32' }));
    inPlace.receiver.close();
    expect(code(() => inPlace.sender.tryClaim())).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('in another thread, at any moment, has received each value that was not handed back', async () => {
    for (let round = 0; round < 20; round++) {
      const { sender, receiver } = createChannel({ kind: 'spsc', capacity: 4, codec: u32() });
      const take = 1 + ((round * 37) % 50);
      const workerData = { job: 'takeAndClose', take, receiver: share(receiver) };
      const worker = new Worker(new URL('./fixtures/spsc.mjs', import.meta.url), { workerData });
      const taken = once(worker, 'message') as Promise<[number]>;
      let accepted = 0;
      const error = await (async () => {
        for (;;) await sender.send(accepted).then(() => accepted++);
      })().catch((cause: unknown) => cause as { code: string; value: unknown });
      expect(error).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED', value: accepted });
      const [received] = await taken;
      // What was accepted and is not received was in the ring when it closed.
      expect(received).toBe(take);
      expect(accepted).toBeGreaterThanOrEqual(take);
      expect(accepted).toBeLessThanOrEqual(take + 4);
    }
  });
});

describe('threads that sleep', () => {
  it('are called, whenever they went to sleep', async () => {
    const seed = Number(process.env['MOIRAI_SEED'] ?? Date.now() % 2 ** 31);
    console.log(`sleeps: MOIRAI_SEED=${seed}`);
    const count = 6000;
    for (const capacity of [1, 2, 8]) {
      const there = createChannel({ kind: 'spsc', capacity, codec: f64() });
      const back = createChannel({ kind: 'spsc', capacity, codec: f64() });
      const ends = { receiver: share(there.receiver), sender: share(back.sender) };
      const worker = new Worker(new URL('./fixtures/spsc.mjs', import.meta.url), {
        workerData: { job: 'relay', seed: seed + capacity, ...ends },
      });
      const exit = once(worker, 'exit');
      const sent = (async () => {
        for (let i = 0; i < count; i++) if (!there.sender.trySend(i)) await there.sender.send(i);
        there.sender.close();
      })();
      let next = 0;
      for await (const value of back.receiver) expect(value).toBe(next++);
      expect(next).toBe(count);
      await sent;
      await exit;
    }
  });
});
