// The tick that is measured: what a small controller computes, and a note of how late it was.
import { workerData } from 'node:worker_threads';

/** [ticks, first and last release in µs, then how late each tick was, in µs]. */
const notes = new Float64Array(workerData);
let integral = 0;
let output = 0;

export function control(tick) {
  const error = Math.sin(tick.number / 100) - output;
  integral += error * 0.001;
  output += 0.4 * error + 0.1 * integral;
  const index = notes[0];
  if (index + 3 >= notes.length) return;
  if (index === 0) notes[1] = tick.expectedUs;
  notes[2] = tick.expectedUs;
  notes[3 + index] = tick.lateUs;
  notes[0] = index + 1;
}
