// The other side of the task `meet`: blocks workers, knows that they are blocked, lets them go.
import { setTimeout as sleep } from 'node:timers/promises';

export function createMeeting(wanted) {
  const buffer = new SharedArrayBuffer(12);
  const state = new Int32Array(buffer);
  state[2] = wanted;
  return {
    buffer,
    /** Resolves when so many tasks are blocked. */
    async filled(count) {
      while (Atomics.load(state, 1) < count) await sleep(1);
    },
    end() {
      Atomics.store(state, 0, 1);
      Atomics.notify(state, 0);
    },
  };
}
