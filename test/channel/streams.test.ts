import { once } from 'node:events';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { cloneable, createChannel, f64, share, type ChannelPair } from 'moirai';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const pair = (capacity = 4): ChannelPair<number> => createChannel({ capacity, codec: f64() });

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return (error as { code?: unknown }).code ?? error;
  }
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

describe('streams of Node', () => {
  test('a pipeline sends and another receives, each at the pace of the other', async () => {
    const { sender, receiver } = pair();
    const got: number[] = [];
    const into = new Writable({
      objectMode: true,
      write(value: number, _encoding, done) {
        got.push(value);
        setImmediate(done);
      },
    });
    await Promise.all([
      pipeline(Readable.from(numbers(500)), sender.nodeWritable()),
      pipeline(receiver.nodeReadable(), into),
    ]);
    expect(got).toEqual(numbers(500));
    expect([sender.isClosed, receiver.isClosed]).toEqual([true, true]);
  });

  test('a stream reads what another thread sends in batches', async () => {
    const { sender, receiver } = createChannel({ codec: f64(), batching: { maxSize: 20 } });
    const fixture = new URL('./fixtures/batching.mjs', import.meta.url);
    const workerData = { job: 'sendAll', count: 3000, sender: share(sender) };
    const exit = once(new Worker(fixture, { workerData }), 'exit');
    sender.close();
    expect(await all(receiver.nodeReadable())).toEqual(numbers(3000));
    await exit;
  });

  test('nothing is received before it is read, and sending waits', async () => {
    const { sender, receiver } = pair(2);
    const stream = receiver.nodeReadable();
    let sent = 0;
    while (sender.trySend(sent)) sent++;
    await new Promise(setImmediate);
    expect(sender.trySend(9)).toBe(false);
    const first = (await stream[Symbol.asyncIterator]().next()) as { value: number };
    expect(first.value).toBe(0);
  });

  test('a stage that fails closes both ends of the line', async () => {
    const [before, after] = [pair(), pair()];
    const broken = new Transform({
      objectMode: true,
      transform(value: number, _encoding, done) {
        if (value === 3) done(new Error('broken'));
        else done(null, value);
      },
    });
    const line = pipeline(before.receiver.nodeReadable(), broken, after.sender.nodeWritable());
    const outcome = failure(line);
    const sending = failure(
      (async () => {
        for (const value of numbers(1000)) await before.sender.send(value);
      })(),
    );
    expect(await outcome).toMatchObject({ message: 'broken' });
    expect(await sending).toBe('ERR_MOIRAI_DISCONNECTED');
    expect(await all(after.receiver)).toEqual(expect.arrayContaining([0]));
  });

  test('a writer whose receivers have closed fails, and so does its pipeline', async () => {
    const { sender, receiver } = pair(1);
    const line = failure(pipeline(Readable.from(numbers(100)), sender.nodeWritable()));
    expect(await receiver.receive()).toBe(0);
    receiver.close();
    expect(await line).toBe('ERR_MOIRAI_DISCONNECTED');
    expect(sender.isClosed).toBe(true);
  });

  test('null, with which such streams end, is an error and no end', async () => {
    const { sender, receiver } = createChannel({ codec: cloneable() });
    sender.trySend(1);
    sender.trySend(null);
    sender.close();
    expect(await failure(all(receiver.nodeReadable()))).toBe('ERR_MOIRAI_NOT_SUPPORTED');
  });
});

describe('streams of the web', () => {
  test('are piped into one another through a channel', async () => {
    const { sender, receiver } = pair();
    const source = new ReadableStream<number>({
      start(controller) {
        for (const value of numbers(300)) controller.enqueue(value);
        controller.close();
      },
    });
    const sent = source.pipeTo(sender.writable());
    const doubled = receiver.readable().pipeThrough(
      new TransformStream<number, number>({
        transform: (value, controller) => controller.enqueue(2 * value),
      }),
    );
    const got: number[] = [];
    await doubled.pipeTo(new WritableStream({ write: (value) => void got.push(value) }));
    await sent;
    expect(got).toEqual(numbers(300).map((value) => 2 * value));
    expect([sender.isClosed, receiver.isClosed]).toEqual([true, true]);
  });

  test('take nothing before they are read', async () => {
    const { sender, receiver } = pair();
    sender.trySend(1);
    const stream = receiver.readable();
    await new Promise(setImmediate);
    expect(receiver.tryReceive()).toBe(1);
    const reading = stream.getReader().read();
    sender.trySend(2);
    expect(await reading).toEqual({ done: false, value: 2 });
  });

  test('cancelled, a reader loses nothing that it had not received, and closes its end', async () => {
    const { sender, receiver } = createChannel({ kind: 'mpmc', codec: f64() });
    const other = receiver.clone();
    const reader = receiver.readable().getReader();
    const reading = reader.read();
    await reader.cancel();
    expect(await reading).toEqual({ done: true, value: undefined });
    expect(receiver.isClosed).toBe(true);
    sender.trySend(5);
    expect(other.tryReceive()).toBe(5);
  });

  test('aborted or disconnected, a writer closes its end', async () => {
    const { sender, receiver } = pair(1);
    const writer = sender.writable().getWriter();
    await writer.write(1);
    const stuck = failure(writer.write(2));
    await writer.abort(new Error('enough'));
    expect(await stuck).toMatchObject({ message: 'enough' });
    expect(await all(receiver)).toEqual([1]);
    const deserted = pair();
    deserted.receiver.close();
    const outcome = failure(deserted.sender.writable().getWriter().write(1));
    expect(await outcome).toBe('ERR_MOIRAI_DISCONNECTED');
    expect(deserted.sender.isClosed).toBe(true);
  });
});
