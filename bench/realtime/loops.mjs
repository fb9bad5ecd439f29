// The tick that is measured: what a small controller computes.
let integral = 0;
let output = 0;

export function control(tick) {
  const error = Math.sin(tick.number / 100) - output;
  integral += error * 0.001;
  output += 0.4 * error + 0.1 * integral;
}
