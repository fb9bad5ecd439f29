// What senders and receivers have done, in memory that outlives each of them.
import { SharedRegion } from 'moirai';

/** Messages that one sender sends in its life. */
export const messagesOfLife = 50_000;
const head = 4;

/** A view of the region as a ledger of so many lives. */
export function ledgerIn(region, lives) {
  const words = region.view(Int32Array);
  const received = region.view(Uint8Array).subarray((head + 2 * lives) * 4);
  return {
    /** A message that no sender has sent like this. */
    torn: () => Atomics.add(words, 0, 1),
    /** A message of a sender after a later one of the same, at one receiver. */
    disorder: () => Atomics.add(words, 1, 1),
    read: () => ({ torn: words[0], disorder: words[1] }),
    /** The sender is about to send message `seq`. */
    begin: (life, seq) => Atomics.store(words, head + life, seq + 1),
    /** It is sent. */
    done: (life, seq) => Atomics.store(words, head + lives + life, seq + 1),
    begun: (life) => words[head + life],
    sent: (life) => words[head + lives + life],
    receive: (life, seq) => Atomics.add(received, life * messagesOfLife + seq, 1),
    received: (life, seq) => received[life * messagesOfLife + seq],
  };
}

export function createLedger(name, lives) {
  const bytes = (head + 2 * lives) * 4 + lives * messagesOfLife;
  return SharedRegion.create({ name, bytes });
}

export function check(life, seq) {
  return (Math.imul(life + 1, 0x9e3779b1) ^ Math.imul(seq + 1, 0x85ebca6b)) >>> 0;
}
