import { allocate, type AllocateOptions } from './allocate.js';
import type { NumaBuffer } from './numa-buffer.js';
import type { CheckedPolicy, MemoryPolicy } from './policy.js';
import {
  getThreadPolicy,
  scopedThreadPolicy,
  setThreadPolicy,
  type ScopedPolicy,
  type ThreadPlacement,
} from './thread-policy.js';

/** Memory and the NUMA nodes that it comes from. Every function may be called from any thread. */
export interface Numa {
  readonly allocate: (bytes: number, options?: AllocateOptions) => NumaBuffer;
  readonly setPolicy: (policy: MemoryPolicy) => ThreadPlacement;
  readonly getPolicy: () => CheckedPolicy;
  readonly scopedPolicy: (policy: MemoryPolicy) => ScopedPolicy;
}

/** See {@link Numa}. */
export const numa: Numa = {
  allocate,
  setPolicy: setThreadPolicy,
  getPolicy: getThreadPolicy,
  scopedPolicy: scopedThreadPolicy,
};
