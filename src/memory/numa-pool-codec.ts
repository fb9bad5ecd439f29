// A pool as an argument of a task.
import { NumaPool } from './numa-pool.js';
import type { NumaPoolHandle } from './numa-pool-handle.js';

/** One object for one pool in a thread, as long as its memory is known there: views are kept in it. */
const known = new WeakMap<SharedArrayBuffer, NumaPool>();

/**
 * A codec for executors: with it among the exports of the module of `options.codecs`, a NumaPool that is
 * an argument or part of one arrives as the same pool. Without it give tasks `pool.handle()` and attach
 * to it there. A block goes as the number that `detach` gives.
 *
 * @example
 * // codecs.ts
 * export { numaPools } from 'moirai';
 */
export const numaPools: {
  readonly type: typeof NumaPool;
  readonly name: string;
  encode(pool: NumaPool): unknown;
  decode(encoded: unknown): NumaPool;
} = {
  type: NumaPool,
  name: 'moirai.NumaPool',
  encode: (pool) => pool.handle(),
  decode(encoded) {
    const handle = encoded as NumaPoolHandle;
    const [first] = handle.regions;
    const before = first && known.get(first.buffer);
    if (before !== undefined) return before;
    const pool = NumaPool.attach(handle);
    for (const { buffer } of pool.handle().regions) known.set(buffer, pool);
    return pool;
  },
};
