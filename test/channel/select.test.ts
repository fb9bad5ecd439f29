import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  after,
  createChannel,
  every,
  f64,
  select,
  sending,
  share,
  trySelect,
  type ChannelKind,
  type ChannelPair,
} from 'moirai';
import { runs } from '../properties.js';

const kinds: readonly ChannelKind[] = ['spsc', 'mpmc', 'unbounded'];
const seed = Number(process.env['MOIRAI_SEED'] ?? Date.now() >>> 0);
console.log(`select: MOIRAI_SEED=${seed}`);
const { random } = Math;
afterEach(() => {
  Math.random = random;
});

/** Marsaglia's xorshift32. */
function seeded(): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

async function failure(promise: Promise<unknown>): Promise<{ code?: unknown; key?: unknown }> {
  try {
    await promise;
    return { code: 'none' };
  } catch (error) {
    return error as { code?: unknown; key?: unknown };
  }
}

type Pair = ChannelPair<number>;

function pair(kind: ChannelKind, capacity: number): Pair {
  // An unbounded one has no room that could be full.
  const room = kind === 'unbounded' ? {} : { capacity };
  return createChannel({ kind, ...room, codec: f64() });
}

const pairs = (kind: ChannelKind, count: number, capacity = 4): Pair[] =>
  Array.from({ length: count }, () => pair(kind, capacity));
const two = (kind: ChannelKind, capacity = 4): [Pair, Pair] => [
  pair(kind, capacity),
  pair(kind, capacity),
];

describe.each(kinds)('over channels of kind %s', (kind) => {
  test('receives from the one that has something and leaves the others', async () => {
    const [a, b] = two(kind);
    b.sender.trySend(7);
    expect(await select({ a: a.receiver, b: b.receiver })).toEqual({ key: 'b', value: 7 });
    a.sender.trySend(1);
    b.sender.trySend(2);
    const { key, value } = await select({ a: a.receiver, b: b.receiver });
    const left = { a: a.receiver.tryReceive(), b: b.receiver.tryReceive() };
    expect({ ...left, [key]: value }).toEqual({ a: 1, b: 2 });
    expect(left[key]).toBeUndefined();
  });

  test('waits for the first, and stands in no line afterwards', async () => {
    const [a, b] = two(kind);
    const waiting = select({ a: a.receiver, b: b.receiver });
    b.sender.trySend(3);
    expect(await waiting).toEqual({ key: 'b', value: 3 });
    a.sender.trySend(4);
    expect(a.receiver.tryReceive()).toBe(4);
  });

  test('a thread of sends and a thread of selections lose and double nothing, in order', async () => {
    const count = 3000;
    const channels = pairs(kind, 3, 8);
    const start = (workerData: object): Worker =>
      new Worker(new URL('./fixtures/select.mjs', import.meta.url), { workerData });
    const receivers = channels.map(({ receiver }) => share(receiver));
    const into = start({ job: 'receive', receivers, senders: [] });
    const senders = channels.map(({ sender }) => share(sender));
    for (const { sender, receiver } of channels) {
      sender.close();
      receiver.close();
    }
    const from = start({ job: 'send', receivers: [], senders, count });
    const [[values]] = (await Promise.all([once(into, 'message'), once(from, 'exit')])) as [
      [number[][]],
      unknown,
    ];
    const all = Array.from({ length: count }, (_, i) => i);
    expect(values).toEqual(channels.map(() => all));
  });
});

test('two threads that select among the same channels share out every message', async () => {
  const count = 2000;
  const channels = pairs('mpmc', 2, 4);
  const start = (workerData: object): Worker =>
    new Worker(new URL('./fixtures/select.mjs', import.meta.url), { workerData });
  const threads = [1, 2].map(() =>
    start({
      job: 'receive',
      receivers: channels.map(({ receiver }) => share(receiver)),
      senders: [],
    }),
  );
  const answers = threads.map(async (thread) => once(thread, 'message'));
  const senders = channels.map(({ sender }) => share(sender));
  for (const { sender, receiver } of channels) {
    sender.close();
    receiver.close();
  }
  start({ job: 'send', receivers: [], senders, count });
  const said = (await Promise.all(answers)) as [number[][]][];
  for (const index of [0, 1]) {
    const values = said.flatMap(([one]) => one[index] ?? []);
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
  }
});

/** What one step gives, and what it gives to plain queues of two places each. */
async function takeStep(
  act: string,
  at: number,
  value: number,
  channels: readonly Pair[],
  model: readonly number[][],
): Promise<[unknown, unknown]> {
  const [{ sender, receiver }, queue] = [channels[at] as Pair, model[at] as number[]];
  if (act === 'send') {
    const fits = queue.length < 2;
    if (fits) queue.push(value);
    return [sender.trySend(value), fits];
  }
  if (act === 'receive') return [receiver.tryReceive(), queue.shift()];
  if (act === 'sending') {
    const sends = channels.map((one, i) => [i, sending(one.sender, value)] as const);
    const done = trySelect(Object.fromEntries(sends));
    const open = model.some((one) => one.length < 2);
    if (done !== undefined) model[Number(done.key)]?.push(value);
    return [done !== undefined, open];
  }
  const cases = Object.fromEntries(channels.map((one, i) => [i, one.receiver]));
  const any = model.some((one) => one.length > 0);
  const done = act === 'select' && any ? await select(cases) : trySelect(cases);
  const expected = done && model[Number(done.key)]?.shift();
  return [
    [done?.value, done !== undefined],
    [expected, any],
  ];
}

test('any mix of sends, receives and selections agrees with queues', async () => {
  const acts = ['send', 'receive', 'select', 'trySelect', 'sending'];
  const step = fc.record({ act: fc.constantFrom(...acts), at: fc.nat(2) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const channels = pairs('mpmc', 3, 2);
      const model: number[][] = [[], [], []];
      for (const [value, { act, at }] of steps.entries()) {
        const [actual, expected] = await takeStep(act, at, value, channels, model);
        expect(actual).toEqual(expected);
      }
      for (const { sender, receiver } of channels) {
        sender.close();
        receiver.close();
      }
    }),
    { seed, numRuns: runs(200) },
  );
});

test('of cases that are possible at once each is as likely', async () => {
  Math.random = seeded();
  const rounds = 6000;
  const [[a, b], [c, d]] = [two('mpmc', 1), two('mpmc', 1)];
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
  // The fourth never has anything: whoever stands beside it must not gain by that.
  for (let i = 0; i < rounds; i++) {
    for (const { sender } of [a, b, c]) sender.trySend(i);
    const { key } = await select({ a: a.receiver, d: d.receiver, b: b.receiver, c: c.receiver });
    counts[key] = (counts[key] ?? 0) + 1;
  }
  const expected = rounds / 3;
  const chiSquare = Object.values(counts).reduce(
    (sum, n) => sum + (n - expected) ** 2 / expected,
    0,
  );
  expect(Object.keys(counts)).toEqual(['a', 'b', 'c']);
  expect(chiSquare).toBeLessThan(20.7); // two degrees of freedom, one in 30,000
});

test('so are those that became possible while it waited', async () => {
  Math.random = seeded();
  const rounds = 3000;
  const [a, b] = two('mpmc', 1);
  let first = 0;
  for (let i = 0; i < rounds; i++) {
    const waiting = select({ a: a.receiver, b: b.receiver });
    a.sender.trySend(i);
    b.sender.trySend(i);
    const { key } = await waiting;
    if (key === 'a') first++;
    (key === 'a' ? b : a).receiver.tryReceive();
  }
  expect((first - rounds / 2) ** 2 / (rounds / 4)).toBeLessThan(17.3); // one in 30,000
});

test('sends to the one that has room, and to no other', async () => {
  const [a, b] = two('mpmc', 1);
  a.sender.trySend(0);
  const done = await select({ a: sending(a.sender, 1), b: sending(b.sender, 2) });
  expect(done).toEqual({ key: 'b', value: undefined });
  const waiting = select({ a: sending(a.sender, 3), b: sending(b.sender, 4) });
  expect(a.receiver.tryReceive()).toBe(0);
  expect((await waiting).key).toBe('a');
  expect([a.receiver.tryReceive(), a.receiver.tryReceive()]).toEqual([3, undefined]);
  expect([b.receiver.tryReceive(), b.receiver.tryReceive()]).toEqual([2, undefined]);
  expect(() => trySelect({ a: sending(a.sender, 'no' as never) })).toThrow(TypeError);
});

test('a selection that sends and one that receives meet', async () => {
  const a = pair('mpmc', 1);
  for (let i = 0; i < 100; i++) {
    const got = select({ got: a.receiver });
    const sent = select({ sent: sending(a.sender, i) });
    expect([await got, await sent]).toEqual([
      { key: 'got', value: i },
      { key: 'sent', value: undefined },
    ]);
  }
});

test('stands in line with other waits, first come, first served', async () => {
  const { sender, receiver } = pair('mpmc', 4);
  const first = receiver.receive();
  const second = select({ it: receiver });
  const third = receiver.receive();
  expect(trySelect({ it: receiver })).toBeUndefined();
  for (const value of [1, 2, 3]) await sender.send(value);
  expect([await first, (await second).value, await third]).toEqual([1, 2, 3]);
});

test('the same end in two cases is done once', async () => {
  const { sender, receiver } = pair('mpmc', 4);
  const waiting = select({ a: receiver, b: receiver });
  sender.trySend(5);
  sender.trySend(6);
  expect((await waiting).value).toBe(5);
  expect(receiver.tryReceive()).toBe(6);
});

test('time is a case: once, or in every period', async () => {
  const { sender, receiver } = pair('mpmc', 4);
  const deadline = after(20);
  expect(trySelect({ late: deadline })).toBeUndefined();
  expect((await select({ receiver, late: deadline })).key).toBe('late');
  expect(trySelect({ late: deadline })).toEqual({ key: 'late', value: undefined });
  sender.trySend(1);
  expect((await select({ receiver, late: after(60_000) })).key).toBe('receiver');
  const tick = every(5);
  const began = performance.now();
  let periods = 0;
  for (let i = 0; i < 4; i++) periods += (await select({ receiver, tick })).value;
  expect(periods).toBeGreaterThanOrEqual(4);
  expect(performance.now() - began).toBeGreaterThanOrEqual(periods * 5 - 5);
  // Two that wait for one tick: the next comes for the b.
  const both = await Promise.all([select({ tick }), select({ tick })]);
  expect(both.every(({ value }) => value >= 1)).toBe(true);
});

test('ends by time, by signal and with an end that is gone, naming the case', async () => {
  const [a, b] = two('mpmc', 1);
  const cases = { a: a.receiver, b: b.receiver };
  expect((await failure(select(cases, { timeout: 5 }))).code).toBe('ERR_MOIRAI_TIMEOUT');
  const controller = new AbortController();
  const aborted = failure(select(cases, { signal: controller.signal }));
  controller.abort(new Error('enough'));
  expect(await aborted).toBe(controller.signal.reason);
  expect(await failure(select(cases, { signal: controller.signal }))).toBe(
    controller.signal.reason,
  );
  const waiting = failure(select(cases));
  b.sender.close();
  expect(await waiting).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED', key: 'b' });
  expect(await failure(select(cases))).toMatchObject({ key: 'b' });
  const own = failure(select({ mine: a.receiver }));
  a.receiver.close();
  expect(await own).toMatchObject({ code: 'ERR_MOIRAI_CLOSED', key: 'mine' });
  expect(await failure(select({ out: sending(a.sender, 9) }))).toMatchObject({
    code: 'ERR_MOIRAI_DISCONNECTED',
    key: 'out',
    value: 9,
  });
});

test('refuses what is no case', async () => {
  for (const cases of [{}, undefined, null, [], { a: 1 }, { a: undefined }, { a: {} }]) {
    const { code } = await failure(select(cases as never));
    expect(code).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  }
  for (const ms of [-1, Number.NaN, Infinity, '1']) {
    expect(() => after(ms as number)).toThrow('milliseconds');
    expect(() => every(ms as number)).toThrow('milliseconds');
  }
  expect(() => every(0)).toThrow(RangeError);
});

test('a process ends when nothing is selected any more, however long the cases', () => {
  const program = `
    import { after, createChannel, select } from 'moirai';
    const { sender, receiver } = createChannel();
    sender.trySend(1);
    await select({ receiver, late: after(100_000) });
    const waiting = select({ receiver, late: after(100_000) });
    sender.trySend(2);
    await waiting;
    console.log('over');`;
  const options = {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
    timeout: 60_000,
  } as const;
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program],
    options,
  );
  expect([stdout.trim(), status]).toEqual(['over', 0]);
});
