// One line that changes while ticks come. Reading figures does not disturb the thread that writes them.
import type { WriteStream } from 'node:tty';
import type { PeriodicTask } from '../index.js';

type Line = Pick<WriteStream, 'isTTY' | 'write'>;

const everyMs = 250;
const clear = '\r\x1b[K';

export function liveLine(task: PeriodicTask, stream: Line): { end(): void } {
  if (!stream.isTTY) return { end: () => undefined };
  const timer = setInterval(() => {
    const { ticks, misses, wakeup } = task.stats();
    if (ticks === 0) return;
    const { min, p50, p99, max } = wakeup;
    const us = [min, p50, p99, max].map((value) => value.toFixed(1));
    const figures = `min ${us[0]}  p50 ${us[1]}  p99 ${us[2]}  max ${us[3]} µs`;
    stream.write(`${clear}${ticks.toLocaleString('en')} ticks  ${figures}  ${misses} missed`);
  }, everyMs);
  return {
    end() {
      clearInterval(timer);
      stream.write(clear);
    },
  };
}

/** Says on the same line what is waited for. */
export async function waitingFor<T>(what: string, promise: Promise<T>, stream: Line): Promise<T> {
  if (!stream.isTTY) return promise;
  stream.write(`${clear}${what}`);
  try {
    return await promise;
  } finally {
    stream.write(clear);
  }
}
