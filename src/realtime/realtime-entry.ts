// The first file of a real-time thread: loads the module of ticks, asks the kernel for what was wanted,
// says what it got, and ticks. It decides nothing and explains nothing: its owner does.
import { PerformanceObserver } from 'node:perf_hooks';
import { resourceLimits, workerData } from 'node:worker_threads';
import { showUserData } from '../base/index.js';
import { encodeError } from '../codec/index.js';
import { native, type NativeRealtimeLoop } from '../native.js';
import { isWasmExport, loopFunctions } from './loop-module.js';
import type { TickFunction } from './loop-types.js';
import { Tick } from './tick.js';
import { endKinds, type Asked, type Birth, type FromOwner, type FromThread } from './wire.js';

/** What the deepest calls of a tick may need of the stack without a page fault. */
const lockedStackBytes = 256 * 1024;
/** Of the heap of new objects; more takes too long at the start. */
const mostTouchedMb = 64;
const roundRobin = 2;

const birth = workerData as Birth;
const { port } = birth;
const say = (message: FromThread): void => port.postMessage(message);

showUserData(birth.workerData);
loopFunctions(birth.tasks).then(begin, (error: unknown) => {
  say({ type: 'unusable', error: encodeError(error) });
  port.close();
});

function begin(functions: ReadonlyMap<string, TickFunction>): void {
  const times = new Float64Array(5);
  const tick = new Tick(times);
  const record = new Uint8Array(birth.record, 0, native.realtime.recordBytes());
  const loop = native.realtime.openLoop(
    record,
    times,
    birth.exclusive,
    birth.byPeriod,
    (slot, end, error) => {
      const why = endKinds.get(end);
      if (why === undefined) return; // native code asks whether JavaScript runs at all
      say({ type: 'ended', slot, why, error: why === 'threw' ? encodeError(error) : undefined });
    },
    birth.spinNs,
  );
  watchCollections(loop);

  let running = false;
  const run = (): void => {
    running = loop.run();
    if (running) setImmediate(run);
  };
  port.on('message', (message: FromOwner) => {
    switch (message.type) {
      case 'start': {
        const { slot, name, numbers } = message;
        const body = functions.get(name) as TickFunction;
        // WebAssembly has no use for an object, and to make a number of it takes JavaScript and garbage.
        const call = isWasmExport(body) ? (body as () => void) : () => body(tick);
        loop.add(slot, call, Float64Array.from(numbers));
        if (birth.exclusive && !running) {
          running = true;
          setImmediate(run);
        }
        break;
      }
      case 'stop':
        loop.remove(message.slot);
        say({ type: 'ended', slot: message.slot, why: 'stopped' });
        break;
      case 'window':
        loop.setCpuWindow(message.ns);
        break;
      case 'close':
        process.exit(0);
    }
  });
  say({ type: 'ready', names: [...functions.keys()], asked: ask(loop, record) });
}

/** As the last step before the first tick: loading is no work for a real-time thread. */
function ask(loop: NativeRealtimeLoop, record: Uint8Array): Asked {
  let lockError = 0;
  let lockedBytes = 0;
  if (birth.lockMemory) {
    lockError = loop.lockStack(lockedStackBytes);
    if (lockError === 0) lockedBytes += lockedStackBytes;
    const error = native.memory.lock(record, 0, record.length);
    if (error === 0) lockedBytes += record.length;
    else lockError = error;
  }
  touchHeap();
  const cpus = native.affinity.getAffinity();
  const policy = new Float64Array(7);
  const policyError = native.realtime.setPolicy(...birth.policy);
  native.realtime.getPolicy(0, policy);
  return {
    threadId: native.realtime.threadId(),
    policyError,
    policy: [...policy],
    sliceNs: policy[0] === roundRobin ? native.realtime.roundRobinSlice() : 0,
    cpus: typeof cpus === 'number' ? [] : cpus,
    // Without a real-time policy the kernel delays wake-ups by 50 µs to join them with others.
    timerSlackNs: native.realtime.setTimerSlack(1),
    lockError,
    lockedBytes,
  };
}

/**
 * Garbage for the whole heap of new objects, so that its pages are there, both halves of it, before a tick
 * allocates in them. Without it the first quarter of a second has a page fault for every other tick.
 */
function touchHeap(): void {
  const megabytes = Math.min(resourceLimits.maxYoungGenerationSizeMb ?? 0, mostTouchedMb);
  const arrays = megabytes * 128 * 2;
  let last: number[] = [];
  for (let i = 0; i < arrays; i++) last = new Array<number>(1024).fill(i);
  if (last.length === 0) return; // what is never looked at need not be made
}

/** Collections are known afterwards, in the next turn of the event loop; they allocate a few objects. */
function watchCollections(loop: NativeRealtimeLoop): void {
  const originNs = native.realtime.now() - performance.now() * 1e6;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const beginNs = originNs + entry.startTime * 1e6;
      const { detail } = entry as { readonly detail?: { readonly kind?: number } };
      const kind = detail?.kind ?? 0;
      loop.noteCollection(beginNs, beginNs + entry.duration * 1e6, kind);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
}
