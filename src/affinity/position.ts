import { native } from '../native.js';

/**
 * The CPU that the calling thread runs on at this moment; unless it is pinned, it may be elsewhere
 * by the time you look. Never blocks; bench/affinity/position.mjs measures its cost.
 *
 * @example
 * const shard = shards[currentCpu() % shards.length];
 */
export const currentCpu: () => number = native.affinity.currentCpu;

/**
 * The NUMA node of the CPU that the calling thread runs on at this moment. As cheap as
 * {@link currentCpu} where libc answers without a system call (x86), else one system call.
 */
export const currentNode: () => number = native.affinity.currentNode;
