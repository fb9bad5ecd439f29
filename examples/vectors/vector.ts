/** A class of the application's own: a point in space that knows how to move and to turn. */
export class Vector {
  readonly #coordinates: Float64Array;

  constructor(...coordinates: readonly number[]) {
    this.#coordinates = Float64Array.from(coordinates);
  }

  get coordinates(): readonly number[] {
    return [...this.#coordinates];
  }

  get length(): number {
    return Math.hypot(...this.#coordinates);
  }

  plus(other: Vector): Vector {
    const others = other.coordinates;
    return new Vector(...this.#coordinates.map((one, i) => one + (others[i] ?? 0)));
  }

  times(factor: number): Vector {
    return new Vector(...this.#coordinates.map((one) => one * factor));
  }

  toString(): string {
    return `(${this.#coordinates.join(', ')})`;
  }
}
