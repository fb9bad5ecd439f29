// The first file of the thread that watches over a real-time one: it looks at the record of ticks by a
// timer of its own and calls the safe state function, also when the other thread is stuck or dead and the
// owner's thread is busy. It has its own isolate, with the module of ticks loaded once more.
import { workerData } from 'node:worker_threads';
import { showUserData } from '../base/index.js';
import { encodeError } from '../codec/index.js';
import { native } from '../native.js';
import { loopFunctions } from './loop-module.js';
import type { SafeStateCall } from './loop-types.js';
import {
  endKinds,
  type FromWatchdog,
  type ToWatchdog,
  type TripKind,
  type WatchdogBirth,
} from './wire.js';

const running = 1;
/** How often it looks within the timeout. */
const looks = 4;

const birth = workerData as WatchdogBirth;
const { port } = birth;
const say = (message: FromWatchdog): void => port.postMessage(message);

showUserData(birth.workerData);
loopFunctions(birth.tasks).then(begin, (error: unknown) => {
  say({ type: 'unusable', error: encodeError(error) });
  port.close();
});

function begin(functions: ReadonlyMap<string, (call: never) => unknown>): void {
  const bytes = native.realtime.recordBytes();
  const watched = new Uint8Array(birth.record, 0, bytes);
  const own = new Uint8Array(new SharedArrayBuffer(bytes, { maxByteLength: bytes }), 0, bytes);
  const times = new Float64Array(5);
  const loop = native.realtime.openLoop(own, times, false, true, () => undefined, 0);
  const counters = new Float64Array(12);

  /** Undefined: all is well; 'over': there is nothing to watch any more. */
  const look = (slot: number, timeoutUs: number, nowNs: number): TripKind | 'over' | undefined => {
    // Before the counters: a thread that is gone has written its last.
    const gone = native.realtime.isGone(watched);
    native.realtime.counters(watched, slot, counters);
    const [, , , , , ended = 0, state = 0, stop = 0] = counters;
    if (stop !== 0) return 'over';
    if (state === 0) return gone ? 'over' : undefined;
    if (state !== running) {
      const end = endKinds.get(state);
      return end === undefined || end === 'stopped' ? 'over' : end;
    }
    if (gone) return 'lost';
    return nowNs - ended > timeoutUs * 1000 ? 'silent' : undefined;
  };

  port.on('message', (message: ToWatchdog) => {
    const { slot } = message;
    loop.remove(slot);
    if (message.type === 'unwatch') return;
    const { timeoutUs, task, safeState } = message;
    const act = functions.get(safeState) as (call: SafeStateCall) => void;
    const check = (): void => {
      const nowNs = native.realtime.now();
      const why = look(slot, timeoutUs, nowNs);
      if (why === undefined) return;
      loop.remove(slot);
      if (why === 'over') return;
      // What is safe now must not be undone by a tick that comes late.
      native.realtime.stop(watched, slot);
      const atUs = nowNs / 1000;
      try {
        act({ task, why, atUs });
        say({ type: 'trip', slot, why, atUs });
      } catch (error) {
        say({ type: 'trip', slot, why, atUs, error: encodeError(error) });
      }
    };
    native.realtime.clear(own, slot);
    const periodNs = Math.round((timeoutUs * 1000) / looks);
    loop.add(slot, check, Float64Array.of(periodNs, 0, periodNs, 0, 0, 0, 0, 0, 0, 0, 0));
  });
  native.realtime.setTimerSlack(1);
  // Refused, it watches as an ordinary thread, as the one that it watches over runs.
  native.realtime.setPolicy(...birth.policy);
  say({ type: 'ready' });
}
