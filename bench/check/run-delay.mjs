// How long threads of this process were ready to run and had no CPU: what other load takes from a
// measurement, seen from inside. 0 where the kernel does not say.
import { existsSync, readFileSync } from 'node:fs';
import { threadMasks } from '../executor/placement.mjs';

/**
 * The pinned threads are those that measure (V8's helpers are not pinned). The function returned
 * gives what they have waited so far, in nanoseconds.
 */
export function watchRunDelay(cpus) {
  if (cpus === undefined) return () => 0;
  const pinned = new Set([`${cpus.main}`, `${cpus.worker}`]);
  const files = [...threadMasks()]
    .filter(([, mask]) => pinned.has(mask))
    .map(([id]) => `/proc/self/task/${id}/schedstat`)
    .filter((file) => existsSync(file));
  return () =>
    files.reduce((sum, file) => sum + Number(readFileSync(file, 'utf8').split(' ')[1]), 0);
}
