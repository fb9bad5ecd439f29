// Why a tick missed its deadline: from what the kernel and V8 counted meanwhile to what took how long.
//
// A response is split into parts that add up to it: waiting for another tick, for the event loop and for
// the CPU, then the tick itself, of which some was spent off the CPU. Each part gets a name by what was
// counted; off the CPU without anything that accounts for it is `unexplained`, which on a virtual machine
// is mostly the host. What a tick takes always is not why this one was late: only what it computes beyond is
// `long-tick` or, on a CPU that it was moved to, `migration`; the same goes for its wake-up.

/**
 * - `gc`: V8 collected garbage of the isolate.
 * - `page-fault`: memory had to be brought in.
 * - `preemption`: something else ran on the CPU while the tick did.
 * - `migration`: the thread was moved to another CPU, with cold caches.
 * - `late-wakeup`: the thread was free and the kernel did not let it run.
 * - `other-tick`: an earlier tick of the thread was not finished.
 * - `event-loop`: the thread was busy with what the module does beside ticks.
 * - `blocked`: the tick waited by itself: for a lock, for I/O, for Atomics.wait.
 * - `budget`: the runtime of SCHED_DEADLINE was used up.
 * - `throttling`: the share of CPU time was used up that the machine or a control group leaves to real-time
 *   threads, or to ordinary ones by a quota.
 * - `long-tick`: the tick computed for longer than it does otherwise, or than its `wcetUs`.
 * - `unexplained`: it was off the CPU, and nothing that was counted says why.
 */
export type MissCause =
  | 'gc'
  | 'page-fault'
  | 'preemption'
  | 'migration'
  | 'late-wakeup'
  | 'other-tick'
  | 'event-loop'
  | 'blocked'
  | 'budget'
  | 'throttling'
  | 'long-tick'
  | 'unexplained';

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
  /** Microseconds by cause: all of the response but what is usual for the task. */
  readonly partsUs: Readonly<Partial<Record<MissCause, number>>>;
  /** Of the response, how much garbage collection took. */
  readonly gcUs: number;
  /** CPU time of the tick. */
  readonly cpuUs: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** How often it was taken off the CPU, and how often it left it by itself. */
  readonly preemptions: number;
  readonly waits: number;
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
  readonly waits: number;
  readonly loopEnd: number;
  readonly windowCpuNs: number;
  readonly cpuBefore: number;
  readonly cpuEnd: number;
  readonly skipped: number;
}

export interface Collection {
  readonly begin: number;
  readonly end: number;
}

/** How much CPU time the kernel gives a thread in each period. */
export interface CpuLimit {
  readonly cause: 'budget' | 'throttling';
  readonly runtimeNs: number;
  readonly periodNs: number;
}

/** What is known besides the record. */
export interface Evidence {
  readonly collections: readonly Collection[];
  readonly limit: CpuLimit | undefined;
  /** What a page fault without I/O costs, ns. */
  readonly faultNs: number;
  /** For how long a quota held the thread's group off between these times, ns. */
  readonly heldByQuota: (from: number, to: number) => number;
}

/** What moving to another CPU costs at most: being taken off one, and filling the other's caches. */
const mostOfMigrationNs = 1_000_000;
/** So much of a limit used up is all of it: the kernel counts interrupts too, and samples are coarse. */
const usedUp = 0.9;

/** What a tick takes when nothing is wrong, ns. */
export interface Usual {
  readonly wakeupNs: number;
  readonly computeNs: number;
}

export function explainMiss(
  task: string,
  deadlineNs: number,
  usual: Usual,
  record: MissRecord,
  evidence: Evidence,
): Miss {
  const { release, begin, end } = record;
  const parts = [...partsOf(record, deadlineNs, usual, evidence)]
    .filter(([, ns]) => ns > 0)
    .sort((a, b) => b[1] - a[1]);
  const most = parts[0]?.[1] ?? 0;
  return {
    task,
    tick: record.tick,
    expectedUs: release / 1000,
    actualUs: begin / 1000,
    endUs: end / 1000,
    lateUs: (end - release - deadlineNs) / 1000,
    skipped: record.skipped,
    causes: parts.filter(([, ns]) => ns >= most / 10).map(([cause]) => cause),
    partsUs: Object.fromEntries(parts.map(([cause, ns]) => [cause, ns / 1000])),
    gcUs: within(evidence.collections, release, end) / 1000,
    cpuUs: record.cpuNs / 1000,
    minorFaults: record.minorFaults,
    majorFaults: record.majorFaults,
    preemptions: record.preemptions,
    waits: record.waits,
    cpus: [record.cpuBefore, record.cpuEnd],
  };
}

function partsOf(
  record: MissRecord,
  deadlineNs: number,
  usual: Usual,
  evidence: Evidence,
): Map<MissCause, number> {
  const { release, begin, end, free } = record;
  const { collections, limit, faultNs } = evidence;
  const parts = new Map<MissCause, number>();
  const add = (cause: MissCause, ns: number): void => {
    parts.set(cause, (parts.get(cause) ?? 0) + Math.max(0, ns));
  };
  const without = (from: number, to: number): number =>
    Math.max(0, to - from - within(collections, from, to));

  add('gc', within(collections, release, begin));
  add('other-tick', without(release, free));
  const idle = Math.min(begin, Math.max(free, record.loopEnd));
  add('event-loop', without(free, idle));
  let waiting = without(idle, begin);

  const reached = limit !== undefined && record.windowCpuNs >= limit.runtimeNs * usedUp;
  const collected = within(collections, begin, end);
  const cpuNs = Math.min(end - begin, record.cpuNs);
  const off = end - begin - cpuNs;
  // A collection waits for its helpers, off the CPU. Where the thread was taken off it, that was not the
  // collection's doing, also during one. With one of each it is anybody's guess.
  const { preemptions, waits } = record;
  const byHelpers = collected >= off ? waits : waits - 1;
  const taken = reached || (preemptions > 0 && preemptions > byHelpers);
  const gc = taken ? Math.min(collected, cpuNs) : collected;
  let away = taken ? off : Math.max(0, off - collected);
  const computed = end - begin - gc - away;
  add('gc', gc);

  if (reached) {
    add(limit.cause, waiting + away);
    waiting = away = 0;
  }
  const held = Math.min(waiting + away, evidence.heldByQuota(release, end));
  add('throttling', held);
  const waitingHeld = Math.min(waiting, held);
  // What is usual is no reason as far as it fits into the deadline.
  const excused = Math.min(usual.computeNs, deadlineNs);
  add('late-wakeup', waiting - waitingHeld - Math.min(usual.wakeupNs, deadlineNs - excused));
  away -= held - waitingHeld;

  const minor = Math.min(computed, record.minorFaults * faultNs);
  const moved = record.cpuBefore !== record.cpuEnd;
  const more = Math.max(0, computed - minor - usual.computeNs);
  const cold = moved ? Math.min(more, mostOfMigrationNs) : 0;
  add('page-fault', minor);
  add('migration', cold);
  add('long-tick', computed - minor - excused - cold);
  add(awayBy(record, away, moved, collected > 0), away);
  return parts;
}

function awayBy(record: MissRecord, away: number, moved: boolean, collected: boolean): MissCause {
  const { majorFaults, preemptions, waits } = record;
  if (majorFaults > 0) return 'page-fault';
  // What waited may have been a collection.
  const waited = waits >= Math.max(1, preemptions);
  if (waited && !(collected && preemptions > 0)) return 'blocked';
  if (preemptions === 0) return 'unexplained';
  // Whoever is moved while it runs is taken off its CPU once, by the kernel's own thread.
  return moved && preemptions === 1 && away <= mostOfMigrationNs ? 'migration' : 'preemption';
}

function within(collections: readonly Collection[], from: number, to: number): number {
  return collections.reduce(
    (sum, gc) => sum + Math.max(0, Math.min(to, gc.end) - Math.max(from, gc.begin)),
    0,
  );
}
