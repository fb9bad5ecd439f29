// What goes over the bus in each cycle, and the clock of the device.
import { struct } from 'moirai';

/** µs. */
export const cycleUs = 1000;
/** The device acts on frames so long after the beat of its clock. */
export const offsetUs = 250;
/** By how much the device's clock is slower, parts per million. */
export const driftPpm = 120;

export const frameCodec = struct({ number: 'u32', sentUs: 'f64', deviceUs: 'f64' });

/** What the device's clock shows at a time of this machine. */
export function deviceClock(us: number): number {
  return us / (1 + driftPpm * 1e-6) + 123_456;
}
