import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloneable, createChannel, f64, select, sending, share, struct, u32 } from 'moirai';
import { areTwoThatGrow, code, failure, startThread } from './threads.js';
import { runs } from '../properties.js';

const kind = 'rendezvous';

describe('a rendezvous channel', () => {
  it('refuses a trySend while nobody waits, and a tryReceive while nobody sends', async () => {
    for (const codec of [f64(), cloneable<number>()]) {
      const { sender, receiver } = createChannel({ kind, codec });
      expect(sender.trySend(1)).toBe(false);
      expect(receiver.tryReceive()).toBeUndefined();
      const received = receiver.receive();
      expect(sender.trySend(2)).toBe(true);
      expect(sender.trySend(3)).toBe(false);
      expect(await received).toBe(2);
      const sent = sender.send(4);
      expect(receiver.tryReceive()).toBe(4);
      expect(receiver.tryReceive()).toBeUndefined();
      await sent;
    }
  });

  it('calls a select that waits to send when a receive comes', async () => {
    const { sender, receiver } = createChannel({ kind, codec: f64() });
    const went = select({ went: sending(sender, 5) });
    await new Promise((resolve) => void setTimeout(resolve, 5)); // it sleeps by now
    expect(await receiver.receive({ timeout: 10_000 })).toBe(5);
    expect((await went).key).toBe('went');
  });

  it('leaves the wait of others announced when a blocking one gives up', async () => {
    const { sender, receiver } = createChannel({ kind, codec: f64() });
    const received = receiver.receive();
    expect(code(() => receiver.receiveSync(1))).toBe('ERR_MOIRAI_TIMEOUT');
    expect(sender.trySend(6)).toBe(true);
    expect(await received).toBe(6);
  });

  it('sends nothing where a getter of the value ends the wait', async () => {
    for (const nth of [1, 2]) {
      const { sender, receiver } = createChannel({ kind });
      const stopping = new AbortController();
      let calls = 0;
      const value = {
        get x() {
          if (++calls === nth) stopping.abort(new Error('enough'));
          return 1;
        },
      };
      await expect(sender.send(value, { signal: stopping.signal })).rejects.toThrow('enough');
      expect(receiver.tryReceive()).toBeUndefined();
      const received = receiver.receive();
      expect(sender.trySend(2)).toBe(true);
      expect(await received).toBe(2);
    }
  });

  it('does to any calls what two lines of waits would', async () => {
    const step = fc.constantFrom('send', 'receive', 'trySend', 'tryReceive');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const { sender, receiver } = createChannel({ kind, codec: u32() });
        const sends: number[] = [];
        const receives: { readonly place: number }[] = [];
        const came: (number | undefined)[] = [];
        const expected: (number | undefined)[] = [];
        const results: [got: unknown, expected: unknown][] = [];
        const waits: Promise<unknown>[] = [];
        for (const [i, one] of steps.entries()) {
          if (one === 'send') {
            waits.push(sender.send(i));
            const met = receives.shift();
            if (met === undefined) sends.push(i);
            else expected[met.place] = i;
          } else if (one === 'trySend') {
            // Of the waits at one end the first can be met; the next after a turn of its loop.
            const met = receives.shift();
            results.push([sender.trySend(i), met !== undefined]);
            if (met !== undefined) expected[met.place] = i;
          } else if (one === 'receive') {
            const place = expected.push(undefined) - 1;
            waits.push(receiver.receive().then((value) => (came[place] = value)));
            const met = sends.shift();
            if (met === undefined) receives.push({ place });
            else expected[place] = met;
          } else {
            results.push([receiver.tryReceive(), sends.shift()]);
          }
          await new Promise((resolve) => setImmediate(resolve));
          await new Promise((resolve) => setImmediate(resolve));
        }
        for (const value of sends) results.push([await receiver.receive(), value]);
        for (const { place } of receives) {
          expected[place] = 1000 + place;
          await sender.send(1000 + place);
        }
        await Promise.all(waits);
        expect(came).toEqual(expected);
        for (const [got, wanted] of results) expect(got).toBe(wanted);
      }),
      { numRuns: runs(60) },
    );
  });

  it('hands back what was not taken, and it is never received', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    expect(await failure(sender.send(1, { timeout: 5 }))).toMatchObject({
      code: 'ERR_MOIRAI_TIMEOUT',
      value: 1,
    });
    expect(code(() => sender.sendSync(2, 1))).toBe('ERR_MOIRAI_TIMEOUT');
    const controller = new AbortController();
    const aborted = failure(sender.send(3, { signal: controller.signal }));
    const behind = sender.send(4);
    controller.abort(new Error('enough'));
    expect(receiver.tryReceive()).toBe(4);
    await behind;
    expect(await aborted).toBe(controller.signal.reason);
    const closed = failure(sender.send(5));
    sender.close();
    expect(await closed).toMatchObject({ code: 'ERR_MOIRAI_CLOSED', value: 5 });
    expect(code(() => receiver.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('lets a wait that was met end well, whatever ends it then', async () => {
    const first = createChannel({ kind, codec: u32() });
    const controller = new AbortController();
    const received = first.receiver.receive({ signal: controller.signal });
    expect(first.sender.trySend(1)).toBe(true);
    controller.abort();
    expect(await received).toBe(1);
    const last = first.receiver.receive();
    expect(first.sender.trySend(2)).toBe(true);
    first.receiver.close();
    expect(await last).toBe(2);
    const second = createChannel({ kind, codec: u32() });
    const sent = second.sender.send(3);
    expect(second.receiver.tryReceive()).toBe(3);
    second.sender.close();
    await sent;
  });

  it('ends a receive by time, by signal and by close; nobody can meet it then', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    expect((await failure(receiver.receive({ timeout: 5 }))).code).toBe('ERR_MOIRAI_TIMEOUT');
    expect(sender.trySend(1)).toBe(false);
    expect(code(() => receiver.receiveSync(1))).toBe('ERR_MOIRAI_TIMEOUT');
    expect(sender.trySend(1)).toBe(false);
    const waiting = failure(receiver.receive());
    receiver.close();
    expect((await waiting).code).toBe('ERR_MOIRAI_CLOSED');
    expect(await failure(sender.send(2))).toMatchObject({
      code: 'ERR_MOIRAI_DISCONNECTED',
      value: 2,
    });
  });

  it('tells those who wait when the last of the other side closes', async () => {
    const first = createChannel({ kind, codec: u32() });
    const sent = failure(first.sender.send(1));
    first.receiver.close();
    expect(await sent).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED', value: 1 });
    const second = createChannel({ kind, codec: u32() });
    const received = failure(second.receiver.receive());
    second.sender.close();
    expect((await received).code).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('sends a batch one by one', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const all = failure(sender.sendBatch([1, 2, 3, 4]));
    expect([await receiver.receive(), await receiver.receive()]).toEqual([1, 2]);
    receiver.close();
    expect(await all).toMatchObject({ code: 'ERR_MOIRAI_DISCONNECTED', value: [3, 4] });
  });

  it('can be read in place; there is nothing to claim', async () => {
    const { sender, receiver } = createChannel({ kind, codec: struct({ x: 'u32' }) });
    expect(code(() => sender.tryClaim())).toBe('ERR_MOIRAI_NOT_SUPPORTED');
    const sent = sender.send({ x: 7 });
    const slot = receiver.tryPeek();
    await sent;
    expect(slot?.view.x).toBe(7);
    slot?.release();
  });

  it('loses and doubles nothing between threads that lose patience', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const count = 400;
    const senders = [0, 1].map(
      () => startThread({ job: 'impatient', count, sender: share(sender) }).worker,
    );
    const receivers = [0, 1].map(
      () => startThread({ job: 'hasty', receiver: share(receiver) }).worker,
    );
    sender.close();
    receiver.close();
    const sums = senders.map(
      async (worker) => (await once(worker, 'message')) as [[number, number]],
    );
    const came = receivers.map(async (worker) => (await once(worker, 'message')) as [number]);
    let went = 0;
    for (const [[sent, failed]] of await Promise.all(sums)) {
      expect(sent + failed).toBe((count * (count + 1)) / 2);
      went += sent;
    }
    expect((await Promise.all(came)).reduce((sum, [value]) => sum + value, 0)).toBe(went);
  });

  it('carries all from many to many, each once', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const collectors = [0, 1].map(
      () => startThread({ job: 'collect', receiver: share(receiver) }).worker,
    );
    receiver.close();
    const each = 300;
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

  it('lets a thread that waits at it be terminated, and its offer goes with it', async () => {
    const { sender, receiver } = createChannel({ kind, codec: u32() });
    const { worker } = startThread({ job: 'blockForEver', receiver: share(receiver) });
    receiver.close();
    await once(worker, 'message');
    await worker.terminate();
    expect(code(() => sender.trySend(1))).toBe('ERR_MOIRAI_DISCONNECTED');
  });

  it('has as many ends as it has places for', () => {
    const { sender } = createChannel({ kind, codec: u32() });
    const ends = [sender];
    while (ends.length < 1023) ends.push(sender.clone());
    expect(code(() => sender.clone())).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
    for (const end of ends) end.close();
  });
});
