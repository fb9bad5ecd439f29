// The same loop as most programs in JavaScript would have it.
import { Drive, periodUs, type Sample } from './drive.js';

export function byInterval(periods: number, step: number): Promise<Sample[]> {
  const drive = new Drive(step);
  const samples: Sample[] = [];
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const sample = { time: 0, target: 0, speed: 0, volts: 0 };
      drive.call(performance.now() * 1000, sample);
      samples.push(sample);
      if (sample.time < (periods * periodUs) / 1e6) return;
      clearInterval(timer);
      resolve(samples);
    }, periodUs / 1000);
  });
}
