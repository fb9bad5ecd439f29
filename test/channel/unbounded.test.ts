import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChannel, f64, share, struct, u32, utf8 } from 'moirai';
import { areTwoThatGrow, code, failure, startThread } from './threads.js';
import { runs } from '../properties.js';

const kind = 'unbounded';

describe('an unbounded channel', () => {
  it('does to any calls what a queue without end would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: -3000, max: -1 }), fc.integer({ min: 1, max: 3000 }))),
        (calls) => {
          const { sender, receiver } = createChannel({ kind, codec: f64() });
          const model: number[] = [];
          const results: [got: unknown, expected: unknown][] = [];
          let next = 0;
          for (const call of calls) {
            if (call < 0) {
              const into = new Float64Array(-call);
              let count = 0;
              for (let came = 1; came > 0 && count < -call; count += came) {
                came = receiver.tryReceiveBatch(into.subarray(count));
              }
              results.push([[...into.subarray(0, count)], model.splice(0, -call)]);
            } else {
              const values = Float64Array.from({ length: call }, () => next++);
              const went =
                call % 3 > 0
                  ? sender.trySendBatch(values)
                  : values.reduce((sum, value) => sum + Number(sender.trySend(value)), 0);
              results.push([went, call]);
              model.push(...values);
            }
          }
          sender.close();
          expect(model.map(() => receiver.tryReceive())).toEqual(model);
          expect(code(() => receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
          for (const [got, expected] of results) expect(got).toEqual(expected);
        },
      ),
      { numRuns: runs(40) },
    );
  });

  it('hands a value back when its reservation is full, and goes on when there is room', async () => {
    const { sender, receiver } = createChannel({ kind, capacity: 10, codec: u32() });
    let sent = 0;
    while (code(() => sender.trySend(sent)) === undefined) sent++;
    expect(sent).toBeGreaterThanOrEqual(10);
    expect(await failure(sender.send(7))).toMatchObject({
      code: 'ERR_MOIRAI_OUT_OF_MEMORY',
      value: 7,
    });
    expect(code(() => sender.sendSync(8))).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
    for (let i = 0; i < sent; i++) expect(receiver.tryReceive()).toBe(i);
    expect(receiver.tryReceive()).toBeUndefined();
    expect(sender.trySend(1)).toBe(true);
    const most = { kind, capacity: 2 ** 24, codec: utf8(2 ** 20) } as const;
    expect(code(() => createChannel(most))).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
  });

  it('gives the memory of drained messages back', () => {
    const { sender, receiver } = createChannel({ kind, codec: utf8(1000) });
    const text = 'x'.repeat(1000);
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 100_000; i++) sender.trySend(text);
    const full = process.memoryUsage.rss();
    expect(full - before).toBeGreaterThan(80e6);
    for (let i = 0; i < 100_000; i++) receiver.tryReceive();
    expect(full - process.memoryUsage.rss()).toBeGreaterThan(60e6);
  });

  it('can be written and read in place, and aborted slots are passed over', () => {
    const codec = struct({ at: 'f64', seq: 'u32' });
    const { sender, receiver } = createChannel({ kind, codec });
    for (let i = 0; i < 5000; i++) {
      const slot = sender.tryClaim();
      if (slot === undefined) throw new Error('no room');
      slot.view.seq = i;
      if (i % 3 === 0) slot.abort();
      else slot.commit();
    }
    const values: unknown[] = [];
    for (let slot = receiver.tryPeek(); slot !== undefined; slot = receiver.tryPeek()) {
      values.push(slot.view.seq);
      slot.release();
    }
    expect(values).toEqual(Array.from({ length: 5000 }, (_, i) => i).filter((i) => i % 3 > 0));
  });

  it("gives each message of each sender to one receiver, in each sender's order", async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const collectors = [0, 1].map(
      () => startThread({ job: 'collect', receiver: share(receiver) }).worker,
    );
    receiver.close();
    const each = 20_000;
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

  it('wakes a receiver that sleeps or blocks, and ends waits by time and by signal', async () => {
    const there = createChannel({ kind, codec: u32() });
    const back = createChannel({ kind, codec: u32() });
    const ends = { receiver: share(there.receiver), sender: share(back.sender) };
    there.receiver.close();
    back.sender.close();
    const { exit } = startThread({ job: 'echoSync', count: 20, ...ends });
    for (let i = 0; i < 20; i++) {
      there.sender.trySend(i);
      expect(await back.receiver.receive()).toBe(i);
    }
    await exit;
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    expect((await failure(receiver.receive({ timeout: 5 }))).code).toBe('ERR_MOIRAI_TIMEOUT');
    const controller = new AbortController();
    const waiting = failure(receiver.receive({ signal: controller.signal }));
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    sender.trySend(9);
    expect(await receiver.receive()).toBe(9);
  });

  it('is told of ends that close, and of threads that end with theirs', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const { exit } = startThread({ job: 'exitWithEnds', sender: share(sender) });
    sender.close();
    expect(await receiver.receive()).toBe(1);
    expect((await failure(receiver.receive())).code).toBe('ERR_MOIRAI_DISCONNECTED');
    await exit;
    const second = createChannel({ kind, codec: u32() });
    const { worker } = startThread({ job: 'blockForEver', receiver: share(second.receiver) });
    second.receiver.close();
    await once(worker, 'message');
    await worker.terminate();
    expect(code(() => second.sender.trySend(1))).toBe('ERR_MOIRAI_DISCONNECTED');
  });
});
