// Ends of channels, buffers and pools as arguments and results of tasks, and what becomes of them when
// the task does not come about.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  createChannel,
  Executor,
  f64,
  numa,
  NumaPool,
  Sender,
  type ChannelKind,
  type NumaBuffer,
  type Receiver,
} from 'moirai';
import type * as Tasks from './fixtures/objects.mjs';

const tasks = new URL('fixtures/objects.mjs', import.meta.url);
const start = (options: object = {}): Promise<Executor<typeof Tasks>> =>
  Executor.start<typeof Tasks>({ tasks, threads: 1, ...options });
const channel = (kind: ChannelKind = 'spsc') => createChannel({ kind, codec: f64() });
const flag = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));
const raise = (words: Int32Array): void => {
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
};
/** The code of what it throws or rejects with. */
async function failure(action: () => unknown): Promise<unknown> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}
/** Every sender of the channel is gone, in whatever thread. */
async function isDisconnected(receiver: Receiver<number>): Promise<boolean> {
  return (await failure(() => receiver.receive())) === 'ERR_MOIRAI_DISCONNECTED';
}
const ignored = () => undefined;

describe('as they are', () => {
  test('both ends of a channel go to tasks, nested too, and the tasks talk', async () => {
    await using executor = await start({ threads: 2 });
    const { sender, receiver } = channel();
    const collected = executor.run.collect({ into: [receiver] });
    expect(receiver.isClosed).toBe(true);
    expect(await executor.run.produce(sender, 5000)).toBe('Sender');
    expect(sender.isClosed).toBe(true);
    expect(await collected).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  test('an end that many can have is cloned, and is one object however often it is named', async () => {
    await using executor = await start();
    const { sender, receiver } = channel('mpmc');
    const map = new Map([
      [1, sender],
      [2, sender],
    ]);
    const same = await executor.run.sendAll(map, sender);
    expect(same).toBe(true);
    expect(sender.trySend(3)).toBe(true);
    expect([1, 2, 3].map(() => receiver.tryReceive())).toEqual([1, 2, 3]);
    sender.close();
    expect(await isDisconnected(receiver)).toBe(true);
  });

  test('they come back, by the slot and by message', async () => {
    await using executor = await start();
    const { sender, receiver } = channel();
    const memory = numa.allocate(8192);
    using pool = new NumaPool({ blockSize: 64, blocksPerNode: 1 });
    const [one, two, three] = (await executor.run.echo(sender, [memory], { pool })) as [
      Sender<number>,
      [NumaBuffer],
      { pool: NumaPool },
    ];
    expect(one).toBeInstanceOf(Sender);
    expect(one.trySend(1)).toBe(true);
    two[0].view(Uint8Array)[8000] = 5;
    expect(memory.view(Uint8Array)[8000]).toBe(5);
    three.pool.release(three.pool.acquire());
    const [, again] = (await executor.run.echo(new Blob(['a']), one)) as [Blob, Sender<number>];
    expect(again.trySend(2)).toBe(true);
    expect([receiver.tryReceive(), receiver.tryReceive()]).toEqual([1, 2]);
    again.close();
    expect(await isDisconnected(receiver)).toBe(true);
  });

  test('they go beside what only a message can carry', async () => {
    await using executor = await start();
    const { sender, receiver } = channel();
    const memory = numa.allocate(100);
    await executor.run.fill(memory, new Blob(['abc']), sender);
    expect(memory.view(Uint8Array)[99]).toBe(3);
    expect(receiver.tryReceive()).toBe(3);
    const back = channel();
    const { port1, port2 } = new MessageChannel();
    const closed = once(port2, 'close');
    const handle = executor.spawn('withPort', [port1, back.receiver], { transfer: [port1] });
    await back.sender.send(9);
    expect(await handle).toBe(9);
    await closed;
  });

  test('a task that waits for a slot takes them along', async () => {
    await using executor = await start({ maxQueue: 1, onFull: 'wait' });
    const words = flag();
    const busy = executor.run.block(words);
    const { sender, receiver } = channel();
    const waiting = executor.run.produce(sender, 1);
    expect(sender.isClosed).toBe(true);
    raise(words);
    await busy;
    await waiting;
    expect(receiver.tryReceive()).toBe(0);
  });

  test('a receiver of a broadcast channel goes on there from where it was cloned', async () => {
    await using executor = await start();
    const { sender, receiver } = createChannel({ kind: 'broadcast', codec: f64() });
    sender.trySend(1);
    expect(receiver.tryReceive()).toBe(1);
    const refused = () => executor.run.collect({ into: [receiver], ignored } as never);
    expect(await failure(refused)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    expect(sender.receivers).toBe(1);
    const collected = executor.run.collect({ into: [receiver] });
    for (const value of [2, 3]) await sender.send(value);
    sender.close();
    expect(await collected).toEqual([2, 3]);
    expect([receiver.tryReceive(), receiver.tryReceive()]).toEqual([2, 3]);
  });

  test('a first one in a worker is met by many tasks at once', async () => {
    await using executor = await start({ threads: 2 });
    const { sender, receiver } = channel('mpmc');
    const calls = Array.from({ length: 50 }, (_, i) =>
      executor.run.sendAll(new Map([[i, sender]])),
    );
    await Promise.all(calls);
    const values = Array.from({ length: 50 }, () => receiver.tryReceive() as number);
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});

describe('nothing is lost in silence', () => {
  test('arguments that are refused leave every end where it was', async () => {
    await using executor = await start({ maxQueue: 1 });
    const { sender, receiver } = channel();
    const refused = await failure(() => executor.run.echo(sender, ignored));
    expect(refused).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    const byMessage = await failure(() => executor.run.echo(sender, new Blob([]), ignored));
    expect(byMessage).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    const again = () => executor.spawn('echo', [sender], { idempotent: true });
    expect(await failure(again)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    const againByMessage = () =>
      executor.spawn('echo', [sender, new Blob([])], { idempotent: true });
    expect(await failure(againByMessage)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
    const words = flag();
    const busy = executor.run.block(words);
    expect(await failure(() => executor.run.echo(sender))).toBe('ERR_MOIRAI_QUEUE_FULL');
    raise(words);
    await busy;
    expect(sender.trySend(1)).toBe(true);
    expect(receiver.tryReceive()).toBe(1);
    sender.close();
    expect(await failure(() => executor.run.echo(sender))).toBe('ERR_MOIRAI_CLOSED');
    expect(await isDisconnected(receiver)).toBe(true);
  });

  test('an end that a getter closes in the midst of its message is refused, and others are closed', async () => {
    await using executor = await start();
    const [first, second] = [channel(), channel()];
    const closes = {
      get now() {
        second.sender.close();
        return 1;
      },
    };
    const refused = () => executor.run.echo(first.sender, second.sender, closes);
    expect(await failure(refused)).toBe('ERR_MOIRAI_CLOSED');
    expect(await isDisconnected(first.receiver)).toBe(true);
  });

  test('a receiver that a getter receives from in the midst of its message stays, with all that is left', async () => {
    await using executor = await start();
    const batching = { maxSize: 100, maxDelay: 10_000 };
    const { sender, receiver } = createChannel({ kind: 'spsc', codec: f64(), batching });
    for (let i = 0; i < 500; i++) sender.trySend(i);
    await sender.flush();
    const received = Array.from({ length: 250 }, () => receiver.tryReceive());
    const receives = {
      get now() {
        received.push(receiver.tryReceive());
        return 1;
      },
    };
    const refused = () => executor.run.echo(receiver, receives);
    expect(await failure(refused)).toBe('ERR_MOIRAI_DEADLOCK');
    sender.close();
    for await (const value of receiver) received.push(value);
    expect(received).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  test.each([
    ['in its slot', {}, []],
    ['by message', {}, [new Blob([])]],
    ['in the waiting room', { maxQueue: 1, onFull: 'wait' }, []],
    ['in a queue of the user', { queue: { push: ignored, shift: ignored } }, []],
  ])('the end in a task that is cancelled %s is closed', async (_, options, more) => {
    const executor = await start(options);
    const words = flag();
    const busy = executor.run.block(words).catch(ignored);
    const { sender, receiver } = channel();
    const many = channel('mpmc');
    const handle = executor.spawn('echo', [sender, many.sender, ...more]);
    expect(many.receiver.senders).toBe(2);
    handle.cancel();
    expect(await failure(() => handle)).toBe('ERR_MOIRAI_CANCELLED');
    expect(await isDisconnected(receiver)).toBe(true);
    expect(many.receiver.senders).toBe(1);
    raise(words);
    await executor.close({ force: true });
    await busy;
  });

  test('the end in a task that an executor closed by force had not begun is closed', async () => {
    const executor = await start({ maxQueue: 2, onFull: 'wait' });
    const words = flag();
    const running = executor.run.block(words).catch(ignored);
    const ends = [channel(), channel(), channel()];
    const calls = ends.map(({ sender }) => executor.run.echo(sender).catch(ignored));
    await executor.close({ force: true });
    await Promise.all([running, ...calls]);
    for (const { receiver } of ends) expect(await isDisconnected(receiver)).toBe(true);
  });

  test('the end in a task whose worker is lost is closed', async () => {
    await using executor = await start();
    const { sender, receiver } = channel();
    const waiting = channel();
    const lost = failure(() => executor.run.die(sender));
    const next = executor.run.produce(waiting.sender, 1);
    expect(await lost).toBe('ERR_MOIRAI_WORKER_LOST');
    expect(await isDisconnected(receiver)).toBe(true);
    await next; // had not begun, and goes to the next worker
    expect(waiting.receiver.tryReceive()).toBe(0);
  });

  test('the end in a message that a worker cannot read to its end is closed', async () => {
    const codecs = new URL('fixtures/object-codecs.mjs', import.meta.url);
    const { fragile } = createRequire(import.meta.url)(fileURLToPath(codecs)) as {
      fragile: { type: new () => object };
    };
    const Fragile = fragile.type;
    await using executor = await start({ codecs });
    for (const more of [[], [new Blob([])]]) {
      const { sender, receiver } = channel();
      const broken = () => executor.run.echo(sender, ...more, new Fragile());
      expect(await failure(broken)).toBe('ERR_MOIRAI_NOT_SERIALIZABLE');
      expect(await isDisconnected(receiver)).toBe(true);
    }
  });

  test('the end in a result that nobody wants any more is closed', async () => {
    await using executor = await start();
    const { sender, receiver } = channel();
    const words = flag();
    const handle = executor.spawn('later', [sender, words]);
    while (handle.status !== 'running') await new Promise(setImmediate);
    handle.cancel(undefined, { grace: 10_000 });
    raise(words);
    expect(await failure(() => handle)).toBe('ERR_MOIRAI_CANCELLED');
    expect(await isDisconnected(receiver)).toBe(true);
  });
});
