// A field bus whose master follows the clock of its device (npm run example:field-bus): prints how late the
// cycle is against the device's beat until it is locked, and the drift that was learned.
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createChannel, RealtimeContext, RtConstraints, share } from 'moirai';
import { cycleUs, driftPpm, frameCodec } from './frames.js';
import type * as master from './master.js';

const out = createChannel({ kind: 'spsc', codec: frameCodec, capacity: 64 });
const back = createChannel({ kind: 'spsc', codec: frameCodec, capacity: 64 });
const device = new Worker(new URL('./device.js', import.meta.url), {
  workerData: { frames: share(out.receiver), answers: share(back.sender) },
});
const rt = await RealtimeContext.start<typeof master>({
  tasks: new URL('./master.js', import.meta.url),
  policy: RtConstraints.fifo(50),
  required: false, // without the privilege on an ordinary thread
  workerData: { frames: share(out.sender), answers: share(back.receiver) },
});
const task = rt.periodic('cycle', { periodUs: cycleUs, phaseLock: { settleTicks: 64 } });

console.log('  cycles  error µs  drift ppm  locked');
for (;;) {
  await sleep(50);
  const { ticks, phaseLock } = task.stats();
  if (phaseLock === undefined || phaseLock.measurements === 0) continue;
  const { errorUs, driftPpm: learned, locked } = phaseLock;
  const numbers = `${errorUs.toFixed(2).padStart(10)}${learned.toFixed(1).padStart(11)}`;
  console.log(`${String(ticks).padStart(8)}${numbers}  ${locked}`);
  if (locked && Math.abs(learned - driftPpm) < 2) break;
}
await task.stop();
await rt.close();
await device.terminate();
console.log(`locked to a clock that is slower by ${driftPpm} ppm`);
