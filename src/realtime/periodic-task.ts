// A periodic task as its owner sees it.
import { MoiraiError, type Histogram } from '../base/index.js';
import type { Trip } from './watchdog.js';
import { hasListeners, publish } from './diagnostics.js';
import {
  explainMiss,
  type Evidence,
  type Miss,
  type MissCause,
  type MissRecord,
  type Usual,
} from './miss.js';
import { checkLateness, type PhaseLockStats } from './phase-lock.js';
import type { CheckedTask } from './options.js';
import type { PhaseFigures, TickFigures } from './tick-record.js';

/** What a periodic task has done so far. Histograms are in microseconds. */
export interface PeriodicStats {
  /** `running`, or why it is over: `stopped` by its owner, or by itself (`failed`). */
  readonly state: 'running' | 'stopped' | 'failed';
  readonly ticks: number;
  /** Ticks that ended after their deadline. */
  readonly misses: number;
  /** Ticks that had not ended at the next release. */
  readonly overruns: number;
  /** Releases that got no tick. */
  readonly skipped: number;
  /** Misses by their main cause; known some 100 ms after the tick. */
  readonly causes: Readonly<Partial<Record<MissCause, number>>>;
  /** The last misses, up to 32, the oldest first. */
  readonly lastMisses: readonly Miss[];
  /** Of a task with `phaseLock`. */
  readonly phaseLock: PhaseLockStats | undefined;
  /** From the release to the begin of the tick: also what other ticks of the thread took. */
  readonly wakeup: Histogram;
  /** From the begin to the end. */
  readonly execution: Histogram;
  /** From the release to the end. */
  readonly response: Histogram;
  /** From the begin of the tick before to the begin. */
  readonly period: Histogram;
}

/** What a task needs of its context. */
export interface TaskHost {
  figures(slot: number): TickFigures;
  collectMisses(): void;
  stop(slot: number): void;
  /** Linux's number of the thread. */
  threadId(): number;
  adjust(slot: number, lateNs: number): void;
}

const keptMisses = 32;

/** A task that `RealtimeContext.periodic` has started; belongs to the thread of its context. */
export class PeriodicTask {
  /** Of its function. */
  readonly name: string;
  /** @internal */
  readonly slot: number;
  /** @internal */
  readonly options: CheckedTask;
  readonly #host: TaskHost;
  readonly #causes = new Map<MissCause, number>();
  readonly #lastMisses: Miss[] = [];
  readonly #over: Promise<void>;
  #resolveOver: () => void = () => undefined;
  #state: PeriodicStats['state'] = 'running';
  #final: TickFigures | undefined;
  /** Of overruns, what subscribers know. */
  #told = { overruns: 0, skipped: 0 };

  /** @internal Use `RealtimeContext.periodic`. */
  constructor(host: TaskHost, name: string, slot: number, options: CheckedTask) {
    this.#host = host;
    this.name = name;
    this.slot = slot;
    this.options = options;
    this.#over = new Promise((resolve) => {
      this.#resolveOver = resolve;
    });
  }

  /**
   * Counters, histograms and the last misses so far. Reads shared memory: the real-time thread is not
   * asked, and not disturbed. Costs some 10 µs.
   */
  stats(): PeriodicStats {
    if (this.#final === undefined) this.#host.collectMisses();
    const { phase, ...figures } = this.#final ?? this.#host.figures(this.slot);
    return {
      state: this.#state,
      ...figures,
      phaseLock: this.options.followsClock ? phaseStats(phase, this.options.periodUs) : undefined,
      causes: Object.fromEntries(this.#causes),
      lastMisses: [...this.#lastMisses],
    };
  }

  /**
   * For `phaseLock`, from here instead of from the tick: the release of the last tick was by so much later
   * than the beat of the outside clock; negative: sooner. The next tick uses it, and only the last of
   * several. Does nothing without `phaseLock`, or when the task is over.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   */
  adjust(lateUs: number): void {
    const lateNs = checkLateness(lateUs);
    if (this.#final === undefined) this.#host.adjust(this.slot, lateNs);
  }

  /**
   * No tick begins any more; resolves when the thread has let go of the task, which takes up to 50 ms. Again,
   * or when it is over already: the same.
   */
  async stop(): Promise<void> {
    if (this.#final === undefined) this.#host.stop(this.slot);
    await this.#over;
  }

  /** @internal Of each miss once. */
  missed(record: MissRecord, usual: Usual, evidence: Evidence): void {
    const deadlineNs = this.options.deadlineUs * 1000;
    const miss = explainMiss(this.name, deadlineNs, usual, record, evidence);
    const [cause] = miss.causes;
    if (cause !== undefined) this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1);
    this.#lastMisses.push(miss);
    if (this.#lastMisses.length > keptMisses) this.#lastMisses.shift();
    publish(() => ({ type: 'miss', ...this.#who(), miss }));
    const { onMiss } = this.options;
    if (onMiss !== undefined) queueMicrotask(() => onMiss(miss));
  }

  /** @internal Now and then: tells of overruns since the last time. */
  tellOverruns(): void {
    if (!hasListeners()) return;
    const { overruns, skipped } = this.#final ?? this.#host.figures(this.slot);
    const before = this.#told;
    if (overruns === before.overruns) return;
    this.#told = { overruns, skipped };
    publish(() => ({
      type: 'overrun',
      ...this.#who(),
      overruns: overruns - before.overruns,
      skipped: skipped - before.skipped,
    }));
  }

  /** @internal */
  tripped(trip: Trip): void {
    publish(() => ({ type: 'safe-state', ...this.#who(), trip }));
    const onTrip = this.options.watchdog?.onTrip;
    if (onTrip !== undefined) queueMicrotask(() => onTrip(trip));
  }

  #who(): { readonly task: string; readonly threadId: number } {
    return { task: this.name, threadId: this.#host.threadId() };
  }

  /** @internal `error`: it is over by itself. */
  over(error: { readonly reason: unknown } | undefined): void {
    if (this.#final !== undefined) return;
    this.#final = this.#host.figures(this.slot);
    const state = error === undefined ? 'stopped' : 'failed';
    this.#state = state;
    this.#resolveOver();
    this.tellOverruns();
    publish(() => ({ type: 'end', ...this.#who(), state, error: error?.reason }));
    if (error === undefined) return;
    const { onError } = this.options;
    queueMicrotask(() => {
      if (onError === undefined) throw asThrown(error.reason);
      onError(error.reason);
    });
  }
}

/** Why a task is over by itself. */
export function missedTooMuch(name: string, why: 'overrun' | 'misses'): MoiraiError {
  const what =
    why === 'overrun'
      ? 'a release passed before the tick had ended (onOverrun: stop)'
      : 'more releases missed than maxMisses allows';
  return new MoiraiError('ERR_MOIRAI_DEADLINE_MISSED', `'${name}' was stopped: ${what}`);
}

function phaseStats(
  { measurements, errorNs, rateNs, locked }: PhaseFigures,
  periodUs: number,
): PhaseLockStats {
  const driftPpm = (rateNs / (periodUs * 1000)) * 1e6;
  return { locked, errorUs: errorNs / 1000, driftPpm, measurements };
}

/** Thrown as it is where that is an error. */
function asThrown(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  const message = `a tick threw ${String(reason)}, which is no Error`;
  return new MoiraiError('ERR_MOIRAI_TICK_FAILED', message, { value: reason });
}
