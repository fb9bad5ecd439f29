import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attach,
  bytes,
  cloneable,
  createChannel,
  f64,
  share,
  struct,
  u32,
  utf8,
  type ChannelKind,
  type MessageCodec,
} from 'moirai';
import { areTwoThatGrow, code, failure, startThread } from './threads.js';

const kinds: readonly ChannelKind[] = ['spsc', 'mpmc'];

describe.each(kinds)('a channel of kind %s', (kind) => {
  it('holds its capacity, refuses the next, and gives all back in order', () => {
    const { sender, receiver } = createChannel({ kind, capacity: 4, codec: f64() });
    for (let lap = 0; lap < 3; lap++) {
      for (let i = 0; i < 4; i++) expect(sender.trySend(lap + i / 8)).toBe(true);
      expect(sender.trySend(99)).toBe(false);
      for (let i = 0; i < 4; i++) expect(receiver.tryReceive()).toBe(lap + i / 8);
      expect(receiver.tryReceive()).toBeUndefined();
    }
  });

  it('rounds its capacity up to a power of two', () => {
    expect(createChannel({ kind, capacity: 5, codec: f64() }).sender.capacity).toBe(8);
    expect(createChannel({ kind, capacity: 1, codec: f64() }).sender.capacity).toBe(1);
  });

  it('serves waits in the order of their calls, both ways', async () => {
    const { sender, receiver } = createChannel({ kind, capacity: 2, codec: u32() });
    const order: string[] = [];
    const sends = [0, 1, 2, 3, 4].map(async (i) => {
      await sender.send(i);
      order.push(`sent ${i}`);
    });
    const values = [];
    for (let i = 0; i < 5; i++) values.push(await receiver.receive());
    await Promise.all(sends);
    expect(values).toEqual([0, 1, 2, 3, 4]);
    expect(order).toEqual([0, 1, 2, 3, 4].map((i) => `sent ${i}`));
    const receives = [receiver.receive(), receiver.receive(), receiver.receive()];
    for (let i = 0; i < 3; i++) await sender.send(i);
    expect(await Promise.all(receives)).toEqual([0, 1, 2]);
  });

  it('lets nobody overtake a wait', async () => {
    const { sender, receiver } = createChannel({ kind, capacity: 1, codec: u32() });
    expect(sender.trySend(1)).toBe(true);
    const second = sender.send(2);
    expect(receiver.tryReceive()).toBe(1);
    expect(sender.trySend(3)).toBe(false);
    await second;
    expect(receiver.tryReceive()).toBe(2);
  });

  it('ends a wait by time, by signal and by close, with nothing sent or received', async () => {
    const { sender, receiver } = createChannel({ kind, capacity: 1, codec: u32() });
    expect(await failure(receiver.receive({ timeout: 5 }))).toMatchObject({
      code: 'ERR_MOIRAI_TIMEOUT',
      scope: 'wait',
    });
    sender.trySend(1);
    const late = await failure(sender.send(2, { timeout: 5 }));
    expect(late).toMatchObject({ code: 'ERR_MOIRAI_TIMEOUT', value: 2 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = failure(sender.send(3, { signal: controller.signal }));
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(await failure(receiver.receive({ signal: controller.signal }))).toBe(reason);
    const closed = failure(sender.send(4));
    sender.close();
    expect(await closed).toMatchObject({ code: 'ERR_MOIRAI_CLOSED', value: 4 });
    expect(receiver.tryReceive()).toBe(1);
  });

  it('tells the receiver when all is received, and the sender at once', async () => {
    const first = createChannel({ kind, codec: u32() });
    first.sender.trySend(7);
    first.sender.close();
    expect(first.receiver.tryReceive()).toBe(7);
    expect(code(() => first.receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
    expect(code(() => first.sender.trySend(1))).toBe('ERR_MOIRAI_CLOSED');
    const second = createChannel({ kind, codec: u32() });
    const waiting = failure(second.receiver.receive());
    second.sender.close();
    expect((await waiting).code).toBe('ERR_MOIRAI_DISCONNECTED');
    const third = createChannel({ kind, capacity: 1, codec: u32() });
    third.sender.trySend(1);
    const stuck = failure(third.sender.send(2));
    third.receiver.close();
    expect(await stuck).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED', value: 2 });
    expect(await failure(third.sender.send(3))).toMatchObject({ value: 3 });
  });

  it('ends its iteration when every sender has closed', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    for (let i = 0; i < 10; i++) sender.trySend(i);
    sender.close();
    const values = [];
    for await (const value of receiver) values.push(value);
    expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('copies numbers by the array, as many as fit', async () => {
    const { sender, receiver } = createChannel({ kind, capacity: 8, codec: f64() });
    expect(sender.trySendBatch(Float64Array.from({ length: 20 }, (_, i) => i))).toBe(8);
    const into = new Float64Array(5);
    expect(receiver.tryReceiveBatch(into)).toBe(5);
    expect([...into]).toEqual([0, 1, 2, 3, 4]);
    expect(sender.trySendBatch([8, 9])).toBe(2);
    expect(await receiver.receiveBatch(100)).toEqual([5, 6, 7, 8, 9]);
    expect(receiver.tryReceiveBatch(into)).toBe(0);
    const all = sender.sendBatch(Float64Array.from({ length: 30 }, (_, i) => i));
    const values: number[] = [];
    while (values.length < 30) values.push(...(await receiver.receiveBatch(7)));
    await all;
    expect(values).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('does to any calls what a queue would', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.oneof(fc.constant('receive' as const), fc.integer({ min: 1, max: 12 }))),
        async (asked, calls) => {
          const { sender, receiver } = createChannel({ kind, capacity: asked, codec: f64() });
          const model: number[] = [];
          const results: [got: unknown, expected: unknown][] = [];
          let next = 0;
          for (const call of calls) {
            if (call === 'receive') {
              results.push([receiver.tryReceive(), model.shift()]);
              continue;
            }
            const values = Array.from({ length: call }, () => next++);
            const room = Math.min(call, sender.capacity - model.length);
            const went = sender.trySendBatch(call % 2 === 0 ? values : Float64Array.from(values));
            results.push([went, room]);
            model.push(...values.slice(0, room));
          }
          sender.close();
          const rest = [];
          for await (const value of receiver) rest.push(value);
          expect(rest).toEqual(model);
          for (const [got, expected] of results) expect(got).toBe(expected);
        },
      ),
    );
  });

  it('carries messages between threads, asleep or awake', async () => {
    const there = createChannel({ kind, capacity: 4, codec: f64() });
    const back = createChannel({ kind, capacity: 4, codec: f64() });
    const ends = { receiver: share(there.receiver), sender: share(back.sender) };
    const { exit } = startThread({ job: 'echo', ...ends });
    if (kind === 'mpmc') {
      there.receiver.close();
      back.sender.close();
    }
    const sent = (async () => {
      for (let i = 0; i < 500; i++) {
        await there.sender.send(i);
        if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      there.sender.close();
    })();
    const values = [];
    for await (const value of back.receiver) values.push(value);
    await sent;
    expect(values).toEqual(Array.from({ length: 500 }, (_, i) => i));
    await exit;
  });

  it('blocks threads that ask for it', async () => {
    const there = createChannel({ kind, capacity: 1, codec: u32() });
    const back = createChannel({ kind, capacity: 1, codec: u32() });
    const ends = { receiver: share(there.receiver), sender: share(back.sender) };
    const { exit } = startThread({ job: 'echoSync', count: 200, ...ends });
    for (let i = 0; i < 200; i++) {
      there.sender.sendSync(i);
      expect(back.receiver.receiveSync()).toBe(i);
    }
    await exit;
    expect(code(() => back.receiver.receiveSync(1))).toMatch(/TIMEOUT|DISCONNECTED/);
  });

  it('is told of a thread that ends with its ends open', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const { exit } = startThread({ job: 'exitWithEnds', sender: share(sender) });
    sender.close();
    expect(await receiver.receive()).toBe(1);
    expect((await failure(receiver.receive())).code).toBe('ERR_MOIRAI_DISCONNECTED');
    await exit;
  });

  it('lets a thread that blocks at it be terminated', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const { worker } = startThread({ job: 'blockForEver', receiver: share(receiver) });
    receiver.close();
    await once(worker, 'message');
    expect(await worker.terminate()).toBe(1);
    expect(code(() => sender.trySend(1))).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('closes an end that nobody has any more', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { receiver } = createChannel({ kind, codec: u32() });
    const waiting = failure(receiver.receive());
    for (let i = 0; receiver.senders > 0 && i < 100; i++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await waiting).code).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('gives an end to one thread only', () => {
    const { sender } = createChannel({ kind, codec: u32() });
    const handle = share(sender);
    expect(sender.isClosed).toBe(kind === 'spsc');
    const attached = attach(handle);
    expect(attached.trySend(1)).toBe(true);
    expect(code(() => attach(handle))).toBe('ERR_MOIRAI_CLOSED');
  });
});

describe('a channel of many', () => {
  it("gives each message of each sender to one receiver, in each sender's order", async () => {
    const { sender, receiver } = createChannel({ capacity: 16, codec: u32() });
    const collectors = [0, 1].map(
      () => startThread({ job: 'collect', receiver: share(receiver) }).worker,
    );
    receiver.close();
    const each = 3000;
    const senders = ['count', 'countSync'].map((job) =>
      startThread({ job, count: each, sender: share(sender) }),
    );
    sender.close();
    const lists = await Promise.all(
      collectors.map(async (worker) => (await once(worker, 'message')) as [number[]]),
    );
    const all = lists.flatMap(([list]) => list).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 2 * each }, (_, i) => i >> 1));
    for (const [list] of lists) expect(areTwoThatGrow(list)).toBe(true);
    await Promise.all(senders.map(({ exit }) => exit));
  });

  it('has clones', async () => {
    const { sender, receiver } = createChannel({ codec: u32() });
    const second = sender.clone();
    expect(receiver.senders).toBe(2);
    sender.close();
    second.trySend(1);
    second.close();
    expect(await receiver.receive()).toBe(1);
    expect(code(() => receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
    const single = createChannel({ kind: 'spsc', codec: u32() });
    expect(code(() => single.sender.clone())).toBe('ERR_MOIRAI_NOT_SUPPORTED');
  });
});

describe('a thread that blocks', () => {
  it('leaves to others the message for which it was called', async () => {
    const jobs = createChannel({ kind: 'mpmc', codec: f64() });
    const answers = createChannel({ kind: 'mpmc', codec: f64() });
    const mine = failure(jobs.receiver.receive());
    const thread = startThread({
      job: 'answerOnce',
      receiver: share(jobs.receiver),
      sender: share(answers.sender),
    });
    let answer = 0;
    const refused = new Promise<unknown>((resolve) => {
      // A message finds this thread as it was when it slept: first in the line of the channel.
      thread.worker.once('message', () => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100); // the other sleeps by now
        jobs.sender.trySend(7);
        resolve(code(() => (answer = answers.receiver.receiveSync(20_000))));
      });
    });
    expect(await refused).toBeUndefined();
    expect(answer).toBe(7);
    await thread.exit;
    jobs.receiver.close();
    expect((await mine).code).toBe('ERR_MOIRAI_CLOSED');
  });
});

describe('messages', () => {
  const through = <T>(codec: MessageCodec<T>, value: T): T | undefined => {
    const { sender, receiver } = createChannel({ capacity: 2, codec });
    expect(sender.trySend(value)).toBe(true);
    return receiver.tryReceive();
  };

  it('arrive as they were sent', () => {
    const holds = <T>(values: fc.Arbitrary<T>, codec: MessageCodec<T>): void => {
      fc.assert(
        fc.property(values, (value) => {
          expect(through(codec, value)).toEqual(structuredClone(value));
        }),
      );
    };
    holds(fc.double(), f64());
    holds(fc.nat(), u32());
    holds(fc.uint8Array({ maxLength: 30 }), bytes(30));
    holds(fc.string({ unit: 'grapheme', maxLength: 10 }), utf8(4096));
    holds(fc.object(), cloneable<object>(65_536));
  });

  it('of structs arrive field by field, whatever the fields are called', () => {
    const codec = struct({
      at: 'f64',
      views: 'u32',
      tag: bytes(5),
      name: utf8(9),
      big: 'i64',
      s: 'i8',
    });
    const value = { at: 1.5, views: 7, tag: Uint8Array.of(1, 2), name: 'hé', big: -5n, s: -128 };
    expect(through(codec, value)).toEqual(value);
    expect(code(() => through(codec, { ...value, s: 128 }))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    expect(code(() => through(codec, { ...value, big: 5 as never }))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
    expect(codec.bytes).toBe(56);
    expect(code(() => struct({ x: 'f16' as never }))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  });

  it('that are refused are handed back, and nothing is sent', async () => {
    const { sender, receiver } = createChannel({ codec: utf8(4) });
    expect(await failure(sender.send('12345'))).toMatchObject({
      code: 'ERR_MOIRAI_TOO_LARGE',
    });
    expect(code(() => sender.trySend(5 as never))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    expect(receiver.tryReceive()).toBeUndefined();
    const any = createChannel();
    const value = { f: () => 1 };
    expect(await failure(any.sender.send(value))).toMatchObject({
      code: 'ERR_MOIRAI_NOT_SERIALIZABLE',
      value,
    });
    expect(code(() => any.sender.trySend(undefined))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    const wrong = { code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'values' };
    for (const values of [5, undefined, {}] as never[]) {
      expect(() => any.sender.trySendBatch(values)).toThrow(expect.objectContaining(wrong));
      expect(await failure(any.sender.sendBatch(values))).toMatchObject(wrong);
    }
    expect(any.sender.trySend({ a: 1 })).toBe(true);
    expect(any.receiver.tryReceive()).toEqual({ a: 1 });
  });

  it('whose getter sends another by the same sender are refused, the other was sent', () => {
    const { sender, receiver } = createChannel();
    const value = {
      get x() {
        sender.trySend(1);
        return 2;
      },
    };
    expect(code(() => sender.trySend(value))).toBe('ERR_MOIRAI_DEADLOCK');
    expect(receiver.tryReceive()).toBeUndefined();
  });
});

describe('values that change while they wait', () => {
  it('are checked when they are written', async () => {
    const codec = struct({ data: bytes(4), seq: 'u32' });
    const { sender, receiver } = createChannel({ capacity: 1, codec });
    const value = { data: Uint8Array.of(1), seq: 1 };
    sender.trySend({ ...value });
    const late = failure(sender.send(value));
    value.data = new Uint8Array(64).fill(255);
    expect(receiver.tryReceive()?.seq).toBe(1);
    expect((await late).code).toBe('ERR_MOIRAI_TOO_LARGE');
    expect(receiver.tryReceive()).toBeUndefined();
    expect(sender.trySend({ data: Uint8Array.of(2), seq: 2 })).toBe(true);
    expect(receiver.tryReceive()).toEqual({ data: Uint8Array.of(2), seq: 2 });
  });

  it('are believed in nothing', () => {
    const { sender, receiver } = createChannel({ codec: bytes(4) });
    const liar = Object.defineProperty(new Uint8Array(20), 'length', { value: 1 });
    expect(code(() => sender.trySend(liar))).toBe('ERR_MOIRAI_TOO_LARGE');
    expect(receiver.tryReceive()).toBeUndefined();
    const numbers = createChannel({ codec: f64() });
    const small = Object.setPrototypeOf(new Uint8Array(8), Float64Array.prototype) as Float64Array;
    expect(numbers.sender.trySendBatch(small)).toBe(0);
  });

  it('may not close their sender from within', () => {
    const { sender, receiver } = createChannel();
    const value = {
      get x() {
        sender.close();
        return 1;
      },
    };
    expect(code(() => sender.trySend(value))).toBe('ERR_MOIRAI_DEADLOCK');
    expect(sender.isClosed).toBe(false);
    expect(receiver.tryReceive()).toBeUndefined();
  });

  it('may become shorter', async () => {
    const { sender, receiver } = createChannel({ capacity: 2, codec: u32() });
    const values = [1, 2, 3, 4, 5];
    const all = sender.sendBatch(values);
    values.length = 3;
    expect(await receiver.receiveBatch(2)).toEqual([1, 2]);
    expect(await receiver.receive()).toBe(3);
    await all;
  });

  it('are handed back as far as they did not go', async () => {
    const { sender, receiver } = createChannel({ capacity: 2, codec: u32() });
    const all = failure(sender.sendBatch([1, 2, 3, 4]));
    receiver.close();
    expect(await all).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED', value: [3, 4] });
  });
});

describe('a wait', () => {
  it('is not overtaken by a blocking call', async () => {
    const { sender, receiver } = createChannel({ capacity: 1, codec: u32() });
    sender.trySend(0);
    const first = sender.send(1);
    expect(receiver.tryReceive()).toBe(0);
    expect(code(() => sender.sendSync(2, 1))).toBe('ERR_MOIRAI_TIMEOUT');
    expect(receiver.tryReceive()).toBe(1);
    await first;
  });

  it('may be longer than timers are', async () => {
    const { sender, receiver } = createChannel({ codec: u32() });
    const waiting = receiver.receive({ timeout: 2 ** 40 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    sender.trySend(5);
    expect(await waiting).toBe(5);
  });

  it('is called for the room that an aborted slot leaves', async () => {
    const codec = struct({ x: 'u32' });
    const { sender, receiver } = createChannel({ capacity: 1, codec });
    const other = sender.clone();
    const slot = sender.tryClaim();
    const sent = other.send({ x: 1 });
    const received = receiver.receive();
    await new Promise((resolve) => setTimeout(resolve, 5));
    slot?.abort();
    await sent;
    expect(await received).toEqual({ x: 1 });
  });
});

describe.each(kinds)('in place, kind %s', (kind) => {
  const codec = struct({ price: 'f64', seq: 'u32' });

  it('a slot is written, committed, read and released', () => {
    const { sender, receiver } = createChannel({ kind, capacity: 2, codec });
    const slot = sender.tryClaim();
    if (slot === undefined) throw new Error('no room');
    slot.view.price = 1.25;
    slot.view.seq = 3;
    expect(receiver.tryPeek()).toBeUndefined();
    slot.commit();
    expect(code(() => slot.commit())).toBe('ERR_MOIRAI_CLOSED');
    expect(code(() => (slot.view.price = 1))).toBe('ERR_MOIRAI_CLOSED');
    const message = receiver.tryPeek();
    expect(message?.view.price).toBe(1.25);
    expect(message?.view.seq).toBe(3);
    expect(code(() => receiver.tryReceive())).toBe('ERR_MOIRAI_WOULD_BLOCK');
    message?.release();
    expect(receiver.tryReceive()).toBeUndefined();
  });

  it('an aborted slot is never received, and one that is open holds up the end', () => {
    const { sender, receiver } = createChannel({ kind, capacity: 2, codec });
    const slot = sender.tryClaim();
    expect(code(() => sender.trySend({ price: 1, seq: 1 }))).toBe('ERR_MOIRAI_WOULD_BLOCK');
    expect(code(() => sender.tryClaim())).toBe('ERR_MOIRAI_WOULD_BLOCK');
    slot?.abort();
    expect(sender.trySend({ price: 2, seq: 2 })).toBe(true);
    expect(receiver.tryReceive()).toEqual({ price: 2, seq: 2 });
    sender.tryClaim();
    sender.close();
    expect(code(() => receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('needs a struct', () => {
    const { sender } = createChannel({ kind, codec: f64() });
    expect(code(() => sender.tryClaim())).toBe('ERR_MOIRAI_NOT_SUPPORTED');
  });
});

describe('bad arguments', () => {
  it('are named', () => {
    const bad = (action: () => unknown, argument: string): void => {
      const expected = { code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument };
      expect(action).toThrow(expect.objectContaining(expected));
    };
    bad(() => createChannel({ kind: 'ring' as never }), 'options.kind');
    bad(() => createChannel({ capacity: 0 }), 'options.capacity');
    bad(() => createChannel({ capacity: 1.5 }), 'options.capacity');
    bad(() => createChannel({ codec: 'f64' as never }), 'options.codec');
    bad(() => bytes(0), 'max');
    bad(() => share({} as never), 'object');
    bad(() => attach({} as never), 'handle');
    const { sender, receiver } = createChannel({ codec: u32() });
    bad(() => sender.trySend(-1), 'value');
    bad(() => sender.sendSync(1, -1), 'milliseconds');
    bad(() => receiver.tryReceiveBatch(new Float64Array(1)), 'into');
  });
});
