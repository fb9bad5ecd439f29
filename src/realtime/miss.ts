// Why a tick missed its deadline: from what the kernel and V8 counted meanwhile to what took how long.

/**
 * - `gc`: V8 collected garbage of the isolate.
 * - `page-fault`: memory had to be brought in.
 * - `preemption`: something else ran on the CPU while the tick did.
 * - `migration`: the thread came to another CPU, with cold caches.
 * - `late-wakeup`: the thread was free and the kernel did not let it run.
 * - `other-tick`: an earlier tick of the thread was not finished.
 * - `long-tick`: the tick itself computed for so long.
 */
export type MissCause =
  | 'gc'
  | 'page-fault'
  | 'preemption'
  | 'migration'
  | 'late-wakeup'
  | 'other-tick'
  | 'long-tick';

/** A tick that ended after its deadline. Times are in microseconds of CLOCK_MONOTONIC. */
export interface Miss {
  /** The name of the task. */
  readonly task: string;
  /** The number of the tick, from 1. */
  readonly tick: number;
  readonly expectedUs: number;
  readonly actualUs: number;
  readonly endUs: number;
  /** By how much it was too late. */
  readonly lateUs: number;
  /** Releases that got no tick because of it. */
  readonly skipped: number;
  /** Where the time went, most of it first; what took less than a tenth of the most is left out. */
  readonly causes: readonly MissCause[];
  /** Of the response, how much garbage collection took. */
  readonly gcUs: number;
  /** CPU time since the end of the tick before. */
  readonly cpuUs: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly preemptions: number;
  /** Where the tick before ended, and where this one did. */
  readonly cpus: readonly [number, number];
}

/** As native/core/realtime/tick_record.h has it; times in ns. */
export interface MissRecord {
  readonly slot: number;
  readonly tick: number;
  readonly release: number;
  readonly begin: number;
  readonly end: number;
  readonly free: number;
  readonly cpuNs: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly preemptions: number;
  readonly cpuBefore: number;
  readonly cpuEnd: number;
  readonly skipped: number;
}

export interface Collection {
  readonly begin: number;
  readonly end: number;
}

/** What a fault without I/O and a cold cache may cost, in ns: by these two are told from the rest. */
const faultNs = 700;
const migrationNs = 30_000;

export function explainMiss(
  task: string,
  deadlineNs: number,
  record: MissRecord,
  collections: readonly Collection[],
): Miss {
  const { release, begin, end, free } = record;
  const gcWithin = (from: number, to: number): number =>
    collections.reduce(
      (sum, gc) => sum + Math.max(0, Math.min(to, gc.end) - Math.max(from, gc.begin)),
      0,
    );
  const gcInTick = gcWithin(begin, end);
  const gc = gcWithin(release, end);
  // The CPU time is since the tick before, so it is at least that of this one.
  const away = Math.max(0, end - begin - Math.max(record.cpuNs, gcInTick));
  const brought = record.majorFaults > 0;
  const minor = record.minorFaults * faultNs;
  const faults = brought ? away + minor : minor;
  const lateWakeup = Math.max(0, begin - free - gcWithin(free, begin));
  const shares: readonly (readonly [MissCause, number])[] = [
    ['gc', gc],
    ['page-fault', faults],
    ['preemption', brought ? 0 : away],
    ['migration', record.cpuBefore === record.cpuEnd ? 0 : migrationNs],
    ['late-wakeup', lateWakeup],
    ['other-tick', Math.max(0, free - release - gcWithin(release, free))],
    ['long-tick', Math.max(0, end - begin - gcInTick - away - minor)],
  ];
  const most = Math.max(...shares.map(([, ns]) => ns));
  const causes = shares
    .filter(([, ns]) => ns > 0 && ns >= most / 10)
    .sort((a, b) => b[1] - a[1])
    .map(([cause]) => cause);
  return {
    task,
    tick: record.tick,
    expectedUs: release / 1000,
    actualUs: begin / 1000,
    endUs: end / 1000,
    lateUs: (end - release - deadlineNs) / 1000,
    skipped: record.skipped,
    causes,
    gcUs: gc / 1000,
    cpuUs: record.cpuNs / 1000,
    minorFaults: record.minorFaults,
    majorFaults: record.majorFaults,
    preemptions: record.preemptions,
    cpus: [record.cpuBefore, record.cpuEnd],
  };
}
