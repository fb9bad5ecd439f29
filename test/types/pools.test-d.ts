// Pools know the types of their objects and views. Compiled, never run, as errors.test-d.ts is.
import { NumaPool, ObjectPool, type NumaBlock } from 'moirai';

const bytes = new NumaPool({ blockSize: 64, blocksPerNode: 1 });
bytes.acquire().view satisfies Uint8Array;
bytes.tryAcquire() satisfies NumaBlock | undefined;

const doubles = new NumaPool({ blockSize: 64, blocksPerNode: 1, view: Float64Array });
doubles.acquire().view satisfies Float64Array;
NumaPool.attach(doubles.handle()).acquire().view satisfies Float64Array;
// @ts-expect-error A block may be missing.
doubles.tryAcquire().view;
// @ts-expect-error Blocks of doubles are no blocks of bytes.
bytes.release(doubles.acquire());

const maps = new ObjectPool({
  create: () => new Map<string, number>(),
  reset: (map) => map.clear(),
});
maps.acquire() satisfies Map<string, number>;
maps.use((map) => map.size) satisfies number;
maps.use(async (map) => map.size) satisfies Promise<number>;
// @ts-expect-error A number is no object.
new ObjectPool({ create: () => 5 });
