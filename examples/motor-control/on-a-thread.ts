// The loop in a real-time context: a thread of its own, whatever the main thread does meanwhile.
import { createChannel, RealtimeContext, RtConstraints, share, struct } from 'moirai';
import { periodUs, type Sample } from './drive.js';
import type * as loops from './loops.js';
import type { Given } from './loops.js';

const sampleCodec = struct({ time: 'f64', target: 'f64', speed: 'f64', volts: 'f64' });

/** Samples of so many periods; `refused`: what the kernel did not grant. */
export async function onThread(
  periods: number,
  step: number,
): Promise<{ samples: Sample[]; refused: string[] }> {
  const { sender, receiver } = createChannel({ kind: 'spsc', capacity: 1024, codec: sampleCodec });
  const given: Given = { sender: share(sender), step };
  await using rt = await RealtimeContext.start<typeof loops>({
    tasks: new URL('./loops.js', import.meta.url),
    policy: RtConstraints.fifo(80),
    required: false, // without the privilege it runs as an ordinary thread, and says so
    workerData: given,
  });
  const task = rt.periodic('control', { periodUs });
  const samples: Sample[] = [];
  for await (const sample of receiver) {
    samples.push(sample);
    if (samples.length >= periods) break;
  }
  await task.stop();
  return { samples, refused: rt.granted.degraded.map(({ why }) => why) };
}
