// The same work with a new scratch object for each frame and with a pool of them:  main.js [FRAMES]
import { ObjectPool } from 'moirai';
import { allocationsOf } from './allocations.js';
import { countPeaks, Scratch } from './frames.js';

const frames = Number(process.argv[2] ?? 2000);

const pool = new ObjectPool({
  create: () => new Scratch(),
  reset: (scratch) => scratch.clear(),
  isClean: (scratch) => scratch.isClear,
  max: 8,
});

let peaksOfNew = 0;
const anew = await allocationsOf(frames, (frame) => {
  peaksOfNew += countPeaks(frame, new Scratch());
});
let peaksOfPooled = 0;
const pooled = await allocationsOf(frames, (frame) => {
  peaksOfPooled += pool.use((scratch) => countPeaks(frame, scratch));
});

const { created, reused, hitRate, corrected } = pool.stats();
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
const fewer = (less: number, more: number): string => (100 * (1 - less / more)).toFixed(1);

console.log(`${frames} frames, peaks: ${peaksOfNew} and ${peaksOfPooled}`);
console.log(
  `a new object each: ${frames} made, ${mebibytes(anew.bytes)} MiB, ${anew.collections} collections`,
);
console.log(
  `with a pool: ${created} made, ${mebibytes(pooled.bytes)} MiB, ${pooled.collections} collections`,
);
console.log(
  `${fewer(created, frames)} % fewer objects, ${fewer(pooled.bytes, anew.bytes)} % fewer bytes`,
);
console.log(
  `reused ${reused} times, hit rate ${hitRate.toFixed(4)}, corrected by reset: ${corrected}`,
);
