// The device, a thread of its own: it stamps each frame with its clock, as distributed clocks of EtherCAT
// latch the time when a frame passes, and sends it back. The latch is modelled by the time in the frame.
import { workerData } from 'node:worker_threads';
import { attach, type Receiver, type Sender, type Shared, type StructOf } from 'moirai';
import { deviceClock } from './frames.js';

type Frame = StructOf<{ number: 'u32'; sentUs: 'f64'; deviceUs: 'f64' }>;
const handles = workerData as { frames: Shared<Receiver<Frame>>; answers: Shared<Sender<Frame>> };
const frames = attach(handles.frames);
const answers = attach(handles.answers);

for await (const frame of frames) {
  answers.trySend({ ...frame, deviceUs: deviceClock(frame.sentUs) });
}
