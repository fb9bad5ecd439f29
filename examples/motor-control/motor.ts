// A DC motor as its differential equations: what a drive of some 50 W does to voltage and load.
//
//   L di/dt = u - R i - k w        the winding: current i under the voltage u, against what turning induces
//   J dw/dt = k i - b w - m        the shaft: speed w under the torque k i, against friction and the load m

const resistance = 1.2; // R, ohm
const inductance = 1.5e-3; // L, henry
const constant = 0.05; // k, newton metres per ampere, and volt seconds per radian
const inertia = 2e-5; // J, kilogram square metres
const friction = 1e-5; // b, newton metre seconds per radian
/** Of integration, in seconds; the winding's time constant, L / R, is 1.25 ms. */
const longestStep = 1e-4;

export class Motor {
  /** Ampere. */
  current = 0;
  /** Radians a second. */
  speed = 0;

  /** Goes on for `seconds` with these, by the classical Runge-Kutta method. */
  advance(seconds: number, volts: number, load: number): void {
    const steps = Math.max(1, Math.ceil(seconds / longestStep));
    for (let i = 0; i < steps; i++) this.#step(seconds / steps, volts, load);
  }

  #step(h: number, u: number, m: number): void {
    const i = this.current;
    const w = this.speed;
    const i1 = winding(u, i, w);
    const w1 = shaft(m, i, w);
    const i2 = winding(u, i + (h / 2) * i1, w + (h / 2) * w1);
    const w2 = shaft(m, i + (h / 2) * i1, w + (h / 2) * w1);
    const i3 = winding(u, i + (h / 2) * i2, w + (h / 2) * w2);
    const w3 = shaft(m, i + (h / 2) * i2, w + (h / 2) * w2);
    const i4 = winding(u, i + h * i3, w + h * w3);
    const w4 = shaft(m, i + h * i3, w + h * w3);
    this.current = i + (h / 6) * (i1 + 2 * i2 + 2 * i3 + i4);
    this.speed = w + (h / 6) * (w1 + 2 * w2 + 2 * w3 + w4);
  }
}

function winding(volts: number, current: number, speed: number): number {
  return (volts - resistance * current - constant * speed) / inductance;
}

function shaft(load: number, current: number, speed: number): number {
  return (constant * current - friction * speed - load) / inertia;
}
