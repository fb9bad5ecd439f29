import { allocate, type AllocateOptions } from './allocate.js';
import { attach, type NumaBuffer } from './numa-buffer.js';
import type { CheckedPolicy, MemoryPolicy } from './policy.js';
import { statistics, type MemoryStatistics } from './statistics.js';
import {
  getThreadPolicy,
  scopedThreadPolicy,
  setThreadPolicy,
  type ScopedPolicy,
  type ThreadPlacement,
} from './thread-policy.js';

/**
 * Memory and the NUMA nodes that it comes from: the kernel's policies (set_mempolicy(2), mbind(2)) for
 * threads and for buffers. Every function may be called from any thread. On a machine with one node
 * there is nothing to decide: calls do nothing, return `single-node`, and are no errors, whatever node
 * they name.
 */
export interface Numa {
  /**
   * Memory of whole pages, bound before anyone touches it, as a SharedArrayBuffer. Blocks while pages
   * are got (`prefault`, `lock`, and always with `node` or the mode `bind`), for as long as clearing
   * them takes.
   *
   * What the system does not grant is in the result's `degraded`, with its reason; `required` makes it
   * an error. Two things always are: memory that there is not, and a node that this machine of several
   * nodes does not have.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   * @throws MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY`: the nodes, the limit of a control group or the
   * address space do not have it. With `required` also `ERR_MOIRAI_PERMISSION`,
   * `ERR_MOIRAI_NOT_SUPPORTED`, `ERR_MOIRAI_SYSTEM`.
   *
   * @example
   * using table = numa.allocate(2 ** 26, { node: 1, hugePages: 'transparent' });
   * if (table.placement === 'refused') console.warn(table.degraded[0]?.why);
   * worker.postMessage(table.buffer);
   */
  readonly allocate: (bytes: number, options?: AllocateOptions) => NumaBuffer;
  /**
   * A handle for a buffer of `allocate` that came from another thread, to ask for its pages, move or
   * free them. It adds nothing to the statistics.
   *
   * @throws TypeError `ERR_MOIRAI_INVALID_ARGUMENT` for a buffer that is not from `allocate`; one of
   * explicit huge pages is not known again either.
   */
  readonly attach: (buffer: SharedArrayBuffer) => NumaBuffer;
  /**
   * Where the calling thread's new pages come from: V8's heap, stacks, and all memory without a policy
   * of its own. Threads that it creates inherit it. Pages that are there stay where they are. Under
   * `bind`, memory that the nodes do not have has the kernel choose a process to kill; `preferred` and
   * `preferred-many` go elsewhere instead.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   * @throws MoiraiError `ERR_MOIRAI_PERMISSION` (filtered), `ERR_MOIRAI_NOT_SUPPORTED` (kernel too
   * old, or without NUMA), `ERR_MOIRAI_OUT_OF_MEMORY` (a node without memory or outside of the cpuset).
   *
   * @example
   * numa.setPolicy({ mode: 'interleave', nodes: [0, 1] });
   */
  readonly setPolicy: (policy: MemoryPolicy) => ThreadPlacement;
  /**
   * The calling thread's policy, from the kernel.
   *
   * @throws MoiraiError `ERR_MOIRAI_PERMISSION` where get_mempolicy(2) is filtered, on a machine of
   * several nodes.
   */
  readonly getPolicy: () => CheckedPolicy;
  /**
   * Like {@link Numa.setPolicy} for a while: the policy from before is restored on release. For the
   * birth of threads, whose heap then is where it should be from its first page on.
   *
   * @throws as {@link Numa.setPolicy} and {@link Numa.getPolicy} do; nothing has changed then.
   *
   * @example
   * {
   *   using policy = numa.scopedPolicy({ mode: 'preferred', nodes: [1] });
   *   new Worker(url);
   * }
   */
  readonly scopedPolicy: (policy: MemoryPolicy) => ScopedPolicy;
  /**
   * Memory by node: what there is, where pages came from, and what this process holds. Reads some small
   * files a node; never throws.
   */
  readonly stats: () => MemoryStatistics;
}

/** See {@link Numa}. */
export const numa: Numa = {
  allocate,
  attach,
  setPolicy: setThreadPolicy,
  getPolicy: getThreadPolicy,
  scopedPolicy: scopedThreadPolicy,
  stats: statistics,
};
