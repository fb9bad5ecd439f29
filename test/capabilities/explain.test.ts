// Every cause, from made-up answers of the kernel.
import { describe, expect, test } from 'vitest';
import type { Capability, CapabilityName } from 'moirai';
import { explain } from '../../dist/capabilities/explain.js';
import { rules } from '../../dist/capabilities/rules.js';
import type { Evidence } from '../../dist/capabilities/evidence.js';

const [EPERM, EACCES, ENOENT, EBUSY, EINVAL, ENOMEM, ENOSYS] = [1, 13, 2, 16, 22, 12, 38];
const SYS_NICE = 1n << 23n;

const plain: Evidence = {
  capabilities: 0n,
  userNamespace: false,
  seccomp: false,
  limits: new Map([
    ['RLIMIT_RTPRIO', 0],
    ['RLIMIT_MEMLOCK', 8 * 2 ** 20],
  ]),
  groupRuntimeUs: undefined,
  group: undefined,
  globalRuntimeUs: 950_000,
  kernel: [6, 12],
  numa: true,
  memoryNodes: 1,
  transparentHugePages: 'madvise',
  sharedMemoryBytes: 2 ** 30,
};

interface Answer {
  errno: number;
  control?: number;
  signal?: number;
}

function meaning(name: Exclude<CapabilityName, 'numa'>, answer: Answer, evidence = {}): Capability {
  const probe = { name, control: EINVAL, signal: 0, value: 0, ...answer };
  return explain(rules[name], probe, { ...plain, ...evidence });
}

describe('what an answer means', () => {
  const cases: [string, Capability, Partial<Capability>][] = [
    ['success', meaning('mbind', { errno: 0 }), { state: 'available' }],
    [
      'EPERM without the capability',
      meaning('fifo', { errno: EPERM }),
      { state: 'refused', cause: 'capability' },
    ],
    [
      'EPERM with a capability that only a user namespace gave',
      meaning('fifo', { errno: EPERM }, { capabilities: SYS_NICE, userNamespace: true }),
      { cause: 'capability', reason: expect.stringContaining('user namespace') as string },
    ],
    [
      'EPERM in a group without real-time budget',
      meaning('fifo', { errno: EPERM }, { capabilities: SYS_NICE, groupRuntimeUs: 0, group: '/g' }),
      { cause: 'cgroup', fix: expect.stringContaining('/g/cpu.rt_runtime_us') as string },
    ],
    [
      'EPERM for nonsense arguments too',
      meaning('fifo', { errno: EPERM, control: EPERM }, { capabilities: SYS_NICE, seccomp: true }),
      { cause: 'seccomp' },
    ],
    [
      'ENOSYS from a kernel that has the call, under a filter',
      meaning('futexWaitv', { errno: ENOSYS, control: ENOSYS }, { seccomp: true }),
      { cause: 'seccomp' },
    ],
    [
      'ENOSYS from a kernel that is too old, under a filter',
      meaning('futexWaitv', { errno: ENOSYS, control: ENOSYS }, { seccomp: true, kernel: [5, 10] }),
      { cause: 'kernel', fix: expect.stringContaining('5.16') as string },
    ],
    [
      'ENOSYS from a kernel without NUMA',
      meaning('mbind', { errno: ENOSYS, control: ENOSYS }, { seccomp: true, numa: false }),
      { cause: 'kernel', fix: expect.stringContaining('CONFIG_NUMA') as string },
    ],
    [
      'ENOSYS without a filter',
      meaning('mbind', { errno: ENOSYS, control: ENOSYS }),
      { cause: 'kernel' },
    ],
    ['SIGSYS', meaning('mbind', { errno: -1, signal: 31 }), { state: 'refused', cause: 'seccomp' }],
    ['another signal', meaning('mbind', { errno: -1, signal: 11 }), { state: 'unknown' }],
    [
      'EINVAL for a young policy',
      meaning('weightedInterleave', { errno: EINVAL }),
      { cause: 'kernel' },
    ],
    ['EBUSY for a deadline', meaning('deadline', { errno: EBUSY }), { cause: 'resources' }],
    [
      'EPERM for a deadline with the capability',
      meaning('deadline', { errno: EPERM }, { capabilities: SYS_NICE }),
      { cause: 'cgroup', reason: expect.stringContaining('cpuset') as string },
    ],
    ['EPERM for mlock', meaning('mlock', { errno: EPERM }), { cause: 'rlimit' }],
    ['ENOMEM for mlock', meaning('mlock', { errno: ENOMEM }), { cause: 'rlimit' }],
    [
      'a small limit for mlock',
      meaning('mlock', { errno: 0 }),
      { state: 'degraded', cause: 'rlimit' },
    ],
    [
      'a low limit of priorities',
      meaning('fifo', { errno: 0 }, { limits: new Map([['RLIMIT_RTPRIO', 10]]) }),
      { state: 'degraded', cause: 'rlimit', reason: expect.stringContaining('up to 10') as string },
    ],
    [
      'a machine without real-time bandwidth',
      meaning('deadline', { errno: 0 }, { globalRuntimeUs: 0 }),
      { state: 'degraded', cause: 'kernel' },
    ],
    [
      'ENOMEM for huge pages',
      meaning('hugePages', { errno: ENOMEM, control: 0 }),
      { cause: 'resources' },
    ],
    [
      'transparent huge pages turned off',
      meaning('transparentHugePages', { errno: 0, control: 0 }, { transparentHugePages: 'never' }),
      { state: 'refused', cause: 'kernel' },
    ],
    ['no device', meaning('dmaLatency', { errno: ENOENT, control: 0 }), { cause: 'platform' }],
    [
      'a closed device',
      meaning('dmaLatency', { errno: EACCES, control: 0 }),
      { cause: 'permission' },
    ],
    [
      'a small /dev/shm',
      meaning('sharedMemory', { errno: 0, control: 0 }, { sharedMemoryBytes: 2 ** 26 }),
      { state: 'degraded', cause: 'resources' },
    ],
  ];
  test.each(cases)('%s', (_, actual, expected) => {
    expect(actual).toMatchObject(expected);
    expect(actual.state === 'available' || (actual.reason ?? '') !== '').toBe(true);
  });
});
