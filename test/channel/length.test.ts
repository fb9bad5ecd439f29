// How many messages a channel holds, as its ends see it while nobody is at work.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChannel, f64, u32, utf8, type ChannelKind, type ChannelPair } from 'moirai';
import { runs } from '../properties.js';

const kinds: readonly (ChannelKind | 'processes')[] = [
  'spsc',
  'mpmc',
  'unbounded',
  'broadcast',
  'processes',
];

function pair(kind: ChannelKind | 'processes'): ChannelPair<number> {
  if (kind === 'processes') return createChannel({ processes: true, capacity: 8, codec: f64() });
  return createChannel({ kind, codec: f64(), ...(kind === 'unbounded' ? {} : { capacity: 8 }) });
}

test.each(kinds)('of kind %s: what was sent and not received, over many laps', (kind) => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 300, size: 'max' }), (steps) => {
      const { sender, receiver } = pair(kind);
      let held = 0;
      for (const sends of steps) {
        if (sends) held += sender.trySend(1) ? 1 : 0;
        else held -= receiver.tryReceive() === undefined ? 0 : 1;
        expect([sender.stats().length, receiver.stats().length]).toEqual([held, held]);
      }
      sender.close();
      receiver.close();
    }),
    { numRuns: runs(kind === 'processes' ? 20 : 60) },
  );
});

test('a ring is full at its capacity, and a new end sees the same as the old ones', () => {
  const { sender, receiver } = createChannel({ codec: u32(), capacity: 256 });
  for (let lap = 0; lap < 10; lap++) {
    while (sender.trySend(lap));
    expect(sender.stats().length).toBe(256);
    const other = receiver.clone();
    expect(other.stats().length).toBe(256);
    for (let i = 0; i < 200; i++) other.tryReceive();
    expect([sender, receiver, other].map((end) => end.stats().length)).toEqual([56, 56, 56]);
    other.close();
    while (receiver.tryReceive() !== undefined);
    expect(sender.stats().length).toBe(0);
  }
});

test('of a oneshot channel 1 once, of a rendezvous 0, of a closed end 0', () => {
  const once = createChannel({ kind: 'oneshot', codec: utf8(9) });
  once.sender.trySend('x');
  expect(once.receiver.stats().length).toBe(1);
  expect(once.sender.stats().length).toBe(0);
  once.receiver.tryReceive();
  expect(once.receiver.stats().length).toBe(0);
  const meet = createChannel({ kind: 'rendezvous', codec: f64() });
  expect(meet.sender.stats().length).toBe(0);
});
