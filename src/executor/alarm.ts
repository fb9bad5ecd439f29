// Things to do at given times, with one timer for all of them: timeouts of tasks and what follows a
// cancellation. A thread that blocks in joinSync runs what is due by itself.

/** One thing to do; `cancel` is free, the entry is dropped when its time comes. */
export interface Appointment {
  cancel(): void;
}

class Entry implements Appointment {
  readonly due: number;
  action: (() => void) | undefined;

  constructor(due: number, action: () => void) {
    this.due = due;
    this.action = action;
  }

  cancel(): void {
    this.action = undefined;
  }
}

/** setTimeout takes no more. */
const longest = 2 ** 31 - 1;

export class Alarm {
  /** A binary heap, the earliest first. */
  readonly #entries: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Number.POSITIVE_INFINITY;

  /** Runs `action` after `milliseconds`. It does not keep the process alive: outstanding tasks do. */
  after(milliseconds: number, action: () => void): Appointment {
    const entry = new Entry(performance.now() + milliseconds, action);
    this.#push(entry);
    this.#arm();
    return entry;
  }

  /** Milliseconds until the next thing is due, Infinity when there is none. */
  get next(): number {
    this.#dropCancelled();
    const first = this.#entries[0];
    return first === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(0, first.due - performance.now());
  }

  /** Does what is due. */
  ring(): void {
    const now = performance.now();
    for (let first = this.#entries[0]; first !== undefined && first.due <= now; ) {
      this.#pop();
      const action = first.action;
      first.action = undefined;
      action?.();
      first = this.#entries[0];
    }
    this.#arm();
  }

  clear(): void {
    this.#entries.length = 0;
    this.#arm();
  }

  #arm(): void {
    this.#dropCancelled();
    const first = this.#entries[0];
    const due = first?.due ?? Number.POSITIVE_INFINITY;
    // A timer that rings too early finds nothing to do and sets itself again.
    if (first !== undefined && this.#timer !== undefined && this.#timerDue <= due) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDue = due;
    if (first === undefined) return;
    const wait = Math.min(Math.max(1, Math.ceil(due - performance.now())), longest);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.ring();
    }, wait);
    this.#timer.unref();
  }

  #dropCancelled(): void {
    while (this.#entries.length > 0 && this.#entries[0]?.action === undefined) this.#pop();
  }

  #push(entry: Entry): void {
    const entries = this.#entries;
    let at = entries.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = entries[above];
      if (parent === undefined || parent.due <= entry.due) break;
      entries[at] = parent;
      at = above;
    }
    entries[at] = entry;
  }

  #pop(): void {
    const entries = this.#entries;
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const left = entries[below];
      const right = entries[below + 1];
      if (left === undefined) break;
      const child = right !== undefined && right.due < left.due ? right : left;
      if (child === right) below++;
      if (child.due >= last.due) break;
      entries[at] = child;
      at = below;
    }
    entries[at] = last;
  }
}
