// Options of real-time contexts and their tasks: what is allowed, and what is meant without them.
import type { Transferable } from 'node:worker_threads';
import {
  checkBoolean,
  checkInteger,
  checkModule,
  checkOneOf,
  checkOptions,
  invalidRange,
  invalidType,
} from '../base/index.js';
import { topology } from '../topology/index.js';
import { checkConstraints, checkUs, longestPeriodUs, type RtConstraints } from './constraints.js';
import type { Miss } from './miss.js';
import { checkPhaseLock, type PhaseLockOptions } from './phase-lock.js';
import type { Trip } from './watchdog.js';

/** Far from the kernel's timer interrupt whatever its frequency: docs/decisions/0039. */
const besideKernelTickUs = 500;

/** Options of `RealtimeContext.start`. */
export interface RealtimeOptions {
  /** The module of ticks, as `new URL('./loops.js', import.meta.url)`; or a path, from the working directory. */
  readonly tasks: URL | string;
  /** How the kernel is to schedule the thread. */
  readonly policy: RtConstraints;
  /** The CPU it is born on and bound to. Default: none. Not with `deadline`, which binds none. */
  readonly cpu?: number | undefined;
  /**
   * `exclusive` (default): the thread sleeps to absolute times and does little else; messages, timers and
   * promises get a turn between ticks, some 20 to 40 times a second. `cooperative`: ticks come from a
   * timer in the event loop, and messages and I/O go on as ever.
   */
  readonly mode?: 'cooperative' | 'exclusive' | undefined;
  /**
   * The thread wakes so many microseconds before each release and looks at the clock until then: 0 to 500,
   * default 0. Its ticks begin within a microsecond as often as wake-ups are earlier than that, at the cost of
   * `spinUs` of CPU time each, which counts for the runtime of `deadline` and for `sched_rt_runtime_us`.
   */
  readonly spinUs?: number | undefined;
  /** Locks the thread's stack and its records in memory (mlock). Default true. */
  readonly lockMemory?: boolean | undefined;
  /** Holds /dev/cpu_dma_latency at so many microseconds, for all CPUs of the machine. Default: not. */
  readonly dmaLatencyUs?: number | undefined;
  /** What the kernel refuses is an error (default), or an entry in `granted.degraded`. */
  readonly required?: boolean | undefined;
  /** Of the heap of new objects: the smaller, the shorter its collections. Default 2. */
  readonly youngGenerationMb?: number | undefined;
  /** `workerData` of node:worker_threads in the thread: shared memory, handles of channels, … */
  readonly workerData?: unknown;
  /** Objects in `workerData` that move to the thread instead of being copied, as MessagePorts must. */
  readonly transferList?: readonly Transferable[] | undefined;
}

/** More than `m` of the last `k` releases missed: too many. */
export interface MissBound {
  /** 0 or more. */
  readonly m: number;
  /** 1 to 64. */
  readonly k: number;
}

/** A thread that acts when ticks do not come any more. */
export interface WatchdogOptions<S extends string = string> {
  /**
   * So long after the end of a tick the next one must have ended: a period or more, 1 ms at least. The safe
   * state is called at most a quarter later, and a wake-up of the watchdog's thread.
   */
  readonly timeoutUs: number;
  /**
   * The name of a function of the module, which the watchdog's thread calls, once, with a SafeStateCall: when
   * the time is over, the thread has died, or the task is over by itself. Its module is another instance
   * of the same, with the same `workerData` unless something of it was transferred.
   */
  readonly safeState: S;
  /** Called on the owner's thread afterwards. */
  readonly onTrip?: ((trip: Trip) => void) | undefined;
}

/** Options of `RealtimeContext.periodic`. Times are in microseconds, to the nanosecond. */
export interface PeriodicOptions<S extends string = string> {
  /** 50 µs to an hour. */
  readonly periodUs: number;
  /**
   * Releases are at multiples of the period plus this, on CLOCK_MONOTONIC. Default: 500 µs, or half of a
   * period below a millisecond, since the kernel's own timer interrupt comes at full milliseconds.
   */
  readonly phaseUs?: number | undefined;
  /** Lets the releases follow an outside clock; `{}`: with the usual numbers. Default: they do not. */
  readonly phaseLock?: PhaseLockOptions | undefined;
  /** Worst-case execution time: with it, the task is admitted only where all deadlines can be kept. */
  readonly wcetUs?: number | undefined;
  /**
   * For admission: how long anything that is no task of the context may hold a tick up, as locks and turns of
   * the event loop do. Default 0. What tasks do to each other is known.
   */
  readonly blockingUs?: number | undefined;
  /** For admission: how late after its release the thread may wake up. Default 0. */
  readonly jitterUs?: number | undefined;
  /** From the release to the end of the tick. Default: the period. */
  readonly deadlineUs?: number | undefined;
  /**
   * When a release passes while the tick before it runs: `skip` (default) goes on with the next aligned
   * one, `catch-up` runs late ones one after the other, `stop` ends the task.
   */
  readonly onOverrun?: 'skip' | 'catch-up' | 'stop' | undefined;
  /** How many late ticks `catch-up` keeps; older ones are skipped. Default 10. */
  readonly maxCatchUp?: number | undefined;
  /** The task ends when the bound is broken. Skipped releases are misses. Default: none. */
  readonly maxMisses?: MissBound | undefined;
  /** Called on the owner's thread for each tick that missed its deadline, up to 150 ms later. */
  readonly onMiss?: ((miss: Miss) => void) | undefined;
  /**
   * Watches from another thread, of the next higher priority, looking four times in `timeoutUs`. The task
   * begins when it is watched. Not when the whole process ends. Default: none.
   */
  readonly watchdog?: WatchdogOptions<S> | undefined;
  /**
   * Called on the owner's thread when the task is over by itself: what the tick threw, DEADLINE_MISSED
   * for `stop`, `maxMisses` and a watchdog's `silent`, WORKER_LOST when the thread has died. Default: it is thrown there, as an
   * uncaught exception.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The object itself; what is in it is checked by others. */
export function checkObject<T extends object>(options: T): T {
  if (typeof options === 'object' && options !== null) return options;
  throw invalidType('options', 'an object', options);
}

export interface CheckedContext {
  readonly tasks: string;
  readonly policy: RtConstraints;
  readonly cpu: number | undefined;
  readonly exclusive: boolean;
  readonly spinUs: number;
  readonly lockMemory: boolean;
  readonly dmaLatencyUs: number | undefined;
  readonly required: boolean;
  readonly youngGenerationMb: number;
  readonly workerData: unknown;
  readonly transferList: readonly Transferable[];
}

export function checkRealtimeOptions(options: RealtimeOptions): CheckedContext {
  const given = checkOptions('options', options, [
    'tasks',
    'policy',
    'cpu',
    'mode',
    'spinUs',
    'lockMemory',
    'dmaLatencyUs',
    'required',
    'youngGenerationMb',
    'workerData',
    'transferList',
  ]);
  const policy = checkConstraints('options.policy', given.policy);
  const tasks = checkModule('options.tasks', given.tasks);
  const { cpu, dmaLatencyUs } = given;
  const transferList = given.transferList ?? [];
  if (!Array.isArray(transferList)) {
    throw invalidType('options.transferList', 'an array', transferList);
  }
  for (const [i, item] of transferList.entries()) {
    if (typeof item === 'object' && item !== null) continue;
    throw invalidType(`options.transferList[${i}]`, 'an object that can be transferred', item);
  }
  if (cpu !== undefined) checkCpu(cpu, policy);
  return {
    tasks,
    policy,
    cpu,
    exclusive: checkMode(given.mode),
    spinUs: checkUs('options.spinUs', given.spinUs ?? 0, 0, 500),
    lockMemory: checkBoolean('options.lockMemory', given.lockMemory ?? true),
    dmaLatencyUs:
      dmaLatencyUs === undefined
        ? undefined
        : checkInteger('options.dmaLatencyUs', dmaLatencyUs, 0, 2 ** 31 - 1),
    required: checkBoolean('options.required', given.required ?? true),
    youngGenerationMb: checkInteger(
      'options.youngGenerationMb',
      given.youngGenerationMb ?? 2,
      1,
      1024,
    ),
    workerData: given.workerData,
    transferList,
  };
}

function checkMode(mode: RealtimeOptions['mode']): boolean {
  return (
    checkOneOf('options.mode', mode ?? 'exclusive', ['cooperative', 'exclusive']) === 'exclusive'
  );
}

function checkCpu(cpu: number, policy: RtConstraints): void {
  if (policy.policy === 'deadline') {
    throw invalidRange('options.cpu', 'absent: SCHED_DEADLINE does not go with one CPU', cpu);
  }
  const own = topology().cpus.filter(({ online, allowed }) => online && allowed);
  if (typeof cpu !== 'number') throw invalidType('options.cpu', 'a CPU number', cpu);
  if (own.some(({ id }) => id === cpu)) return;
  const list = own.map(({ id }) => id).join(', ');
  throw invalidRange('options.cpu', `a CPU of this process (${list})`, cpu);
}

export interface CheckedTask {
  readonly watchdog: WatchdogOptions | undefined;
  readonly periodUs: number;
  readonly deadlineUs: number;
  readonly wcetUs: number | undefined;
  readonly blockingUs: number;
  readonly jitterUs: number;
  /** What the phase lock may make of it. */
  readonly shortestPeriodUs: number;
  readonly followsClock: boolean;
  /** As the native loop takes them. */
  readonly numbers: readonly number[];
  readonly onMiss: ((miss: Miss) => void) | undefined;
  readonly onError: ((error: unknown) => void) | undefined;
}

/** `others`: options that the caller checks. */
export function checkPeriodicOptions<O extends PeriodicOptions>(
  options: O,
  others: readonly (keyof O & string)[] = [],
): CheckedTask {
  const given: Partial<PeriodicOptions> = checkOptions('options', options, [
    'periodUs',
    'phaseUs',
    'phaseLock',
    'wcetUs',
    'blockingUs',
    'jitterUs',
    'deadlineUs',
    'onOverrun',
    'maxCatchUp',
    'maxMisses',
    'onMiss',
    'onError',
    'watchdog',
    ...others,
  ]);
  const periodUs = checkUs('options.periodUs', given.periodUs, 50, longestPeriodUs);
  const phaseUs = checkUs(
    'options.phaseUs',
    given.phaseUs ?? Math.min(periodUs / 2, besideKernelTickUs),
    0,
    longestPeriodUs,
  );
  const deadline = given.deadlineUs ?? periodUs;
  const deadlineUs = checkUs('options.deadlineUs', deadline, 1, longestPeriodUs);
  const { wcetUs } = given;
  if (wcetUs !== undefined) checkUs('options.wcetUs', wcetUs, 0.001, deadlineUs);
  const reactions = ['skip', 'catch-up', 'stop'] as const;
  const onOverrun = checkOneOf('options.onOverrun', given.onOverrun ?? 'skip', reactions);
  const catchUp = checkInteger('options.maxCatchUp', given.maxCatchUp ?? 10, 0, 1e6);
  const { m, k } = checkBound(given.maxMisses);
  const ns = (us: number): number => Math.round(us * 1000);
  const lock = checkPhaseLock(given.phaseLock, periodUs);
  return {
    periodUs,
    shortestPeriodUs: periodUs - lock[1] / 1000,
    followsClock: given.phaseLock !== undefined,
    deadlineUs,
    wcetUs,
    blockingUs: checkUs('options.blockingUs', given.blockingUs ?? 0, 0, longestPeriodUs),
    jitterUs: checkUs('options.jitterUs', given.jitterUs ?? 0, 0, longestPeriodUs),
    numbers: [
      ns(periodUs),
      ns(phaseUs),
      ns(deadlineUs),
      reactions.indexOf(onOverrun),
      catchUp,
      m,
      k,
      ...lock,
    ],
    watchdog: checkWatchdog(given.watchdog, periodUs),
    onMiss: checkFunction('options.onMiss', given.onMiss),
    onError: checkFunction('options.onError', given.onError),
  };
}

function checkWatchdog(
  watchdog: WatchdogOptions | undefined,
  periodUs: number,
): WatchdogOptions | undefined {
  if (watchdog === undefined) return undefined;
  const at = 'options.watchdog';
  const given = checkOptions(at, watchdog, ['timeoutUs', 'safeState', 'onTrip']);
  const least = Math.max(1000, periodUs);
  const timeoutUs = checkUs(`${at}.timeoutUs`, given.timeoutUs, least, 2 * longestPeriodUs);
  const { safeState } = given;
  if (typeof safeState !== 'string') {
    throw invalidType(`${at}.safeState`, 'the name of a function of the module', safeState);
  }
  return { timeoutUs, safeState, onTrip: checkFunction(`${at}.onTrip`, given.onTrip) };
}

function checkBound(bound: MissBound | undefined): MissBound {
  if (bound === undefined) return { m: 0, k: 0 };
  const given = checkOptions('options.maxMisses', bound, ['m', 'k']);
  const k = checkInteger('options.maxMisses.k', given.k, 1, 64);
  return { m: checkInteger('options.maxMisses.m', given.m, 0, k - 1), k };
}

function checkFunction<F>(argument: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw invalidType(argument, 'a function', value);
}
