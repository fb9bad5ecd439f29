import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attach,
  bytes,
  cloneable,
  createChannel,
  f64,
  select,
  sending,
  share,
  struct,
  u32,
  utf8,
  type Batching,
  type ChannelKind,
  type ChannelPair,
  type MessageCodec,
  type Receiver,
} from 'moirai';
import { runs } from '../properties.js';

const seed = Number(process.env['MOIRAI_SEED'] ?? Date.now() >>> 0);
console.log(`batching: MOIRAI_SEED=${seed}`);
const kinds: readonly ChannelKind[] = ['spsc', 'mpmc', 'unbounded'];
const fixture = new URL('./fixtures/batching.mjs', import.meta.url);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function pair(kind: ChannelKind, batching: Batching = {}, capacity = 8): ChannelPair<number> {
  const room = kind === 'unbounded' ? {} : { capacity };
  return createChannel({ kind, ...room, codec: f64(), batching });
}

async function rest<T>(receiver: Receiver<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of receiver) values.push(value);
  return values;
}

function code(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

async function failure(promise: Promise<unknown>): Promise<{ code?: unknown; value?: unknown }> {
  try {
    await promise;
    return { code: 'none' };
  } catch (error) {
    return error as { code?: unknown; value?: unknown };
  }
}

describe.each(kinds)('with batching, a channel of kind %s', (kind) => {
  test('carries every message once and in order, between threads', async () => {
    const { sender, receiver } = pair(kind, { maxSize: 50 });
    const count = 20_000;
    const worker = new Worker(fixture, {
      workerData: { job: 'sendAll', count, sender: share(sender) },
    });
    const exit = once(worker, 'exit');
    sender.close();
    expect(await rest(receiver)).toEqual(numbers(count));
    await exit;
    expect(receiver.stats().batches).toBeLessThan(count);
  });

  test('sends what was collected when nothing more comes', async () => {
    const { sender, receiver } = pair(kind, { maxSize: 1000 });
    for (const value of numbers(500)) sender.trySend(value);
    // Without another call at the sender.
    for (const value of numbers(500)) expect(await receiver.receive()).toBe(value);
  });

  test('sends what was collected before it closes', async () => {
    const { sender, receiver } = pair(kind, { maxSize: 1000 });
    for (const value of numbers(900)) sender.trySend(value);
    sender.close();
    expect(await rest(receiver)).toEqual(numbers(900));
  });

  test('a thread that blocks at a channel sends first what it has collected', async () => {
    const { sender, receiver } = pair(kind, { maxSize: 1000, maxDelay: 10_000 });
    const back = createChannel({ codec: f64() });
    const workerData = {
      job: 'burstAndBlock',
      count: 700,
      sender: share(sender),
      receiver: share(back.receiver),
    };
    const worker = new Worker(fixture, { workerData });
    const answer = once(worker, 'message');
    for (const value of numbers(700)) expect(await receiver.receive()).toBe(value);
    back.sender.trySend(5);
    expect(await answer).toEqual([5]);
    await worker.terminate();
  });

  test('of a thread that ends, what had not gone is lost, and nothing else', async () => {
    const { sender, receiver } = pair(kind, { maxSize: 64, maxDelay: 10_000 });
    const workerData = { job: 'burstAndExit', count: 400, sender: share(sender) };
    const worker = new Worker(fixture, { workerData });
    await once(worker, 'exit');
    sender.close();
    const values = await rest(receiver);
    expect(values).toEqual(numbers(values.length));
    expect(values.length).toBeGreaterThanOrEqual(400 - 64);
  });

  test('an end that moves or is cloned in the midst of a batch leaves nothing behind', async () => {
    const { sender, receiver } = pair(kind, { maxSize: 500, maxDelay: 10_000 }, 512);
    for (const value of numbers(900)) sender.trySend(value);
    await sender.flush();
    const { batches } = sender.stats();
    const first = numbers(700).map(() => receiver.tryReceive());
    const there = attach(share(receiver));
    const again = attach(share(sender));
    for (const value of numbers(50)) again.trySend(900 + value);
    again.close();
    sender.close();
    const values = [...first, ...(await rest(kind === 'spsc' ? there : receiver))];
    expect(values).toEqual(numbers(950));
    expect(batches).toBeLessThan(500);
  });
});

test('a thread that has nothing else to do goes on until what it collected has gone', async () => {
  const { sender, receiver } = pair('mpmc', { maxSize: 1000, maxDelay: 50 });
  const worker = new Worker(fixture, {
    workerData: { job: 'burst', count: 400, sender: share(sender) },
  });
  const exit = once(worker, 'exit');
  sender.close();
  expect(await rest(receiver)).toEqual(numbers(400));
  expect(await exit).toEqual([0]);
});

test('where turns of the event loop take longer than maxDelay, a turn sends what it collected', async () => {
  const { sender, receiver } = pair('mpmc', { maxSize: 10_000, maxDelay: 10 }, 512);
  const collect = (): void => {
    do sender.trySend(0);
    while (sender.stats().collected === 0);
  };
  collect();
  const end = performance.now() + 300;
  while (performance.now() < end);
  while (sender.stats().collected > 0) await new Promise(setImmediate); // the timer was late
  collect();
  await new Promise(setImmediate);
  expect(sender.stats().collected).toBe(0);
  receiver.close();
  sender.close();
});

test('any mix of calls agrees with a queue, for every codec', async () => {
  const codecs: readonly { codec: MessageCodec<unknown>; make: (i: number) => unknown }[] = [
    { codec: f64(), make: (i) => i / 8 },
    { codec: u32(), make: (i) => i },
    { codec: utf8(20), make: (i) => '€'.repeat(i % 6) },
    { codec: bytes(9), make: (i) => new Uint8Array(i % 9).fill(i) },
    { codec: cloneable(200), make: (i) => ({ i, list: [i, 'x'.repeat(i % 50)] }) },
    {
      codec: struct({ a: 'u8', b: 'f64', c: utf8(5) }),
      make: (i) => ({ a: i % 256, b: -i, c: 'abc' }),
    },
  ];
  const act = fc.constantFrom(
    'send',
    'send',
    'send',
    'receive',
    'receive',
    'flush',
    'turn',
    'many',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.nat(codecs.length - 1),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(0, 1, 50),
      fc.array(act, { maxLength: 80, size: 'max' }),
      async (which, maxSize, maxDelay, acts) => {
        const { codec, make } = codecs[which] as (typeof codecs)[0];
        const batching = { maxSize, maxDelay, target: maxDelay };
        const { sender, receiver } = createChannel({
          codec,
          capacity: 4,
          batching,
        });
        const queue: unknown[] = [];
        const received: unknown[] = [];
        const send = (): void => {
          const value = make(queue.length);
          if (sender.trySend(value)) queue.push(value);
        };
        for (const one of acts) {
          if (one === 'send') send();
          else if (one === 'many') {
            const values = [0, 1, 2].map((i) => make(queue.length + i));
            queue.push(...values.slice(0, sender.trySendBatch(values)));
          } else if (one === 'flush') void sender.flush().catch(() => undefined);
          else if (one === 'turn') await new Promise(setImmediate);
          else {
            const value = receiver.tryReceive();
            if (value !== undefined) received.push(value);
          }
        }
        sender.close();
        received.push(...(await rest(receiver)));
        expect(received).toEqual(queue);
        receiver.close();
      },
    ),
    { seed, numRuns: runs(150) },
  );
});

test('is bounded: batches grow to their full size, then sending waits', async () => {
  const { sender, receiver } = pair('spsc', { maxSize: 10 }, 4);
  let sent = 0;
  while (sender.trySend(sent)) sent++;
  expect(sent).toBeLessThanOrEqual(50);
  expect(sent).toBeGreaterThanOrEqual(14);
  const waiting = sender.send(sent);
  expect(await failure(sender.send(0, { timeout: 5 }))).toMatchObject({
    code: 'ERR_MOIRAI_TIMEOUT',
    value: 0,
  });
  const got = numbers(sent + 1).map(async () => receiver.receive());
  expect(await Promise.all(got)).toEqual(numbers(sent + 1));
  await waiting;
});

test('closing a sender that finds no room sends what it has as soon as there is some', async () => {
  const { sender, receiver } = pair('mpmc', { maxSize: 10 }, 1);
  let sent = 0;
  while (sender.trySend(sent)) sent++;
  sender.close();
  expect(sender.isClosed).toBe(true);
  expect(code(() => sender.trySend(1))).toBe('ERR_MOIRAI_CLOSED');
  expect(await rest(receiver)).toEqual(numbers(sent));
});

test('a sender that cannot let go of its batch is not moved', async () => {
  const { sender, receiver } = pair('spsc', { maxSize: 10 }, 1);
  let sent = 0;
  while (sender.trySend(sent)) sent++;
  expect(code(() => share(sender))).toBe('ERR_MOIRAI_WOULD_BLOCK');
  const flushed = sender.flush();
  const values = [];
  while (values.length < sent) values.push(await receiver.receive());
  await flushed;
  const there = attach(share(sender));
  there.trySend(sent);
  expect(await receiver.receive()).toBe(sent);
  expect(values).toEqual(numbers(sent));
});

test('when the last receiver has closed senders get DISCONNECTED with their value', async () => {
  const { sender, receiver } = pair('mpmc');
  sender.trySend(1);
  receiver.close();
  const outcomes = numbers(1000).map(() => code(() => sender.trySend(2)));
  expect(outcomes).toContain('ERR_MOIRAI_DISCONNECTED');
  expect(await failure(sender.send(3))).toMatchObject({
    code: 'ERR_MOIRAI_DISCONNECTED',
    value: 3,
  });
  sender.close();
});

test('a value refused for want of memory is not sent all the same', () => {
  const room = { kind: 'unbounded', capacity: 1, batching: { maxSize: 4 } } as const;
  const { sender, receiver } = createChannel<number>({ ...room, codec: cloneable(100) });
  const sent: number[] = [];
  const why = code(() => {
    for (let i = 0; i < 1e6; i++) {
      expect(sender.trySend(i)).toBe(true);
      sent.push(i);
    }
  });
  expect(why).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
  const received: (number | undefined)[] = [];
  const receiveAll = (): void => {
    for (;;) {
      const value = receiver.tryReceive();
      if (value === undefined) return;
      received.push(value);
    }
  };
  receiveAll();
  sender.close();
  expect(code(receiveAll)).toBe('ERR_MOIRAI_DISCONNECTED');
  expect(received).toEqual(sent);
});

test('closing a sender that finds no memory sends what it has as soon as there is some', async () => {
  const room = { kind: 'unbounded', capacity: 1, batching: { maxSize: 4 } } as const;
  const { sender, receiver } = createChannel<number>({ ...room, codec: cloneable(100) });
  const sent: number[] = [];
  const received: number[] = [];
  // At this rate several make a batch.
  for (let i = 0; sender.stats().batchSize < 4; i++) {
    expect(sender.trySend(i)).toBe(true);
    sent.push(i);
    for (let one = receiver.tryReceive(); one !== undefined; one = receiver.tryReceive()) {
      received.push(one);
    }
  }
  const why = code(() => {
    for (;;) {
      sender.trySend(sent.length);
      sent.push(sent.length);
    }
  });
  expect(why).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
  sender.close();
  expect([...received, ...(await rest(receiver))]).toEqual(sent);
});

test('a getter of a value that is collected cannot close its sender', () => {
  const { sender } = createChannel({ batching: {} });
  const value = {
    get x() {
      sender.close();
      return 1;
    },
  };
  expect(code(() => sender.trySend(value))).toBe('ERR_MOIRAI_DEADLOCK');
  expect(sender.stats().collected).toBe(0);
  sender.close();
});

test('a sender that has closed and has yet to send is not called again and again', async () => {
  const { sender, receiver } = pair('mpmc', { maxSize: 2, maxDelay: 200 }, 1);
  let sent = 0;
  while (sender.trySend(sent)) sent++;
  const refused = failure(sender.send(-1));
  await new Promise((resolve) => void setTimeout(resolve, 5));
  sender.close();
  expect((await refused).code).toBe('ERR_MOIRAI_CLOSED');
  const before = sender.stats().wakeUps;
  expect(await rest(receiver)).toEqual(numbers(sent));
  expect(sender.stats().wakeUps - before).toBeLessThan(10);
});

test('a value that its codec refuses takes no other with it', async () => {
  const { sender, receiver } = createChannel({ codec: cloneable(64), batching: {} });
  sender.trySend(1);
  expect(code(() => sender.trySend('x'.repeat(100)))).toBe('ERR_MOIRAI_TOO_LARGE');
  expect(code(() => sender.trySend(() => 1))).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
  const sends = {
    get now() {
      return sender.trySend(3);
    },
  };
  expect(code(() => sender.trySend(sends))).toBe('ERR_MOIRAI_DEADLOCK');
  sender.trySend(2);
  sender.close();
  expect(await rest(receiver)).toEqual([1, 2]);
});

test('select takes messages out of batches and puts them in', async () => {
  const { sender, receiver } = pair('mpmc');
  for (const value of numbers(100)) await select({ out: sending(sender, value) });
  for (const value of numbers(100)) {
    expect(await select({ into: receiver })).toEqual({ key: 'into', value });
  }
});

test('what a receiver had taken of a batch and not given is counted when it closes', async () => {
  const { sender, receiver } = pair('mpmc', { maxSize: 100, maxDelay: 10_000 });
  const other = receiver.clone();
  for (const value of numbers(300)) sender.trySend(value);
  await sender.flush();
  for (const value of numbers(10)) expect(receiver.tryReceive()).toBe(value);
  receiver.close();
  sender.close();
  const values = await rest(other);
  const { received, dropped } = receiver.stats();
  expect(received).toBe(10);
  expect(received + dropped + values.length).toBe(300);
});

test('batches grow with the rate, and are of one message where few come', async () => {
  const { sender, receiver } = pair('mpmc', { maxSize: 1000 });
  // At so many messages a turn, until the size of a batch is as it should be.
  const settle = async (count: number, isRight: (size: number) => boolean): Promise<void> => {
    do {
      for (let i = 0; i < count; i++) sender.trySend(i);
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
      while (receiver.tryReceive() !== undefined);
    } while (!isRight(sender.stats().batchSize));
  };
  await settle(1, (size) => size === 1);
  await settle(1000, (size) => size > 20);
  await settle(1, (size) => size === 1);
  sender.close();
});

test('refuses what does not go together', () => {
  expect(code(() => createChannel({ kind: 'oneshot', batching: {} }))).toBe(
    'ERR_MOIRAI_INVALID_ARGUMENT',
  );
  for (const batching of [
    { maxSize: 0 },
    { maxSize: 1e6 },
    { maxDelay: -1 },
    { maxDelay: 1, target: 2 },
    { size: 1 },
    1,
  ]) {
    expect(code(() => createChannel({ batching: batching as never }))).toBe(
      'ERR_MOIRAI_INVALID_ARGUMENT',
    );
  }
  const { sender, receiver } = createChannel({ codec: struct({ a: 'f64' }), batching: {} });
  expect(code(() => sender.tryClaim())).toBe('ERR_MOIRAI_NOT_SUPPORTED');
  expect(code(() => receiver.tryPeek())).toBe('ERR_MOIRAI_NOT_SUPPORTED');
});
