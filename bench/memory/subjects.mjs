// What pools.mjs measures: each gives { take, give }, of which a turn calls `take` so often and then
// `give` for each result; without `give` the garbage collector takes it.
import reusify from 'reusify';
import { NumaPool, ObjectPool } from 'moirai';

class Thing {
  next = null;
  a = 0;
  b = 0;
  c = 0;
}
const wipe = (thing) => {
  thing.a = 0;
  thing.b = 0;
};
const bytes = 4096;

function blocks(options) {
  const pool = new NumaPool({ blockSize: bytes, blocksPerNode: 4096 });
  return { take: () => pool.acquire(options), give: (block) => pool.release(block) };
}

function objects(options) {
  const pool = new ObjectPool({ create: () => new Thing(), max: 4096, ...options });
  return { take: () => pool.acquire(), give: (thing) => pool.release(thing) };
}

function reused() {
  const pool = reusify(Thing);
  return { take: () => pool.get(), give: (thing) => pool.release(thing) };
}

/** `take` and `give`: ns that a call may cost at most, where something is promised. */
export const subjects = {
  'NumaPool, 4 KiB': { make: () => blocks(), take: 200, give: 200 },
  'NumaPool, 4 KiB, with a node': { make: () => blocks({ node: 0 }), take: 200, give: 200 },
  ObjectPool: { make: () => objects(), take: 50, give: 30 },
  'ObjectPool with reset and isClean': {
    make: () => objects({ reset: wipe, isClean: (thing) => thing.a === 0 && thing.b === 0 }),
    take: 50,
    give: 30,
  },
  'reusify (no bound, no checks)': { make: reused },
  'new object of 4 fields': { make: () => ({ take: () => new Thing() }) },
  'new Float64Array(512)': { make: () => ({ take: () => new Float64Array(bytes / 8) }) },
  'Buffer.allocUnsafe(4096)': { make: () => ({ take: () => Buffer.allocUnsafe(bytes) }) },
  'new SharedArrayBuffer(4096) and view': {
    make: () => ({ take: () => new Uint8Array(new SharedArrayBuffer(bytes)) }),
  },
};
