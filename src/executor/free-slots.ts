// Which slots hold no task. The most recently freed is used first, while it is in the cache; one that was
// never used is taken where there is no other, so that nothing is written for slots that nobody needs.

export class FreeSlots {
  readonly capacity: number;
  readonly #freed: Int32Array;
  #freedCount = 0;
  /** Slots from here on were never used. */
  #fresh = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#freed = new Int32Array(capacity);
  }

  get size(): number {
    return this.#freedCount + this.capacity - this.#fresh;
  }

  /** -1: there is none. */
  take(): number {
    if (this.#freedCount > 0) return this.#freed[--this.#freedCount] ?? 0;
    return this.#fresh < this.capacity ? this.#fresh++ : -1;
  }

  /** The slot was taken before. */
  give(slot: number): void {
    this.#freed[this.#freedCount++] = slot;
  }
}
