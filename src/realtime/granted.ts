// What a real-time thread has got of what was asked for, and why not the rest.
import { getSystemErrorName } from 'node:util';
import { MoiraiError, type ErrorCode } from '../base/index.js';
import { capabilities, type CapabilityName } from '../capabilities/index.js';
import type { RtConstraints } from './constraints.js';
import type { Asked, KernelPolicy } from './wire.js';

/** A wish of `RealtimeContext.start` that was not granted, or not as far as it was meant. */
export interface RtShortfall {
  readonly what: 'policy' | 'timeSlice' | 'cpu' | 'lock' | 'dmaLatency';
  /** For people: what the kernel said, and how to get it where there is a way. */
  readonly why: string;
  /** The code of the error when it was `required`. */
  readonly code: ErrorCode;
  readonly errno?: number | undefined;
  readonly syscall?: string | undefined;
}

/** A real-time thread as the kernel has it, read back after the asking. Times are in microseconds. */
export interface Granted {
  /** Linux's number of the thread, as `chrt -p` takes it. */
  readonly threadId: number;
  readonly policy: 'other' | 'fifo' | 'round-robin' | 'deadline';
  /** 1 to 99; 0 without one. */
  readonly priority: number;
  /** Of round robin: the machine's. */
  readonly timeSliceUs: number | undefined;
  readonly runtimeUs: number | undefined;
  readonly deadlineUs: number | undefined;
  readonly periodUs: number | undefined;
  /** The CPUs it may run on. */
  readonly cpus: readonly number[];
  /** By how much the kernel may delay wake-ups; without effect on real-time policies. */
  readonly timerSlackNs: number;
  /** Bytes that are locked for it: its stack and what it writes its figures to. */
  readonly lockedBytes: number;
  /** What /dev/cpu_dma_latency was set to for it. */
  readonly dmaLatencyUs: number | undefined;
  readonly degraded: readonly RtShortfall[];
}

const policyNumbers = { fifo: 1, 'round-robin': 2, deadline: 6, 'rate-monotonic': 1 } as const;
const policyNames = new Map<number, Granted['policy']>([
  [1, 'fifo'],
  [2, 'round-robin'],
  [6, 'deadline'],
]);
const EBUSY = 16;
const EPERM = 1;
const EINVAL = 22;

export function kernelPolicy(constraints: RtConstraints): KernelPolicy {
  const policy = policyNumbers[constraints.policy];
  if (constraints.policy !== 'deadline') return [policy, constraints.priority, 0, 0, 0];
  const { runtimeUs, deadlineUs, periodUs } = constraints;
  const ns = (us: number): number => Math.round(us * 1000);
  return [policy, 0, ns(runtimeUs), ns(deadlineUs), ns(periodUs)];
}

/** `shortfalls`: what else was not granted. `cpu`: the one that was asked for. */
export function grantedOf(
  constraints: RtConstraints,
  cpu: number | undefined,
  asked: Asked,
  dmaLatencyUs: number | undefined,
  shortfalls: readonly RtShortfall[],
): Granted {
  const [number = 0, priority = 0, , runtime = 0, deadline = 0, period = 0] = asked.policy;
  const policy = policyNames.get(number) ?? 'other';
  const degraded = [...shortfalls];
  const timeSliceUs = policy === 'round-robin' ? asked.sliceNs / 1000 : undefined;
  if (asked.policyError !== 0) degraded.push(refusedPolicy(constraints, asked));
  if (
    constraints.policy === 'round-robin' &&
    timeSliceUs !== undefined &&
    timeSliceUs !== constraints.timeSliceUs
  ) {
    degraded.push({
      what: 'timeSlice',
      why: `the kernel has one time slice for the whole machine, ${timeSliceUs} us (kernel.sched_rr_timeslice_ms), not ${constraints.timeSliceUs} us`,
      code: 'ERR_MOIRAI_NOT_SUPPORTED',
    });
  }
  if (cpu !== undefined && (asked.cpus.length !== 1 || asked.cpus[0] !== cpu)) {
    const why = `the thread may run on CPUs ${asked.cpus.join(', ')}, not on CPU ${cpu} alone`;
    degraded.push({ what: 'cpu', why, code: 'ERR_MOIRAI_SYSTEM', syscall: 'sched_setaffinity' });
  }
  if (asked.lockError !== 0) degraded.push(refusedLock(asked.lockError));
  const us = (ns: number): number | undefined => (policy === 'deadline' ? ns / 1000 : undefined);
  return Object.freeze({
    threadId: asked.threadId,
    policy,
    priority,
    timeSliceUs,
    runtimeUs: us(runtime),
    deadlineUs: us(deadline),
    periodUs: us(period),
    cpus: asked.cpus,
    timerSlackNs: asked.timerSlackNs,
    lockedBytes: asked.lockedBytes,
    dmaLatencyUs,
    degraded: Object.freeze(degraded),
  });
}

/** The first of them that `required` does not forgive. The time slice is what it is, for everybody. */
export function firstRefusal({ degraded }: Granted): MoiraiError | undefined {
  const first = degraded.find(({ what }) => what !== 'timeSlice');
  if (first === undefined) return undefined;
  const { code, why, errno, syscall } = first;
  return new MoiraiError(code, `${why} (required: false does without)`, { errno, syscall });
}

function refusedPolicy(constraints: RtConstraints, asked: Asked): RtShortfall {
  const errno = asked.policyError;
  const name = getSystemErrorName(-errno);
  const what = `sched_setattr (${constraints.policy}) failed: ${name}`;
  const common = { what: 'policy', errno, syscall: 'sched_setattr' } as const;
  if (errno === EBUSY) {
    const why = `${what}: the kernel's admission has no room for this runtime and period`;
    return { ...common, why, code: 'ERR_MOIRAI_NOT_SCHEDULABLE' };
  }
  if (errno === EINVAL && constraints.policy === 'deadline') {
    const range = 'kernel.sched_deadline_period_min_us to sched_deadline_period_max_us';
    const why = `${what}: the kernel takes periods of ${range}, and runtimes from 1.024 us on`;
    return { ...common, why, code: 'ERR_MOIRAI_NOT_SUPPORTED' };
  }
  const names = {
    fifo: 'fifo',
    'round-robin': 'roundRobin',
    deadline: 'deadline',
    'rate-monotonic': 'fifo',
  } as const;
  const why = explained(what, names[constraints.policy]);
  const pinned = 'a thread that may not run on every CPU cannot have SCHED_DEADLINE';
  const unexplained = constraints.policy === 'deadline' && why === what;
  return {
    ...common,
    why: unexplained ? `${what}: ${pinned}` : why,
    code: errno === EPERM ? 'ERR_MOIRAI_PERMISSION' : 'ERR_MOIRAI_SYSTEM',
  };
}

function refusedLock(errno: number): RtShortfall {
  const why = explained(`mlock failed: ${getSystemErrorName(-errno)}`, 'mlock');
  return { what: 'lock', why, code: 'ERR_MOIRAI_PERMISSION', errno, syscall: 'mlock' };
}

/** With what capabilities() says of it, which costs a few milliseconds: only where something failed. */
export function explained(what: string, name: CapabilityName): string {
  const { reason, fix } = capabilities()[name];
  return [what, reason, fix].filter((part) => part !== undefined).join('; ');
}
