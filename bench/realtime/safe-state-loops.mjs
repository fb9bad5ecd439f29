// A tick that goes on until its thread comes to grief in one of several ways, and the safe state after it.
// Shared: [end of the last tick that ended, when the safe state was called], both ns of CLOCK_MONOTONIC.
import { workerData } from 'node:worker_threads';

const times = new BigInt64Array(workerData.memory);
const good = workerData.ticks;
const hoard = [];

const ends = {
  hangs: () => {
    for (;;);
  },
  exits: () => process.exit(3),
  throws: () => {
    throw new Error('planted');
  },
  hoards: () => {
    for (;;) hoard.push(Array.from({ length: 1000 }, (_, i) => ({ i })));
  },
};

export function control({ number }) {
  if (number > good) ends[workerData.how]();
  times[0] = process.hrtime.bigint();
}

export function brake() {
  times[1] = process.hrtime.bigint();
}
