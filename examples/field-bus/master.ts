// The master's cycle: takes the answer to an earlier frame, tells the phase lock how late that frame was
// against the device's beat, and sends the next.
import { workerData } from 'node:worker_threads';
import { attach, type Receiver, type Sender, type Shared, type StructOf, type Tick } from 'moirai';
import { cycleUs, offsetUs } from './frames.js';

type Frame = StructOf<{ number: 'u32'; sentUs: 'f64'; deviceUs: 'f64' }>;
const handles = workerData as { frames: Shared<Sender<Frame>>; answers: Shared<Receiver<Frame>> };
const frames = attach(handles.frames);
const answers = attach(handles.answers);

export function cycle(tick: Tick): void {
  for (let frame = answers.tryReceive(); frame !== undefined; frame = answers.tryReceive()) {
    tick.adjust((frame.deviceUs - offsetUs) % cycleUs);
  }
  frames.trySend({ number: tick.number, sentUs: tick.expectedUs, deviceUs: 0 });
}
