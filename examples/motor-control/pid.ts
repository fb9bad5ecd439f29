// A PID controller as textbooks have it: made for one period, at which it has to be called.

export interface Gains {
  readonly proportional: number;
  /** Per second. */
  readonly integral: number;
  /** Seconds. */
  readonly derivative: number;
}

export class Pid {
  readonly #gains: Gains;
  readonly #period: number;
  readonly #limit: number;
  #sum = 0;
  #last = 0;

  /** `period`: seconds from call to call. `limit`: the output is within plus and minus that. */
  constructor(gains: Gains, period: number, limit: number) {
    this.#gains = gains;
    this.#period = period;
    this.#limit = limit;
  }

  output(error: number): number {
    const { proportional, integral, derivative } = this.#gains;
    const slope = (error - this.#last) / this.#period;
    this.#last = error;
    const sum = this.#sum + error * this.#period;
    const wanted = proportional * error + integral * sum + derivative * slope;
    const given = Math.min(this.#limit, Math.max(-this.#limit, wanted));
    // While the output is at its limit the sum does not grow, or it would have to shrink again later.
    if (given === wanted) this.#sum = sum;
    return given;
  }
}
