// Holding a range in memory: mlock(2). Never mlockall(2): V8 gives pages back all the time, which the
// kernel refuses for locked ones, and V8 takes that refusal for the end of the world.
import { readFileSync } from 'node:fs';
import { native } from '../native.js';
import { refusal, type Shortfall } from './shortfall.js';

export function lock(view: Uint8Array): Shortfall | undefined {
  const error = native.memory.lock(view, 0, view.length);
  if (error === 0) return undefined;
  const limit = soft('/proc/self/limits', /^Max locked memory\s+(\d+)/mu);
  const locked = soft('/proc/self/status', /^VmLck:\s*(\d+)/mu) ?? 0;
  if (limit === undefined) return refusal('lock', 'mlock', error, 'mlock');
  const why =
    `${view.length} bytes cannot be locked: RLIMIT_MEMLOCK is ${limit} bytes, ` +
    `${locked * 1024} of them in use. Raise it (ulimit -l, LimitMEMLOCK= of systemd, ` +
    'docker run --ulimit memlock=-1), or grant CAP_IPC_LOCK';
  // The kernel says ENOMEM to a limit that is too small, which is no lack of memory.
  return { ...refusal('lock', 'mlock', error, 'mlock', why), code: 'ERR_MOIRAI_PERMISSION' };
}

function soft(file: string, pattern: RegExp): number | undefined {
  const value = pattern.exec(readFileSync(file, 'utf8'))?.[1];
  return value === undefined ? undefined : Number(value);
}
