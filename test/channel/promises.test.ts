// What Go and crossbeam-channel promise of their channels, of every kind of ours that it is a promise for.
// docs/architecture/channel-promises.md says which tests of theirs these answer.
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  createChannel,
  select,
  sending,
  share,
  trySelect,
  u32,
  type ChannelOptions,
  type Receiver,
  type Sender,
} from 'moirai';
import { code, failure, startThread } from './threads.js';

type Choice = Pick<ChannelOptions<number>, 'kind' | 'capacity'>;

const shapes: readonly [name: string, options: Choice][] = [
  ['spsc of 1', { kind: 'spsc', capacity: 1 }],
  ['spsc of 8', { kind: 'spsc', capacity: 8 }],
  ['mpmc of 1', { kind: 'mpmc', capacity: 1 }],
  ['mpmc of 8', { kind: 'mpmc', capacity: 8 }],
  ['unbounded', { kind: 'unbounded' }],
  ['rendezvous', { kind: 'rendezvous' }],
  ['broadcast of 1', { kind: 'broadcast', capacity: 1 }],
  ['broadcast of 8', { kind: 'broadcast', capacity: 8 }],
];
const cloneables = shapes.filter(([, { kind }]) => kind !== 'spsc');
const makeAny = (options: Choice): { sender: Sender<number>; receiver: Receiver<number> } =>
  createChannel({ ...options, codec: u32() });

/** Long enough for whoever could go on to do so. */
const turns = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 5));

describe.each(shapes)('a channel of kind %s', (_name, options) => {
  const make = (): ReturnType<typeof makeAny> => makeAny(options);

  it('lets a receive wait for a send', async () => {
    const { sender, receiver } = make();
    let came: number | undefined;
    const waiting = receiver.receive().then((value) => (came = value));
    await turns();
    expect(came).toBeUndefined();
    await sender.send(7);
    expect(await waiting).toBe(7);
  });

  it('keeps the order of one sender', async () => {
    const { sender, receiver } = make();
    const all = (async () => {
      for (let i = 0; i < 200; i++) await sender.send(i);
      sender.close();
    })();
    const values = [];
    for await (const value of receiver) values.push(value);
    expect(values).toEqual(Array.from({ length: 200 }, (_, i) => i));
    await all;
  });

  it('wakes every wait when the other side goes', async () => {
    const first = make();
    const receives = [0, 1, 2].map(() => failure(first.receiver.receive()));
    await turns();
    first.sender.close();
    for (const { code: why } of await Promise.all(receives)) {
      expect(why).toBe('ERR_MOIRAI_DISCONNECTED');
    }
    const second = make();
    const sends = Array.from({ length: 12 }, (_, i) => failure(second.sender.send(i)));
    await turns();
    second.receiver.close();
    for (const [i, { code: why, value }] of (await Promise.all(sends)).entries()) {
      expect(['none', 'ERR_MOIRAI_DISCONNECTED']).toContain(why);
      expect(why === 'none' || value === i).toBe(true);
    }
  });

  it('refuses again and again once the other side has gone', async () => {
    const first = make();
    first.receiver.close();
    for (let i = 0; i < 3; i++) {
      expect(code(() => first.sender.trySend(i))).toBe('ERR_MOIRAI_DISCONNECTED');
      expect(code(() => first.sender.sendSync(i))).toBe('ERR_MOIRAI_DISCONNECTED');
      expect((await failure(first.sender.send(i))).code).toBe('ERR_MOIRAI_DISCONNECTED');
    }
    const second = make();
    second.sender.close();
    for (let i = 0; i < 3; i++) {
      expect(code(() => second.receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
      expect(code(() => second.receiver.receiveSync())).toBe('ERR_MOIRAI_DISCONNECTED');
      expect((await failure(second.receiver.receive())).code).toBe('ERR_MOIRAI_DISCONNECTED');
    }
  });

  it('gives what is there to a wait that has no time', async () => {
    const { sender, receiver } = make();
    const sent = sender.send(1);
    expect(await receiver.receive({ timeout: 0 })).toBe(1);
    await sent;
    const again = sender.send(2);
    expect(receiver.receiveSync(0)).toBe(2);
    await again;
    expect((await failure(receiver.receive({ timeout: 0 }))).code).toBe('ERR_MOIRAI_TIMEOUT');
    expect(code(() => receiver.receiveSync(0))).toBe('ERR_MOIRAI_TIMEOUT');
  });

  it('may be left in the midst of a loop, and looped over again', async () => {
    const { sender, receiver } = make();
    const all = (async () => {
      for (let i = 0; i < 6; i++) await sender.send(i);
      sender.close();
    })();
    const values: number[] = [];
    for await (const value of receiver) {
      values.push(value);
      if (value === 2) break;
    }
    for await (const value of receiver) values.push(value);
    expect(values).toEqual([0, 1, 2, 3, 4, 5]);
    await all;
  });

  it('can be closed while a thread floods it, from either side', async () => {
    const flood = make();
    const sends = startThread({ job: 'flood', sender: share(flood.sender) });
    flood.sender.close();
    for (let i = 0; i < 20; i++) expect(await flood.receiver.receive()).toBe(i);
    const ended = once(sends.worker, 'message');
    flood.receiver.close();
    expect(await ended).toEqual(['ERR_MOIRAI_DISCONNECTED']);
    await sends.exit;
    const drain = make();
    const receives = startThread({ job: 'collect', receiver: share(drain.receiver) });
    drain.receiver.close();
    const collected = once(receives.worker, 'message');
    for (let i = 0; i < 20; i++) await drain.sender.send(i);
    drain.sender.close();
    expect(await collected).toEqual([Array.from({ length: 20 }, (_, i) => i)]);
    await receives.exit;
  });

  it('loses and doubles nothing between threads that lose patience', async () => {
    const { sender, receiver } = make();
    const count = 300;
    const sends = startThread({ job: 'impatient', count, sender: share(sender) });
    const receives = startThread({ job: 'hasty', receiver: share(receiver) });
    const reports = Promise.all([
      once(sends.worker, 'message') as Promise<[[went: number, failed: number]]>,
      once(receives.worker, 'message') as Promise<[came: number]>,
    ]);
    sender.close();
    receiver.close();
    const [[[went, failed]], [came]] = await reports;
    expect(went + failed).toBe((count * (count + 1)) / 2);
    expect(came).toBe(went);
  });
});

describe.each(cloneables)('a channel of kind %s', (_name, options) => {
  it('lives as long as one clone does', async () => {
    const { sender, receiver } = makeAny(options);
    const otherSender = sender.clone();
    const otherReceiver = receiver.clone();
    sender.close();
    receiver.close();
    const sent = otherSender.send(1);
    expect(await otherReceiver.receive()).toBe(1);
    await sent;
    otherSender.close();
    expect((await failure(otherReceiver.receive())).code).toBe('ERR_MOIRAI_DISCONNECTED');
  });
});

describe('programs of processes that talk', () => {
  it('find primes by a chain of filters', async () => {
    const { sender, receiver } = makeAny({ kind: 'rendezvous' });
    const generate = async (): Promise<void> => {
      for (let i = 2; ; i++) await sender.send(i);
    };
    const filter = async (from: Receiver<number>, to: Sender<number>, prime: number) => {
      for await (const value of from) if (value % prime !== 0) await to.send(value);
    };
    const ended = [failure(generate())];
    const primes: number[] = [];
    const ends: Receiver<number>[] = [];
    let last = receiver;
    for (let i = 0; i < 15; i++) {
      const prime = await last.receive();
      primes.push(prime);
      const next = makeAny({ kind: 'rendezvous' });
      ended.push(failure(filter(last, next.sender, prime)));
      ends.push(last);
      last = next.receiver;
    }
    expect(primes).toEqual([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]);
    last.close();
    for (const end of ends) end.close();
    for (const { code: why } of await Promise.all(ended)) {
      expect(why).toMatch(/DISCONNECTED|CLOSED/);
    }
  });

  it('pass a number down a long chain, one more at each', async () => {
    const first = makeAny({ kind: 'oneshot' });
    let end = first.receiver;
    const links = [];
    for (let i = 0; i < 300; i++) {
      const next = makeAny({ kind: 'oneshot' });
      const from = end;
      links.push((async () => next.sender.send((await from.receive()) + 1))());
      end = next.receiver;
    }
    first.sender.trySend(0);
    expect(await end.receive()).toBe(300);
    await Promise.all(links);
  });
});

describe('a select over both ends of one channel', () => {
  it('does not meet itself where nothing can be kept', async () => {
    const { sender, receiver } = makeAny({ kind: 'rendezvous' });
    const cases = { got: receiver, went: sending(sender, 1) };
    expect(trySelect(cases)).toBeUndefined();
    expect((await failure(select(cases, { timeout: 5 }))).code).toBe('ERR_MOIRAI_TIMEOUT');
    const sent = sender.send(2);
    expect(await select({ got: receiver })).toEqual({ key: 'got', value: 2 });
    await sent;
  });

  it('sends and receives in turns where one can be kept', async () => {
    const { sender, receiver } = makeAny({ kind: 'mpmc', capacity: 1 });
    const keys = [];
    for (let i = 0; i < 6; i++) {
      keys.push((await select({ got: receiver, went: sending(sender, i) })).key);
    }
    expect(keys).toEqual(['went', 'got', 'went', 'got', 'went', 'got']);
  });
});
