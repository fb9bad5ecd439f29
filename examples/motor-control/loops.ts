// The real-time thread: calls the drive once a period, and sends what it saw through a channel.
import { workerData } from 'node:worker_threads';
import { attach, type Sender, type Shared, type Tick } from 'moirai';
import { Drive, type Sample } from './drive.js';

export interface Given {
  readonly sender: Shared<Sender<Sample>>;
  readonly step: number;
}

const given = workerData as Given;
const sender = attach(given.sender);
const drive = new Drive(given.step);
const unsent = { time: 0, target: 0, speed: 0, volts: 0 };

export function control(tick: Tick): void {
  // Written where it lies, so nothing is allocated. When the other side does not read, the loop goes on.
  const slot = sender.tryClaim();
  drive.call(tick.actualUs, slot?.view ?? unsent);
  slot?.commit();
}
