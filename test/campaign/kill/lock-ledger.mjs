// What is seen under locks, in memory that outlives each process: who is in there, words that a section
// writes one after the other, and how far each life has come.
import { readFileSync } from 'node:fs';
import { SharedRegion } from 'moirai';

/** Locks of a round, each with a section of its own. */
export const sections = ['mutex', 'inheriting', 'condition', 'rwLock'];
export const permits = 2;

/** Words that are equal whenever nobody is between its first and its last store. */
const torn = 24;
const sectionWords = 32;
const faultsAt = 0;
const progressAt = 64 + sections.length * sectionWords;

export const faults = [
  'two at a time',
  'a torn section',
  'somebody in there, and no death told',
  'more permits than there are',
];
const [twoAtATime, tornSection, untold, tooMany] = faults.keys();

/** A dead process may be a zombie until its parent has heard of it. */
function isDead(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return 'ZX'.includes(text[text.lastIndexOf(')') + 2]);
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return true;
    throw error;
  }
}

export function createLockLedger(name, lives) {
  return SharedRegion.create({ name, bytes: 4 * (progressAt + 2 * lives) });
}

export function lockLedgerIn(region, lives) {
  const words = region.view(Int32Array);
  const fault = (kind) => Atomics.add(words, faultsAt + kind, 1);
  const slotsAt = 32;
  const itemsAt = 40;
  const sectionAt = (name) => 64 + sections.indexOf(name) * sectionWords;
  /** Whether its words are all what the first one is. */
  const isWhole = (at) => {
    const first = Atomics.load(words, at + 1);
    for (let i = 2; i <= torn; i++) if (Atomics.load(words, at + i) !== first) return false;
    return true;
  };

  return {
    faults: () => faults.map((what, i) => [what, words[faultsAt + i]]).filter(([, n]) => n > 0),

    /** A section of one that excludes all others; `guard` says whether somebody died in there. */
    write(name, pid, guard, dwell) {
      const at = sectionAt(name);
      // One that is in there alive finds, when it leaves, that it is no longer alone.
      if (Atomics.exchange(words, at, pid) !== 0 && !guard.ownerDied) fault(untold);
      if (!guard.ownerDied && !isWhole(at)) fault(tornSection);
      const next = Atomics.load(words, at + 1) + 1;
      for (let i = 1; i <= torn; i++) {
        Atomics.store(words, at + i, next);
        if (i === torn / 2) dwell();
      }
      // The words are whole again. Who dies after this and before it unlocks is told of once more.
      if (guard.ownerDied) guard.markConsistent();
      if (Atomics.compareExchange(words, at, pid, 0) !== pid) fault(twoAtATime);
    },

    /** A section of one who reads, and sees no change meanwhile. */
    read(name, guard, dwell) {
      if (guard.ownerDied) return;
      const at = sectionAt(name);
      const first = Atomics.load(words, at + 1);
      dwell();
      if (!isWhole(at) || Atomics.load(words, at + 1) !== first) fault(tornSection);
      if (Atomics.load(words, at) !== 0) fault(twoAtATime);
    },

    /** One permit: a place among as many; those of the dead may be taken. */
    permit(pid, dwell) {
      for (let place = 0; place < permits; place++) {
        const owner = Atomics.load(words, slotsAt + place);
        if (owner !== 0 && !isDead(owner)) continue;
        if (Atomics.compareExchange(words, slotsAt + place, owner, pid) !== owner) {
          place = -1; // by another: it has come into a place that is counted again
          continue;
        }
        dwell();
        Atomics.compareExchange(words, slotsAt + place, pid, 0);
        return;
      }
      fault(tooMany);
    },

    /** What is waited for at the condition, under its mutex. */
    get items() {
      return Atomics.load(words, itemsAt);
    },
    addItem: (count) => Atomics.add(words, itemsAt, count),

    /** The life has had its lock once more. */
    advance: (life) => Atomics.add(words, progressAt + life, 1),
    progress: (life) => Atomics.load(words, progressAt + life),
    /** From here on it is to be done with what it holds, and to end. */
    finish: () => Atomics.store(words, progressAt + lives, 1),
    get isFinishing() {
      return Atomics.load(words, progressAt + lives) === 1;
    },
  };
}
