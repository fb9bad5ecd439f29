// Threads that block at several channels at once.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  after,
  createChannel,
  every,
  f64,
  selectSync,
  sending,
  share,
  type ChannelKind,
  type ChannelPair,
} from 'moirai';
import { code } from './threads.js';

const fixture = new URL('./fixtures/select.mjs', import.meta.url);
const kinds: readonly ChannelKind[] = ['spsc', 'mpmc', 'unbounded'];
const three = (kind: ChannelKind): ChannelPair<number>[] =>
  [0, 1, 2].map(() =>
    createChannel({ kind, codec: f64(), ...(kind === 'unbounded' ? {} : { capacity: 2 }) }),
  );
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

function failureOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe.each(kinds)('over channels of kind %s', (kind) => {
  test('two threads that only block send and receive everything once and in order', async () => {
    const pairs = three(kind);
    const count = 3000;
    const sends = new Worker(fixture, {
      workerData: {
        job: 'sendSync',
        count,
        receivers: [],
        senders: pairs.map(({ sender }) => share(sender)),
      },
    });
    const receives = new Worker(fixture, {
      workerData: {
        job: 'receiveSync',
        count,
        senders: [],
        receivers: pairs.map(({ receiver }) => share(receiver)),
      },
    });
    const got = once(receives, 'message');
    const ended = once(sends, 'exit');
    for (const { sender, receiver } of pairs) {
      sender.close();
      receiver.close();
    }
    expect(await ended).toEqual([0]);
    expect(await got).toEqual([pairs.map(() => numbers(count))]);
  });

  test('a thread that blocks can be terminated', async () => {
    const pairs = three(kind);
    const receivers = pairs.map(({ receiver }) => share(receiver));
    const worker = new Worker(fixture, {
      workerData: { job: 'blockForEver', receivers, senders: [] },
    });
    await once(worker, 'message');
    expect(await worker.terminate()).toBe(1);
    for (const { sender } of pairs) sender.close();
  });
});

test('a thread that blocks at channels of threads and of processes is woken by each', async () => {
  const name = `select-sync-${process.pid}`;
  const other = createChannel({ name, codec: f64(), capacity: 2 });
  const own = createChannel({ codec: f64(), capacity: 2 });
  const worker = new Worker(fixture, {
    workerData: { job: 'receiveSync', receivers: [share(own.receiver), name], senders: [] },
  });
  const got = once(worker, 'message');
  own.receiver.close();
  const { sender } = other;
  for (const value of numbers(500)) {
    await sender.send(value);
    await own.sender.send(value);
  }
  sender.close();
  own.sender.close();
  expect(await got).toEqual([[numbers(500), numbers(500)]]);
  other.close();
});

test('does what is possible at once, and fails as select does, with the key', () => {
  const [a, b] = three('mpmc') as [ChannelPair<number>, ChannelPair<number>];
  expect(selectSync({ out: sending(a.sender, 7) })).toEqual({ key: 'out', value: undefined });
  expect(selectSync({ a: a.receiver, b: b.receiver })).toEqual({ key: 'a', value: 7 });
  expect(code(() => selectSync({ a: a.receiver, b: b.receiver }, 3))).toBe('ERR_MOIRAI_TIMEOUT');
  b.sender.close();
  const failed = failureOf(() => selectSync({ a: a.receiver, b: b.receiver }));
  expect(failed).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED', key: 'b' });
  expect(code(() => selectSync({}))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
});

test('times are cases too, beside ends and alone', () => {
  const { receiver } = createChannel({ codec: f64() });
  expect(selectSync({ never: receiver, late: after(2) }).key).toBe('late');
  expect(selectSync({ late: after(2) }).key).toBe('late');
  const tick = every(1);
  expect(selectSync({ never: receiver, tick }).key).toBe('tick');
  expect(selectSync({ tick }).value).toBeGreaterThanOrEqual(1);
});
