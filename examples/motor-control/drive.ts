// The motor and its controller: what is done once a period, whoever calls it.
import { Motor } from './motor.js';
import { Pid } from './pid.js';

export const periodUs = 1000;
const supply = 24; // volt
const gains = { proportional: 0.5, integral: 150, derivative: 0.0006 };

/** What the motor was found to do, and what it was told to do then. */
export interface Sample {
  /** Seconds since the first call. */
  readonly time: number;
  readonly target: number;
  readonly speed: number;
  readonly volts: number;
}

/** Radians a second: it goes up and down three times a second. */
export function targetAt(time: number): number {
  return 150 + 50 * Math.sin(2 * Math.PI * 3 * time);
}

/** Newton metres: a pump whose load swings, and that has to work harder from `step` on. */
export function loadAt(time: number, step: number): number {
  return 0.03 + 0.01 * Math.sin(2 * Math.PI * 11 * time) + (time < step ? 0 : 0.06);
}

export class Drive {
  readonly #motor = new Motor();
  readonly #pid = new Pid(gains, periodUs / 1e6, supply);
  readonly #step: number;
  #begin = Number.NaN;
  #last = 0;
  #volts = 0;

  /** `step`: after how many seconds the load grows. */
  constructor(step: number) {
    this.#step = step;
  }

  /**
   * The motor does not wait: for as long as nobody came it went on with the voltage that it had. The
   * controller believes that a period is over, as controllers do.
   */
  call(nowUs: number, sample: { -readonly [K in keyof Sample]: Sample[K] }): void {
    if (Number.isNaN(this.#begin)) this.#begin = nowUs;
    const time = (nowUs - this.#begin) / 1e6;
    const motor = this.#motor;
    if (time > this.#last) motor.advance(time - this.#last, this.#volts, loadAt(time, this.#step));
    this.#last = time;
    const target = targetAt(time);
    this.#volts = this.#pid.output(target - motor.speed);
    sample.time = time;
    sample.target = target;
    sample.speed = motor.speed;
    sample.volts = this.#volts;
  }
}
