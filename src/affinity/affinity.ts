import { access } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { native } from '../native.js';

/** The kernel's own limit of CPU numbers (NR_CPUS). */
const maxCpu = 8191;

/** The calling thread's affinity: which CPUs the kernel may run it on. */
export interface Affinity {
  /**
   * The CPUs the calling thread may run on, ascending.
   *
   * @throws MoiraiError `ERR_MOIRAI_SYSTEM` when the kernel refuses.
   */
  readonly get: () => number[];
  /**
   * Lets the calling thread run on `cpus` only and returns what was granted: the kernel leaves out,
   * without an error, CPUs that the cpuset does not allow. Threads created later by this one inherit
   * the mask. Does not block.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` unless `cpus` is a non-empty array
   * of CPU numbers; nothing has changed.
   * @throws MoiraiError `ERR_MOIRAI_SYSTEM` with `errno` and `syscall`, for example EINVAL when no
   * CPU of `cpus` is online and in the cpuset.
   */
  readonly set: (cpus: readonly number[]) => number[];
  /**
   * Like {@link Affinity.set} for a while: within the CPUs that this process was given, and with the
   * mask from before restored when the pin is released.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT` for what is not a CPU number of
   * this process's own; nothing has changed.
   * @throws MoiraiError `ERR_MOIRAI_SYSTEM` with `errno` and `syscall`.
   *
   * @example
   * {
   *   using pin = affinity.pin([2, 3]);
   *   new Worker(url); // born on CPU 2 or 3, with its heap there
   * }
   */
  readonly pin: (cpus: readonly number[]) => PinnedAffinity;
}

/** A pin of the thread that made it. Pins may be released in any order. */
export interface PinnedAffinity extends Disposable {
  /** What the kernel granted. */
  readonly cpus: readonly number[];
  /**
   * Restores the mask from before this pin; again does nothing.
   *
   * @throws MoiraiError `ERR_MOIRAI_SYSTEM` when the kernel refuses, as when none of those CPUs is
   * in the cpuset any more.
   */
  release(): void;
}

/** See {@link Affinity}. */
export const affinity: Affinity = {
  get: () => threadMask(),
  set(cpus) {
    const wanted = checkCpus(cpus);
    startThreadPool();
    apply(wanted);
    return threadMask();
  },
  pin(cpus) {
    const wanted = checkCpus(cpus);
    const before = threadMask();
    const given = new Set([...(pins[0]?.before ?? before), ...processCpus()]);
    const foreign = wanted.find((cpu) => !given.has(cpu));
    if (foreign !== undefined) {
      const own = [...given].toSorted((a, b) => a - b).join(', ');
      throw invalidRange('cpus', `among the CPUs given to this process (${own})`, foreign);
    }
    startThreadPool();
    const pin = new Pin(before, isUnrestricted(before));
    try {
      apply(wanted);
    } catch (error) {
      apply(pin.unrestricted ? null : before);
      throw error;
    }
    if (pins.length === 0) native.affinity.rememberProcessMask(before, pin.unrestricted);
    pin.cpus = threadMask();
    pins.push(pin);
    return pin;
  },
};

/** Of this thread, the oldest first. */
const pins: Pin[] = [];

class Pin implements PinnedAffinity {
  cpus: readonly number[] = [];
  before: readonly number[];
  unrestricted: boolean;

  constructor(before: readonly number[], unrestricted: boolean) {
    this.before = before;
    this.unrestricted = unrestricted;
  }

  release(): void {
    const index = pins.indexOf(this);
    if (index < 0) return;
    pins.splice(index, 1);
    const later = pins[index];
    if (later !== undefined) {
      // Not the newest: the mask to go back to passes to the pin made on top of this one.
      later.before = this.before;
      later.unrestricted = this.unrestricted;
      return;
    }
    if (pins.length === 0) native.affinity.forgetProcessMask();
    apply(this.unrestricted ? null : this.before);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

function checkCpus(cpus: unknown): number[] {
  if (!Array.isArray(cpus)) throw invalidType('cpus', 'an array of CPU numbers', cpus);
  if (cpus.length === 0) throw invalidRange('cpus', 'a non-empty array of CPU numbers', cpus);
  return Array.from(cpus, (cpu: unknown, index) => {
    const argument = `cpus[${index}]`;
    if (typeof cpu !== 'number') throw invalidType(argument, 'a CPU number', cpu);
    if (!Number.isInteger(cpu) || cpu < 0 || cpu > maxCpu) {
      throw invalidRange(argument, `a CPU number from 0 to ${maxCpu}`, cpu);
    }
    return cpu;
  });
}

function threadMask(): number[] {
  const mask = native.affinity.getAffinity();
  if (typeof mask === 'number') throw systemError('sched_getaffinity', mask);
  return mask;
}

function processCpus(): readonly number[] {
  const mask = native.affinity.processMask();
  return typeof mask === 'number' ? [] : mask.cpus;
}

/**
 * Whether nothing but the cpuset bounds this thread: then it must go back to "all CPUs", not to the
 * list of today's, or it would not follow when the cpuset grows. Asking for all and reading back is
 * the only way to see it; the next call replaces the mask again.
 */
function isUnrestricted(before: readonly number[]): boolean {
  if (native.affinity.setAffinity(null) !== 0) return false;
  return threadMask().length === before.length;
}

function apply(cpus: readonly number[] | null): void {
  const errno = native.affinity.setAffinity(cpus);
  if (errno !== 0) throw systemError('sched_setaffinity', errno);
}

let poolStarted = false;

/**
 * libuv's pool threads inherit the mask of the thread that first uses the pool, for the life of the
 * process. Using it once before a mask is set keeps file and DNS work off the pinned CPUs.
 */
function startThreadPool(): void {
  if (poolStarted) return;
  poolStarted = true;
  // Not stat or open: those may go through io_uring and start no pool.
  access('/', () => {});
}

function systemError(syscall: string, errno: number): MoiraiError {
  const name = getSystemErrorName(-errno);
  return new MoiraiError('ERR_MOIRAI_SYSTEM', `${syscall} failed: ${name}`, { errno, syscall });
}
