// The whole border to C++: the only file that loads the addon, and every function it has, typed.
// Nothing here is public; arguments were checked by the callers (C++ checks again for memory safety).
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface NativeAddon {
  /** Each section below is filled by native/addon/<section>.cc. */
  readonly affinity: NativeAffinity;
  readonly capabilities: NativeCapabilities;
}

export interface NativeAffinity {
  /** sched_getaffinity of the calling thread: CPU numbers, ascending; a number is the errno. */
  getAffinity(): number[] | number;
  /** sched_setaffinity of the calling thread, null for all CPUs; 0 or the errno. */
  setAffinity(cpus: readonly number[] | null): number;
  /** What the main thread may use, from before it was pinned; a number is the errno. */
  processMask(): NativeProcessMask | number;
  /** Keeps the main thread's mask while it is pinned; nothing on other threads. */
  rememberProcessMask(cpus: readonly number[], unrestricted: boolean): void;
  forgetProcessMask(): void;
  /** getcpu: the CPU the calling thread runs on right now. */
  currentCpu(): number;
  /** getcpu: its NUMA node. */
  currentNode(): number;
}

export interface NativeProcessMask {
  readonly cpus: readonly number[];
  /** The main thread is pinned; `cpus` is from before. */
  readonly pinned: boolean;
  /** Only the cpuset bounded it then. */
  readonly unrestricted: boolean;
}

export interface NativeCapabilities {
  /** Tries every call in a forked child, memory policies with `node`. See native/core/capabilities/probes.h. */
  probe(node: number): readonly NativeProbe[] | number;
}

export interface NativeProbe {
  readonly name: string;
  /** 0, the errno of the call, or -1 when the child died before the result. */
  readonly errno: number;
  /** The errno of the same call with nonsense arguments; EINVAL unless a filter answers first. */
  readonly control: number;
  /** The signal that ended the child in this probe, or 0. */
  readonly signal: number;
  /** What the call returned, where that says more than success. */
  readonly value: number;
}

const require = createRequire(import.meta.url);
const load = require('node-gyp-build') as (root: string) => NativeAddon;

export const native: NativeAddon = load(fileURLToPath(new URL('..', import.meta.url)));
