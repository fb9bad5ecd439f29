// How many workers there are: hires while tasks wait and all are busy, sends home who has nothing to do.
import type { Alarm } from './alarm.js';

/** One group of seats whose workers serve the same queues. */
export interface StaffOptions {
  /** Seat numbers, in the order in which they are taken. */
  readonly seats: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly idleTimeout: number;
  /** Milliseconds that a task may wait for a busy worker before another one is hired. */
  readonly patience: number;
}

/** What the staff needs of the executor. */
export interface StaffHost {
  /** Tasks that wait for a worker of this group. */
  backlog(): number;
  /** Workers of this group that sleep. */
  idle(): number;
  /** For how many milliseconds the worker has been asleep. */
  idleFor(seat: number): number;
  /** There is a worker on the seat, or one is being born, that was not sent home. */
  has(seat: number): boolean;
  /** Nobody sits there, nor will without being hired. */
  isEmpty(seat: number): boolean;
  /** Resolves when the worker is ready. */
  hire(seat: number): Promise<void>;
  retire(seat: number): void;
}

export class Staff {
  readonly #alarm: Alarm;
  readonly #host: StaffHost;
  #options: StaffOptions;
  #watching = false;
  #waiting = false;
  #beingBorn = 0;
  #onEmpty: (() => void)[] = [];
  #closed = false;

  constructor(alarm: Alarm, host: StaffHost, options: StaffOptions) {
    this.#alarm = alarm;
    this.#host = host;
    this.#options = options;
  }

  /** Workers that are there or being born, without those sent home. */
  get size(): number {
    return this.#options.seats.filter((seat) => this.#host.has(seat)).length;
  }

  /** A task was given to this group. */
  taskCame(): void {
    if (this.#watching) return;
    const { min, max, patience } = this.#options;
    if (min >= max) return;
    this.#watching = true;
    if (patience === 0) this.#look();
    else this.#alarm.after(patience, () => this.#look());
  }

  /** Other bounds: hires up to `min` at once, sends home those over `max`. Resolves when all are ready. */
  async resize(options: Pick<StaffOptions, 'seats' | 'min' | 'max'>): Promise<void> {
    this.#options = { ...this.#options, ...options };
    let surplus = this.size - options.max;
    for (const seat of this.#options.seats.toReversed()) {
      if (surplus <= 0) break;
      if (!this.#host.has(seat)) continue;
      this.#host.retire(seat);
      surplus--;
    }
    await this.#fill();
  }

  /** A worker that was sent home has ended. */
  seatEmptied(): void {
    const waiting = this.#onEmpty;
    this.#onEmpty = [];
    for (const resolve of waiting) resolve();
    // A task that came while that worker was leaving may have counted on it.
    if (!this.#closed && this.#host.backlog() > 0) this.taskCame();
  }

  /** Until there are as many as must be; seats whose last worker is still leaving are waited for. */
  async #fill(): Promise<void> {
    for (;;) {
      const births: Promise<void>[] = [];
      while (this.size < this.#options.min) {
        const birth = this.#hireOne();
        if (birth === undefined) break;
        births.push(birth);
      }
      await Promise.all(births);
      if (this.size >= this.#options.min || this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#onEmpty.push(resolve);
      });
    }
  }

  close(): void {
    this.#closed = true;
    this.seatEmptied();
  }

  /** Hires one for each task that waits, as far as allowed; looks again while any does. */
  #look(): void {
    const { max, patience } = this.#options;
    const missing = this.#host.backlog() - this.#host.idle() - this.#beingBorn;
    for (let i = 0; i < missing && this.size < max; i++) {
      this.#hireOne()?.catch(() => undefined); // the crew reports what goes wrong
      if (patience > 0) break; // one at a time: the next look sees what it has brought
    }
    this.#watching = missing > 0 && this.size < max;
    if (this.#watching) this.#alarm.after(Math.max(1, patience), () => this.#look());
  }

  #hireOne(): Promise<void> | undefined {
    const seat = this.#options.seats.find((each) => this.#host.isEmpty(each));
    if (seat === undefined || this.#closed) return undefined;
    this.#beingBorn++;
    const birth = this.#host.hire(seat).finally(() => {
      this.#beingBorn--;
      this.#expectIdleness();
    });
    return birth;
  }

  /** Looks for idle workers as long as there are more than must be. */
  #expectIdleness(): void {
    const { min, idleTimeout } = this.#options;
    if (this.#closed || this.#waiting || this.size <= min) return;
    this.#waiting = true;
    this.#alarm.after(Math.max(1, idleTimeout), () => {
      this.#waiting = false;
      this.#sendHome();
      this.#expectIdleness();
    });
  }

  #sendHome(): void {
    const { seats, min, idleTimeout } = this.#options;
    let spare = this.size - min;
    for (const seat of seats.toReversed()) {
      if (spare <= 0) return;
      if (!this.#host.has(seat) || this.#host.idleFor(seat) < idleTimeout) continue;
      this.#host.retire(seat);
      spare--;
    }
  }
}
