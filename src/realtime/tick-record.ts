// The owner's view of what a real-time thread writes: read at any time, from any thread, without asking
// the thread for anything.
import { Histogram, MoiraiError } from '../base/index.js';
import { native, type NativeTickThread } from '../native.js';
import { endKinds, type EndKind } from './wire.js';
import type { Collection, MissRecord, Usual } from './miss.js';

const kinds = ['wakeup', 'execution', 'response', 'period'] as const;
/** More numbers than any histogram of the native side has. */
const histogramNumbers = 4096;
/** Entries of the rings. */
const ringEntries = 128;

export interface TickFigures {
  readonly ticks: number;
  readonly misses: number;
  readonly overruns: number;
  readonly skipped: number;
  /** Of a task that has such a lock. */
  readonly phase: PhaseFigures;
  readonly wakeup: Histogram;
  readonly execution: Histogram;
  readonly response: Histogram;
  readonly period: Histogram;
}

export interface PhaseFigures {
  readonly measurements: number;
  readonly errorNs: number;
  /** The outside clock's period is longer by so much. */
  readonly rateNs: number;
  readonly locked: boolean;
}

export class TickRecord {
  readonly memory: SharedArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #numbers = new Float64Array(histogramNumbers);
  #nextMiss = 0;

  constructor() {
    const bytes = native.realtime.recordBytes();
    // Growable ones are page aligned, and are given back when nobody refers to them any more.
    this.memory = new SharedArrayBuffer(bytes, { maxByteLength: bytes });
    this.#bytes = new Uint8Array(this.memory, 0, bytes);
  }

  /** Every page is there before the first tick. */
  prefault(): void {
    const { memory } = native;
    if (memory.populate(this.#bytes, 0, this.#bytes.length) !== 0) {
      memory.touch(this.#bytes, 0, this.#bytes.length);
    }
  }

  knock(): void {
    native.realtime.knock(this.#bytes);
  }

  clear(slot: number): void {
    native.realtime.clear(this.#bytes, slot);
  }

  stop(slot: number): void {
    native.realtime.stop(this.#bytes, slot);
  }

  /** A thread of native ticks that writes here. `wishes` as `NativeRealtime.openNativeLoop` takes them. */
  openNativeLoop(byPeriod: boolean, wishes: readonly number[]): NativeTickThread {
    const thread = native.realtime.openNativeLoop(this.#bytes, byPeriod, Float64Array.from(wishes));
    if (typeof thread !== 'number') return thread;
    const message = 'no thread for native ticks is to be had';
    const syscall = 'pthread_create';
    throw new MoiraiError('ERR_MOIRAI_SYSTEM', message, { errno: thread, syscall });
  }

  /** Why the task of a slot is over. */
  endOf(slot: number): EndKind | undefined {
    native.realtime.counters(this.#bytes, slot, this.#numbers);
    return endKinds.get(this.#numbers[6] ?? 0);
  }

  adjust(slot: number, lateNs: number): void {
    native.realtime.adjust(this.#bytes, slot, lateNs);
  }

  figures(slot: number): TickFigures {
    native.realtime.counters(this.#bytes, slot, this.#numbers);
    const [ticks = 0, misses = 0, overruns = 0, skipped = 0] = this.#numbers;
    const [measurements = 0, errorNs = 0, rateNs = 0, locked = 0] = this.#numbers.subarray(8);
    const phase = { measurements, errorNs, rateNs, locked: locked !== 0 };
    const histograms = kinds.map((kind, which) => {
      const length = native.realtime.histogram(this.#bytes, slot, which, this.#numbers);
      return [kind, new Histogram('µs', this.#numbers.subarray(0, length), 1e-3)];
    });
    const read = Object.fromEntries(histograms) as Record<(typeof kinds)[number], Histogram>;
    return { ticks, misses, overruns, skipped, phase, ...read };
  }

  /**
   * Misses that nobody has taken yet and whose ticks ended before `untilNs`, the oldest first; `lost`: how
   * many were overwritten before.
   */
  takeMisses(untilNs: number): { readonly misses: MissRecord[]; readonly lost: number } {
    const misses: MissRecord[] = [];
    let lost = 0;
    const out = this.#numbers;
    for (;;) {
      const written = native.realtime.miss(this.#bytes, this.#nextMiss, out);
      if (this.#nextMiss >= written) break;
      const [slot = -1, tick = 0, release = 0, begin = 0, end = 0, free = 0, cpuNs = 0] = out;
      if (slot < 0) {
        lost += 1;
      } else {
        if (end > untilNs) break;
        const [minorFaults = 0, majorFaults = 0, preemptions = 0] = out.subarray(7);
        const [waits = 0, loopEnd = 0, windowCpuNs = 0] = out.subarray(10);
        const [cpuBefore = 0, cpuEnd = 0, skipped = 0] = out.subarray(13);
        misses.push({
          slot,
          tick,
          release,
          begin,
          end,
          free,
          cpuNs,
          minorFaults,
          majorFaults,
          preemptions,
          waits,
          loopEnd,
          windowCpuNs,
          cpuBefore,
          cpuEnd,
          skipped,
        });
      }
      this.#nextMiss += 1;
    }
    return { misses, lost };
  }

  /** The last garbage collections of the isolate. */
  collections(): Collection[] {
    const out = this.#numbers;
    const written = native.realtime.collection(this.#bytes, 0, out);
    const found: Collection[] = [];
    for (let index = Math.max(0, written - ringEntries); index < written; index++) {
      native.realtime.collection(this.#bytes, index, out);
      const [begin = -1, end = 0] = out;
      if (begin >= 0) found.push({ begin, end });
    }
    return found;
  }
}

/** Later than this is no usual wake-up, whatever the median says: ticks before it are in there too. */
const mostUsualWakeupUs = 100;

/** What a task takes when nothing is wrong: what it promised, or else what it mostly does. */
export function usualOf({ wakeup, execution }: TickFigures, wcetUs: number | undefined): Usual {
  return {
    wakeupNs: Math.min(wakeup.p50, mostUsualWakeupUs) * 1000,
    computeNs: (wcetUs ?? execution.p50) * 1000,
  };
}
