// The line of those who wait at a condition, in shared memory: a slot for each wait.
//
//   slot's word         meaning                                   leaves by
//   0                   free                                      Enroll: ID
//   ID                  being filled                              the same one: ID + waiting
//   ID + waiting        waits, and may be asleep on this word     a notifier: ID + called
//                                                                 the waiter, giving up: 0
//   ID + called         was called                                the waiter, going on: 0
//   any, of a dead one                                            whoever needs the slot; a notifier
//
// A slot has a ticket, drawn while the mutex is held: the least one is called first, and one that is drawn
// after a notify began is not called by it. So a call goes to exactly as many as were waiting, in the
// order of their coming; nobody wakes for nothing, and nobody who comes later takes a call away.
//
// None is lost: who waits is in the line before it unlocks the mutex, and who has changed what it waits
// for under the mutex looks at the line after that. `waiting` is raised before a slot says so and lowered
// after, so it may be too high (a death in between) and costs a look then, but never too low. All accesses
// are Atomics, sequentially consistent. ID is a LifeId (native/core/sync/life_table.h).
import { MoiraiError, stepAside } from '../base/index.js';
import { native } from '../native.js';
import type { Place } from './place.js';

const waitingAt = 0;
const ticketAt = 1;
const usedAt = 2;
const slotsAt = 16;
/** So many can wait at once. */
const slots = 248;

const waitingBit = 0x8000_0000 | 0;
const calledBit = 0x4000_0000;
const idMask = 0x3fff_ffff;

export const lineBytes = (slotsAt + 2 * slots) * 4;

/** A place in the line: the index of its word. */
export type Slot = number;

export class WaitLine {
  readonly #place: Place;
  readonly #words: Int32Array;

  constructor(place: Place) {
    this.#place = place;
    this.#words = place.words;
  }

  /** What the word of a slot holds while its wait goes on. */
  get waiting(): number {
    return this.#place.self | waitingBit;
  }

  /** At the end of the line; by who holds the mutex. */
  enroll(): Slot {
    const words = this.#words;
    const slot = this.#claim(false) ?? this.#claim(true);
    if (slot === undefined) {
      throw new MoiraiError('ERR_MOIRAI_QUEUE_FULL', `${slots} waits at one condition at a time`);
    }
    Atomics.store(words, slot + 1, Atomics.add(words, ticketAt, 1));
    Atomics.add(words, waitingAt, 1);
    Atomics.store(words, slot, this.waiting);
    return slot;
  }

  /** Whether it was called; the slot is given back. */
  leave(slot: Slot): boolean {
    if (Atomics.compareExchange(this.#words, slot, this.waiting, 0) === this.waiting) {
      Atomics.sub(this.#words, waitingAt, 1);
      return false;
    }
    Atomics.store(this.#words, slot, 0);
    return true;
  }

  /** Blocks this thread for so long at most, in slices; whether it was called. */
  sleep(slot: Slot, milliseconds: number): boolean {
    stepAside();
    const end = performance.now() + milliseconds;
    const { domain } = this.#place;
    for (let left = milliseconds; left > 0; left = end - performance.now()) {
      if (native.sync.wait(domain, this.#words, slot, this.waiting, left)) break;
    }
    return this.leave(slot);
  }

  /** Calls so many; how many there were. */
  call(count: number): number {
    const words = this.#words;
    if (Atomics.load(words, waitingAt) <= 0) return 0;
    const limit = Atomics.load(words, ticketAt);
    let called = 0;
    while (called < count) {
      const slot = this.#first(limit);
      if (slot === undefined) break;
      const state = Atomics.load(words, slot);
      if ((state & waitingBit) === 0) continue;
      const id = state & idMask;
      const isAlive = native.sync.alive(this.#place.domain, id);
      if (Atomics.compareExchange(words, slot, state, isAlive ? id | calledBit : 0) !== state) {
        continue;
      }
      Atomics.sub(words, waitingAt, 1);
      if (!isAlive) continue;
      native.sync.wake(this.#place.domain, words, slot, 2 ** 31 - 1);
      called++;
    }
    return called;
  }

  /** Who waits longest, of those with a ticket before this one. */
  #first(limit: number): Slot | undefined {
    const words = this.#words;
    const end = slotsAt + 2 * Math.min(slots, Atomics.load(words, usedAt));
    let first: Slot | undefined;
    let least = 0;
    for (let slot = slotsAt; slot < end; slot += 2) {
      if ((Atomics.load(words, slot) & waitingBit) === 0) continue;
      const before = (Atomics.load(words, slot + 1) - limit) | 0; // tickets wrap around
      if (before >= least) continue;
      least = before;
      first = slot;
    }
    return first;
  }

  /** @param fromTheDead when nothing is free */
  #claim(fromTheDead: boolean): Slot | undefined {
    const words = this.#words;
    const { self, domain } = this.#place;
    for (let i = 0; i < slots; i++) {
      const slot = slotsAt + 2 * i;
      const state = Atomics.load(words, slot);
      if (state !== 0 && !(fromTheDead && !native.sync.alive(domain, state & idMask))) continue;
      if (Atomics.compareExchange(words, slot, state, self) !== state) continue;
      if ((state & waitingBit) !== 0) Atomics.sub(words, waitingAt, 1);
      let used = Atomics.load(words, usedAt);
      while (used <= i) {
        const seen = Atomics.compareExchange(words, usedAt, used, i + 1);
        if (seen === used) break;
        used = seen;
      }
      return slot;
    }
    return undefined;
  }
}
