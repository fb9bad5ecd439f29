// Ends of channels as streams of the web and of Node. A stream owns its end: when it is over, in whatever
// way, the end is closed. What one side sees of the other is what a channel can say: that it has closed.
//
// Streams hold nothing back: they receive when they are read, and send when they are written to, so it is
// the channel that bounds what is under way.
import { createRequire } from 'node:module';
import type * as Streams from 'node:stream';
import { MoiraiError } from '../base/index.js';
import type { Receiver } from './receiver.js';
import type { Sender } from './sender.js';

const untilRead = { highWaterMark: 0 };

const load = createRequire(import.meta.url);

/** Loaded by who wants one: everybody else's import of the package is done sooner. */
const streams = (): typeof Streams => load('node:stream') as typeof Streams;

/** The next message; undefined: there will be none. */
async function next<T>(receiver: Receiver<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await receiver.receive({ signal });
  } catch (error) {
    const over = error instanceof MoiraiError && error.code === 'ERR_MOIRAI_DISCONNECTED';
    receiver.close();
    if (over) return undefined;
    throw error;
  }
}

async function sendOrClose<T>(sender: Sender<T>, value: T, signal: AbortSignal): Promise<void> {
  try {
    await sender.send(value, { signal });
  } catch (error) {
    sender.close();
    throw error;
  }
}

async function flushAndClose<T>(sender: Sender<T>): Promise<void> {
  try {
    await sender.flush();
  } finally {
    sender.close();
  }
}

export function webReadable<T>(receiver: Receiver<T>): ReadableStream<T> {
  const stopping = new AbortController();
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const value = await next(receiver, stopping.signal);
        if (stopping.signal.aborted) return;
        if (value === undefined) controller.close();
        else controller.enqueue(value);
      },
      cancel(reason) {
        stopping.abort(reason);
        receiver.close();
      },
    },
    untilRead,
  );
}

export function webWritable<T>(sender: Sender<T>): WritableStream<T> {
  return new WritableStream<T>({
    async write(value, controller) {
      // Its type lacks the signal, which every version of Node has.
      const { signal } = controller as unknown as { readonly signal: AbortSignal };
      await sendOrClose(sender, value, signal);
    },
    close: async () => flushAndClose(sender),
    abort() {
      sender.close();
    },
  });
}

export function nodeReadable<T>(receiver: Receiver<T>): Streams.Readable {
  const stopping = new AbortController();
  const { Readable } = streams();
  const stream = new Readable({
    objectMode: true,
    ...untilRead,
    read() {
      void pushNext(stream, receiver, stopping.signal);
    },
    destroy(error, done) {
      stopping.abort();
      receiver.close();
      done(error);
    },
  });
  return stream;
}

async function pushNext<T>(
  stream: Streams.Readable,
  receiver: Receiver<T>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const value = await next(receiver, signal);
    if (value === null) stream.destroy(isNull());
    else stream.push(value ?? null);
  } catch (error) {
    stream.destroy(error as Error);
  }
}

type Done = (error?: Error | null) => void;

async function report(work: Promise<unknown>, done: Done): Promise<void> {
  try {
    await work;
  } catch (error) {
    done(error as Error);
    return;
  }
  done();
}

/** Node's streams end with null, which channels carry like other values. */
function isNull(): MoiraiError {
  const why = 'the message null cannot go through a stream of Node';
  return new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why, { value: null });
}

export function nodeWritable<T>(sender: Sender<T>): Streams.Writable {
  const stopping = new AbortController();
  const { Writable } = streams();
  return new Writable({
    objectMode: true,
    highWaterMark: 1,
    write(value: T, _encoding, done) {
      void report(sendOrClose(sender, value, stopping.signal), done);
    },
    final(done) {
      void report(flushAndClose(sender), done);
    },
    destroy(error, done) {
      stopping.abort();
      sender.close();
      done(error);
    },
  });
}
