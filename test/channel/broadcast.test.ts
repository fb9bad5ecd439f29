import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attach, createChannel, f64, share, struct, u32, utf8, type OnLag } from 'moirai';
import { code, failure, startThread } from './threads.js';

const kind = 'broadcast';
const policies: readonly OnLag[] = ['wait', 'drop'];

describe.each(policies)('a broadcast channel that lets slow receivers %s', (onLag) => {
  it('does to any calls what a list with cursors would', () => {
    const call = fc.oneof(
      fc.record({ what: fc.constantFrom('send', 'clone', 'close'), who: fc.nat(3) }),
      fc.record({ what: fc.constant('receive' as const), who: fc.nat(3) }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 4),
        fc.array(call, { maxLength: 60, size: 'max' }),
        (capacity, calls) => {
          const channel = createChannel({ kind, capacity, onLag, codec: f64() });
          // A receiver told of a loss has the next message in its own memory already, so that one
          // which is always too slow still gets some: nothing overwrites that message.
          const ends = [{ receiver: channel.receiver, cursor: 0, holds: false }];
          const results: [got: unknown, expected: unknown][] = [];
          let sent = 0;
          for (const { what, who } of calls) {
            const end = ends[who % ends.length];
            if (end === undefined) break;
            if (what === 'send') {
              const slowest = Math.min(...ends.map(({ cursor }) => cursor));
              const room = onLag === 'drop' || sent - slowest < capacity;
              results.push([channel.sender.trySend(sent), room]);
              if (room) sent++;
            } else if (what === 'clone') {
              ends.push({ receiver: end.receiver.clone(), cursor: end.cursor, holds: false });
            } else if (what === 'close' && ends.length > 1) {
              end.receiver.close();
              ends.splice(ends.indexOf(end), 1);
            } else if (!end.holds && sent - end.cursor > capacity) {
              const missed = sent - capacity - end.cursor;
              let error: unknown;
              try {
                end.receiver.tryReceive();
              } catch (thrown) {
                error = thrown;
              }
              results.push([(error as { missed?: unknown }).missed, missed]);
              end.cursor += missed;
              end.holds = true;
            } else {
              end.holds = false;
              results.push([
                end.receiver.tryReceive(),
                end.cursor < sent ? end.cursor++ : undefined,
              ]);
            }
          }
          for (const [got, expected] of results) expect(got).toEqual(expected);
          channel.sender.close();
          for (const { receiver } of ends) receiver.close();
        },
      ),
    );
  });

  it('reaches threads that sleep and threads that block, each with all or told of the rest', async () => {
    const { sender, receiver } = createChannel({ kind, onLag, capacity: 16, codec: u32() });
    const threads = [0, 1].map(() => startThread({ job: 'follow', receiver: share(receiver) }));
    receiver.close();
    const reports = threads.map(({ worker }) => once(worker, 'message'));
    const count = 3000;
    for (let i = 0; i < count; i++) await sender.send(i);
    sender.close();
    for (const [report] of (await Promise.all(reports)) as [
      { came: number; missed: number; inOrder: boolean },
    ][]) {
      expect(report.came + report.missed).toBe(count);
      expect(report.inOrder).toBe(true);
      expect(report.missed === 0 || onLag === 'drop').toBe(true);
    }
    await Promise.all(threads.map(({ exit }) => exit));
  });

  it('carries whole messages, from several senders', async () => {
    const { sender, receiver } = createChannel({ kind, onLag, capacity: 4, codec: utf8(100) });
    const second = sender.clone();
    const other = receiver.clone();
    sender.trySend('a'.repeat(50));
    second.trySend('b'.repeat(100));
    sender.close();
    second.close();
    for (const end of [receiver, other]) {
      const values = [];
      for await (const value of end) values.push(value);
      expect(values).toEqual(['a'.repeat(50), 'b'.repeat(100)]);
    }
  });

  it('can be written and read in place; an open slot holds up nobody', () => {
    const codec = struct({ x: 'u32' });
    const { sender, receiver } = createChannel({ kind, onLag, capacity: 4, codec });
    const second = sender.clone();
    const slot = sender.tryClaim();
    if (slot === undefined) throw new Error('no room');
    slot.view.x = 1;
    second.trySend({ x: 2 });
    expect(receiver.tryReceive()).toEqual({ x: 2 });
    slot.commit();
    const message = receiver.tryPeek();
    expect(message?.view.x).toBe(1);
    message?.release();
    sender.tryClaim()?.abort();
    expect(receiver.tryPeek()).toBeUndefined();
  });

  it('subscribes a shared receiver from where the other stands, whoever arrives first', () => {
    const { sender, receiver } = createChannel({ kind, onLag, capacity: 8, codec: u32() });
    sender.trySend(1);
    const early = share(receiver);
    receiver.tryReceive();
    const late = share(receiver);
    sender.trySend(2);
    const later = attach(late);
    const earlier = attach(early);
    expect(later.tryReceive()).toBe(2);
    expect([earlier.tryReceive(), earlier.tryReceive()]).toEqual([1, 2]);
  });

  it('tells each side when the other has gone', async () => {
    const first = createChannel({ kind, onLag, codec: u32() });
    const clone = first.receiver.clone();
    first.sender.trySend(1);
    first.sender.close();
    for (const end of [first.receiver, clone]) {
      expect(end.tryReceive()).toBe(1);
      expect(code(() => end.tryReceive())).toBe('ERR_MOIRAI_DISCONNECTED');
    }
    const second = createChannel({ kind, onLag, codec: u32() });
    const { worker } = startThread({ job: 'blockForEver', receiver: share(second.receiver) });
    second.receiver.close();
    await once(worker, 'message');
    await worker.terminate();
    expect(await failure(second.sender.send(5))).toMatchObject({
      code: 'ERR_MOIRAI_DISCONNECTED',
      value: 5,
    });
  });

  it('has as many receivers as it has cursors for', () => {
    const { receiver } = createChannel({ kind, onLag, codec: u32() });
    const ends = [receiver];
    while (ends.length < 256) ends.push(receiver.clone());
    expect(code(() => receiver.clone())).toBe('ERR_MOIRAI_OUT_OF_MEMORY');
    for (const end of ends) end.close();
  });
});

describe('a broadcast channel', () => {
  it('that waits ends a wait by time and signal with nothing sent, and goes on when the slow one is gone', async () => {
    const { sender, receiver } = createChannel({ kind, capacity: 1, codec: u32() });
    const slow = receiver.clone();
    await sender.send(1);
    expect(receiver.tryReceive()).toBe(1);
    expect(await failure(sender.send(2, { timeout: 5 }))).toMatchObject({
      code: 'ERR_MOIRAI_TIMEOUT',
      value: 2,
    });
    expect(code(() => sender.sendSync(3, 1))).toBe('ERR_MOIRAI_TIMEOUT');
    const waiting = sender.send(4);
    slow.close();
    await waiting;
    expect(await receiver.receive()).toBe(4);
    expect(receiver.tryReceive()).toBeUndefined();
  });

  it('that drops says so once, also to a wait, a batch and a loop', async () => {
    const make = () => createChannel({ kind, capacity: 2, onLag: 'drop', codec: f64() });
    const waited = make();
    for (let i = 0; i < 5; i++) waited.sender.trySend(i);
    expect(await failure(waited.receiver.receive())).toMatchObject({
      code: 'ERR_MOIRAI_LAGGED',
      missed: 3,
    });
    expect(await waited.receiver.receive()).toBe(3);
    const batch = make();
    const into = new Float64Array(4);
    batch.sender.trySendBatch(Float64Array.of(1, 2, 3));
    expect(code(() => batch.receiver.tryReceiveBatch(into))).toBe('ERR_MOIRAI_LAGGED');
    expect(batch.receiver.tryReceiveBatch(into)).toBe(2);
    expect([...into]).toEqual([2, 3, 0, 0]);
    const looped = make();
    for (let i = 0; i < 3; i++) looped.sender.trySend(i);
    looped.sender.close();
    const values: number[] = [];
    const loop = async (): Promise<void> => {
      for await (const value of looped.receiver) values.push(value);
    };
    expect((await failure(loop())).code).toBe('ERR_MOIRAI_LAGGED');
    await loop();
    expect(values).toEqual([1, 2]);
  });

  it('alone may be told what becomes of slow receivers', () => {
    expect(code(() => createChannel({ onLag: 'drop' }))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
    const wrong = { kind, onLag: 'block' as never } as const;
    expect(code(() => createChannel(wrong))).toBe('ERR_MOIRAI_INVALID_ARGUMENT');
  });
});
