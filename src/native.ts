// The whole border to C++: the only file that loads the addon, and every function it has, typed.
// Nothing here is public; arguments were checked by the callers (C++ checks again for memory safety).
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface NativeAddon {
  /** Each section below is filled by native/addon/<section>.cc. */
  readonly affinity: NativeAffinity;
}

export interface NativeAffinity {
  /** sched_getaffinity of the calling thread: CPU numbers, ascending. */
  getAffinity(): number[];
  /** sched_setaffinity of the calling thread; 0 or the errno. */
  setAffinity(cpus: number[]): number;
  /** getcpu: the CPU the calling thread runs on right now. */
  currentCpu(): number;
  /** getcpu: its NUMA node. */
  currentNode(): number;
}

const require = createRequire(import.meta.url);
const load = require('node-gyp-build') as (root: string) => NativeAddon;

export const native: NativeAddon = load(fileURLToPath(new URL('..', import.meta.url)));
