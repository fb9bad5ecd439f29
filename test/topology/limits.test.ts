import { describe, expect, test } from 'vitest';
import { machine, processors, type Files } from './made-machine.js';

const v2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0';
const v1 = [
  'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0',
  'cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0',
].join('\n');

function unified(group: string, quotas: Files): Files {
  return { 'proc/self/mounts': v2, 'proc/self/cgroup': `0::${group}`, ...quotas };
}

describe('effectiveParallelism is max(1, min(allowed, ceil(quota)))', () => {
  const cases: [string, Files, number | undefined, number][] = [
    ['no quota', {}, undefined, 4],
    ['no quota (v2)', unified('/a', { 'sys/fs/cgroup/a/cpu.max': 'max 100000' }), undefined, 4],
    ['0.5 (v2)', unified('/a', { 'sys/fs/cgroup/a/cpu.max': '50000 100000' }), 0.5, 1],
    ['1.5 (v2)', unified('/a', { 'sys/fs/cgroup/a/cpu.max': '150000 100000' }), 1.5, 2],
    [
      'more than there are (v2)',
      unified('/a', { 'sys/fs/cgroup/a/cpu.max': '900000 100000' }),
      9,
      4,
    ],
    [
      'no quota (v1)',
      byController('/a', { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '100000' }),
      undefined,
      4,
    ],
    [
      '0.5 (v1)',
      byController('/a', { 'cpu.cfs_quota_us': '25000', 'cpu.cfs_period_us': '50000' }),
      0.5,
      1,
    ],
    [
      '1.5 (v1)',
      byController('/a', { 'cpu.cfs_quota_us': '75000', 'cpu.cfs_period_us': '50000' }),
      1.5,
      2,
    ],
  ];
  test.each(cases)('with %s', (_, files, quota, parallelism) => {
    const topology = machine(processors(4), files);
    expect(topology.quota).toBe(quota);
    expect(topology.effectiveParallelism).toBe(parallelism);
  });
});

function byController(group: string, files: Files): Files {
  const result: Files = {
    'proc/self/mounts': v1,
    'proc/self/cgroup': `3:cpu,cpuacct:${group}\n2:cpuset:/`,
  };
  for (const [name, value] of Object.entries(files)) {
    result[`sys/fs/cgroup/cpu,cpuacct${group}/${name}`] = value;
  }
  return result;
}

test('of nested quotas the smallest counts, up to the root of the hierarchy', () => {
  const topology = machine(
    processors(8),
    unified('/a/b/c', {
      'sys/fs/cgroup/a/cpu.max': '250000 100000',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000',
      'sys/fs/cgroup/a/b/c/cpu.max': '400000 100000',
    }),
  );
  expect(topology.quota).toBe(2.5);
  expect(topology.effectiveParallelism).toBe(3);
});

test("a group without a cpuset of its own has its nearest parent's", () => {
  const topology = machine(
    processors(4),
    unified('/a/b', {
      'sys/fs/cgroup/a/cpuset.cpus.effective': '1-2',
      'sys/fs/cgroup/a/b/cgroup.procs': '1',
    }),
  );
  expect(topology.allowed).toEqual([1, 2]);
  expect(topology.cpus.map((cpu) => cpu.allowed)).toEqual([false, true, true, false]);
});

test('in the hybrid layout the controller is looked for where it is', () => {
  const topology = machine(processors(4), {
    'proc/self/mounts': `${v1}\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0`,
    'proc/self/cgroup': '5:cpuset:/jobs\n4:cpu,cpuacct:/jobs\n0::/user.slice',
    'sys/fs/cgroup/unified/user.slice/cgroup.procs': '',
    'sys/fs/cgroup/cpuset/jobs/cpuset.cpus': '0,3',
    'sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us': '100000',
    'sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us': '100000',
  });
  expect(topology.allowed).toEqual([0, 3]);
  expect(topology.quota).toBe(1);
});

describe('inside a container', () => {
  const quota = {
    'sys/fs/cgroup/cpu.max': '200000 100000',
    'sys/fs/cgroup/cpuset.cpus.effective': '1-3',
  };

  test("with its own cgroup namespace the mount's top is the group", () => {
    const topology = machine(processors(4), quota, {
      'proc/self/cgroup': '0::/',
      'proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw',
    });
    expect([topology.quota, topology.allowed]).toEqual([2, [1, 2, 3]]);
  });

  test("with the host's path names, the part that is mounted is taken off", () => {
    const topology = machine(processors(4), quota, {
      'proc/self/cgroup': '0::/docker/0123456789ab',
      'proc/self/mountinfo':
        '30 23 0:26 /docker/0123456789ab /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw',
    });
    expect([topology.quota, topology.allowed]).toEqual([2, [1, 2, 3]]);
  });

  test("moved out of its namespace, the mount's top is the nearest group in sight", () => {
    const topology = machine(processors(4), quota, {
      'proc/self/cgroup': '0::/../../other',
      'proc/self/mountinfo': '30 23 0:26 /../.. /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw',
    });
    expect([topology.quota, topology.allowed]).toEqual([2, [1, 2, 3]]);
  });

  test('a mount point with a blank in its name is read', () => {
    const topology = machine(processors(4), {
      'proc/self/cgroup': '0::/a',
      'proc/self/mountinfo': String.raw`30 23 0:26 / /mnt/my\040groups rw - cgroup2 cgroup rw`,
      'mnt/my groups/a/cpu.max': '300000 100000',
    });
    expect(topology.quota).toBe(3);
  });
});

test('cpusets of the old file system, with and without prefix, are read', () => {
  const topology = machine(processors(4), {
    'proc/mounts': 'none /dev/cpuset cpuset rw 0 0',
    'proc/self/cpuset': '/batch',
    'dev/cpuset/batch/cpus': '2',
    'dev/cpuset/batch/mems': '0',
  });
  expect(topology.allowed).toEqual([2]);
});
