// Every check, over machines made of files: one that lacks nothing, and for each thing one that lacks it.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { capabilities } from 'moirai';
import { examine, type Finding, type Fix } from 'moirai/doctor';
import { captureFolder, captures, withCapture } from '../topology/captured-machines.js';
import { limits, rootOf, status, tuned, type Files } from './made-root.js';

const cpu = 'sys/devices/system/cpu';
const containing = (text: string): string => expect.stringContaining(text) as string;

function findingsOf(files: Files, chosen?: number): Map<string, Finding> {
  const { findings } = examine({ root: rootOf(tuned, files), cpu: chosen });
  return new Map(findings.map((finding) => [finding.name, finding]));
}

test('a machine that was tuned lacks nothing, and is not told what to do', () => {
  const { cpu: chosen, kernel, findings } = examine({ root: rootOf(tuned) });
  expect(chosen).toBe(3); // the isolated one
  expect(kernel).toBe('6.10.0-rt14');
  expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
  expect(findings.filter(({ fix }) => fix !== undefined)).toEqual([]);
  expect(new Set(findings.map(({ name }) => name)).size).toBe(findings.length);
});

test('of a machine of which nothing is known nothing is said to be missing but where files may be', () => {
  const { findings } = examine({ root: rootOf({}) });
  expect(findings.filter(({ state }) => state === 'improvable')).toEqual([]);
  const well = findings.filter(({ state }) => state === 'ok').map(({ name }) => name);
  expect(well).toEqual(['NUMA balancing', 'Node']);
});

type Case = readonly [
  what: string,
  name: string,
  files: Files,
  state: Finding['state'],
  fix: Fix | undefined,
];

const noCapabilities = status('0000000000000000', '0-3');

const cases: readonly Case[] = [
  [
    'neither the limit nor the capability',
    'real-time priority',
    { ...noCapabilities, ...limits(0, 'unlimited') },
    'missing',
    { now: 'sudo prlimit --pid $$ --rtprio=99:99', unit: 'LimitRTPRIO=99' },
  ],
  [
    'a limit below the threads of interrupts',
    'real-time priority',
    { ...noCapabilities, ...limits(20, 'unlimited') },
    'improvable',
    { unit: 'LimitRTPRIO=99' },
  ],
  [
    'a limit that is enough',
    'real-time priority',
    { ...noCapabilities, ...limits(90, 'unlimited') },
    'ok',
    undefined,
  ],
  [
    'the capability in a user namespace, where it is worth nothing',
    'real-time priority',
    { ...limits(0, 'unlimited'), 'proc/self/uid_map': '0 1000 1' },
    'missing',
    {},
  ],
  [
    'no CAP_SYS_NICE',
    'deadline scheduling',
    noCapabilities,
    'improvable',
    { unit: 'AmbientCapabilities=CAP_SYS_NICE', docker: '--cap-add SYS_NICE' },
  ],
  [
    'a part of the CPUs',
    'deadline scheduling',
    status('000001ffffffffff', '1-3'),
    'improvable',
    { words: containing('root cpuset') },
  ],
  [
    '64 KiB',
    'locked memory',
    { ...noCapabilities, ...limits(99, 65_536) },
    'missing',
    { unit: 'LimitMEMLOCK=infinity', docker: '--ulimit memlock=-1' },
  ],
  [
    '8 MiB',
    'locked memory',
    { ...noCapabilities, ...limits(99, 8_388_608) },
    'improvable',
    { now: 'sudo prlimit --pid $$ --memlock=unlimited:unlimited' },
  ],
  [
    'a group of version 1 without budget',
    'real-time budget',
    {
      'proc/self/cgroup': '1:cpu:/a/b',
      'proc/self/mountinfo': '30 20 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
      'sys/fs/cgroup/cpu/cpu.rt_runtime_us': '950000',
      'sys/fs/cgroup/cpu/a/cpu.rt_runtime_us': '0',
      'sys/fs/cgroup/cpu/a/b/cpu.rt_runtime_us': '0',
    },
    'missing',
    {
      now:
        'echo 100000 | sudo tee /sys/fs/cgroup/cpu/a/cpu.rt_runtime_us && ' +
        'echo 100000 | sudo tee /sys/fs/cgroup/cpu/a/b/cpu.rt_runtime_us',
    },
  ],
  [
    'cpu.max of version 2',
    'CPU quota',
    { 'sys/fs/cgroup/app.slice/cpu.max': '150000 100000' },
    'improvable',
    { now: 'echo max | sudo tee /sys/fs/cgroup/app.slice/cpu.max', unit: 'CPUQuota=' },
  ],
  [
    'cfs_quota of version 1',
    'CPU quota',
    {
      'proc/self/cgroup': '1:cpu:/a',
      'proc/self/mountinfo': '30 20 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
      'sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '50000',
      'sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000',
    },
    'improvable',
    { now: 'echo -1 | sudo tee /sys/fs/cgroup/cpu/a/cpu.cfs_quota_us' },
  ],
  [
    'a kernel that can be switched and was not',
    'preemption',
    {
      'sys/kernel/realtime': undefined,
      'proc/version': 'Linux version 6.10.0 (gcc) #1 SMP PREEMPT_DYNAMIC',
      'sys/kernel/debug/sched/preempt': 'none (voluntary) full',
    },
    'improvable',
    { now: 'echo full | sudo tee /sys/kernel/debug/sched/preempt', boot: 'preempt=full' },
  ],
  [
    'full preemption',
    'preemption',
    { 'sys/kernel/realtime': undefined, 'proc/version': 'Linux version 6.10.0 #1 SMP PREEMPT x' },
    'improvable',
    { keep: containing('linux-image-rt-') },
  ],
  [
    'a kernel before 6.12 that throttles',
    'real-time throttling',
    { 'proc/sys/kernel/sched_rt_runtime_us': '950000' },
    'improvable',
    { now: 'sudo sysctl -w kernel.sched_rt_runtime_us=-1' },
  ],
  [
    'a kernel since 6.12, whose fair server takes its share whatever the sysctl says',
    'real-time throttling',
    {
      'proc/sys/kernel/osrelease': '6.12.9',
      'sys/kernel/debug/sched/fair_server/cpu3/runtime': '50000000',
    },
    'improvable',
    { now: 'echo 0 | sudo tee /sys/kernel/debug/sched/fair_server/cpu3/runtime' },
  ],
  [
    'no time for real-time threads at all',
    'real-time throttling',
    { 'proc/sys/kernel/sched_rt_runtime_us': '0' },
    'missing',
    { now: 'sudo sysctl -w kernel.sched_rt_runtime_us=950000' },
  ],
  [
    'a slow source although there is a better one',
    'clock source',
    { 'sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet' },
    'improvable',
    { boot: 'clocksource=tsc' },
  ],
  [
    'milliseconds',
    'clock source',
    {
      'sys/devices/system/clocksource/clocksource0/current_clocksource': 'jiffies',
      'sys/devices/system/clocksource/clocksource0/available_clocksource': 'jiffies',
    },
    'missing',
    { boot: 'tsc=reliable' },
  ],
  [
    'on with two nodes',
    'NUMA balancing',
    { 'proc/sys/kernel/numa_balancing': '1' },
    'improvable',
    { now: 'sudo sysctl -w kernel.numa_balancing=0' },
  ],
  [
    'on with one node',
    'NUMA balancing',
    { 'proc/sys/kernel/numa_balancing': '1', 'sys/devices/system/node/node1/cpulist': undefined },
    'ok',
    undefined,
  ],
  [
    'on every CPU',
    'lockup detector',
    { 'proc/sys/kernel/watchdog': '1', 'proc/sys/kernel/watchdog_cpumask': '0-3' },
    'improvable',
    { now: 'sudo sysctl -w kernel.watchdog_cpumask=0-2', boot: 'nowatchdog' },
  ],
  [
    'on the other CPUs',
    'lockup detector',
    { 'proc/sys/kernel/watchdog': '1', 'proc/sys/kernel/watchdog_cpumask': '0-2' },
    'ok',
    undefined,
  ],
  [
    'on, and the CPU isolated',
    'timer migration',
    { 'proc/sys/kernel/timer_migration': '1' },
    'ok',
    undefined,
  ],
  [
    'on, and the CPU not isolated',
    'timer migration',
    { 'proc/sys/kernel/timer_migration': '1', [`${cpu}/isolated`]: '' },
    'improvable',
    { now: 'sudo sysctl -w kernel.timer_migration=0' },
  ],
  [
    'not isolated',
    'isolation',
    { [`${cpu}/isolated`]: '' },
    'improvable',
    { boot: 'isolcpus=managed_irq,domain,3' },
  ],
  [
    'in an isolated partition',
    'isolation',
    { [`${cpu}/isolated`]: '', 'sys/fs/cgroup/cpuset.cpus.isolated': '3' },
    'ok',
    undefined,
  ],
  [
    'not in nohz_full',
    'scheduler tick',
    { [`${cpu}/nohz_full`]: '(null)' },
    'improvable',
    { boot: 'nohz_full=3' },
  ],
  [
    'no CONFIG_NO_HZ_FULL',
    'scheduler tick',
    { [`${cpu}/nohz_full`]: undefined },
    'improvable',
    { words: containing('CONFIG_NO_HZ_FULL') },
  ],
  [
    'neither rcu_nocbs nor nohz_full',
    'RCU callbacks',
    { 'proc/cmdline': 'quiet', [`${cpu}/nohz_full`]: undefined },
    'improvable',
    { boot: 'rcu_nocbs=3' },
  ],
  [
    'rcu_nocbs=all',
    'RCU callbacks',
    { 'proc/cmdline': 'rcu_nocbs=all', [`${cpu}/nohz_full`]: undefined },
    'ok',
    undefined,
  ],
  [
    'two on the CPU, and one that nobody handles',
    'interrupts',
    {
      'proc/irq/24/effective_affinity_list': '3',
      'proc/irq/24/smp_affinity_list': '0-3',
      'proc/irq/24/nvme0q1/x': '',
      'proc/irq/25/smp_affinity_list': '0-3',
      'proc/irq/25/eth0/x': '',
      'proc/irq/26/smp_affinity_list': '0-3',
    },
    'improvable',
    {
      now: 'for irq in 24 25; do echo 0-2 | sudo tee /proc/irq/$irq/smp_affinity_list; done',
      boot: 'irqaffinity=0-2',
    },
  ],
  [
    'one that is elsewhere in effect',
    'interrupts',
    {
      'proc/irq/24/effective_affinity_list': '1',
      'proc/irq/24/smp_affinity_list': '0-3',
      'proc/irq/24/eth0/x': '',
    },
    'ok',
    undefined,
  ],
  [
    'a sibling that is online',
    'SMT sibling',
    { [`${cpu}/cpu3/topology/core_cpus_list`]: '1,3' },
    'improvable',
    { now: 'echo 0 | sudo tee /sys/devices/system/cpu/cpu1/online', boot: 'nosmt' },
  ],
  [
    'a sibling that is offline, as a mask',
    'SMT sibling',
    {
      [`${cpu}/cpu3/topology/core_cpus_list`]: undefined,
      [`${cpu}/cpu3/topology/thread_siblings`]: '00000000,00000088',
    },
    'ok',
    undefined,
  ],
  [
    'powersave',
    'frequency governor',
    { [`${cpu}/cpu3/cpufreq/scaling_governor`]: 'powersave' },
    'improvable',
    {
      now: 'echo performance | sudo tee /sys/devices/system/cpu/cpu3/cpufreq/scaling_governor',
      boot: 'cpufreq.default_governor=performance',
    },
  ],
  [
    'a virtual machine',
    'frequency governor',
    {
      [`${cpu}/cpu3/cpufreq/scaling_governor`]: undefined,
      'proc/cpuinfo': 'flags\t\t: fpu hypervisor tsc',
    },
    'unknown',
    undefined,
  ],
  [
    'on, of intel_pstate',
    'turbo',
    { [`${cpu}/intel_pstate/no_turbo`]: '0' },
    'improvable',
    { now: 'echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo' },
  ],
  [
    'on, of another driver',
    'turbo',
    { [`${cpu}/intel_pstate/no_turbo`]: undefined, [`${cpu}/cpufreq/boost`]: '1' },
    'improvable',
    { now: 'echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost' },
  ],
  [
    'a deep state, and no device to forbid it',
    'idle states',
    { [`${cpu}/cpu3/cpuidle/state2/name`]: 'C6', [`${cpu}/cpu3/cpuidle/state2/latency`]: '133' },
    'improvable',
    { now: 'sudo setfacl -m u:$USER:rw /dev/cpu_dma_latency' },
  ],
  [
    'a deep state, and the device',
    'idle states',
    {
      [`${cpu}/cpu3/cpuidle/state2/name`]: 'C6',
      [`${cpu}/cpu3/cpuidle/state2/latency`]: '133',
      'dev/cpu_dma_latency': '',
    },
    'ok',
    undefined,
  ],
  [
    'a deep state that is turned off',
    'idle states',
    {
      [`${cpu}/cpu3/cpuidle/state2/name`]: 'C6',
      [`${cpu}/cpu3/cpuidle/state2/latency`]: '133',
      [`${cpu}/cpu3/cpuidle/state2/disable`]: '1',
    },
    'ok',
    undefined,
  ],
  [
    'always',
    'transparent huge pages',
    { 'sys/kernel/mm/transparent_hugepage/enabled': '[always] madvise never' },
    'improvable',
    { now: 'echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled' },
  ],
  [
    'a partition',
    'swap',
    { 'proc/swaps': 'Filename\tType\n/dev/sda2 partition 1 0 -2' },
    'improvable',
    { now: 'sudo swapoff -a', unit: 'MemorySwapMax=0' },
  ],
  [
    'a partition that this group may not use',
    'swap',
    {
      'proc/swaps': 'Filename\tType\n/dev/sda2 partition 1 0 -2',
      'sys/fs/cgroup/app.slice/memory.swap.max': '0',
    },
    'ok',
    undefined,
  ],
  [
    'the 64 MiB of Docker',
    'shared memory',
    { 'proc/self/mounts': 'shm /dev/shm tmpfs rw,size=65536k 0 0' },
    'improvable',
    { now: 'sudo mount -o remount,size=1G /dev/shm', docker: '--shm-size=1g' },
  ],
  [
    'no /dev/shm',
    'shared memory',
    { 'proc/self/mounts': 'proc /proc proc rw 0 0' },
    'missing',
    { docker: '--shm-size=1g' },
  ],
  [
    'a tmpfs of the size that is usual',
    'shared memory',
    { 'proc/self/mounts': 'tmpfs /dev/shm tmpfs rw 0 0' },
    'ok',
    undefined,
  ],
  [
    'strict accounting',
    'overcommit',
    { 'proc/sys/vm/overcommit_memory': '2' },
    'improvable',
    { now: 'sudo sysctl -w vm.overcommit_memory=0' },
  ],
];

describe('each prerequisite', () => {
  test.each(cases)('%s: %s', (_what, name, files, state, fix) => {
    const finding = findingsOf(files, 3).get(name);
    expect(finding?.state, finding?.found).toBe(state);
    expect(finding !== undefined && 'fix' in finding).toBe(fix !== undefined);
    expect(finding?.fix ?? {}).toMatchObject(fix ?? {});
    expect(finding?.why).toMatch(/^[A-Z][^\n]+\.$/u);
  });

  test('all of them have been here', () => {
    const tested = new Set(cases.map(([, name]) => name));
    const names = [...findingsOf({}).keys()];
    const others = names.filter((name) => !tested.has(name));
    expect(others).toEqual(['cpuset', 'Node']);
  });
});

describe('the CPU', () => {
  test('is the last that is allowed where none is isolated', () => {
    const files = { [`${cpu}/isolated`]: '', ...status('0', '0-2') };
    expect(examine({ root: rootOf(tuned, files) }).cpu).toBe(2);
  });

  test('that the process may not use is missing, and how to get it is told', () => {
    const finding = findingsOf(status('000001ffffffffff', '0-1'), 3).get('cpuset');
    expect(finding?.state).toBe('missing');
    expect(finding?.fix?.unit).toBe('AllowedCPUs=0-3');
  });

  test('that is not online is refused, naming those that are', () => {
    expect(() => examine({ root: rootOf(tuned), cpu: 4 })).toThrow(
      expect.objectContaining({
        code: 'ERR_MOIRAI_INVALID_ARGUMENT',
        message: containing('0-3'),
      }),
    );
  });

  test('that is the only one is not told to have others', () => {
    const files = {
      [`${cpu}/online`]: '0',
      [`${cpu}/isolated`]: '',
      [`${cpu}/nohz_full`]: '',
      ...status('0', '0'),
      'proc/sys/kernel/watchdog': '1',
      'proc/irq/24/smp_affinity_list': '0',
      'proc/irq/24/eth0/x': '',
    };
    const findings = findingsOf(files);
    for (const name of ['isolation', 'scheduler tick', 'interrupts']) {
      expect(findings.get(name)?.fix).toEqual({ words: containing('second CPU') });
    }
    expect(findings.get('lockup detector')?.fix?.now).toBe('sudo sysctl -w kernel.watchdog=0');
  });
});

describe('what the kernel answered', () => {
  const refused = (cause: 'cgroup' | 'capability') =>
    ({ state: 'refused', cause, reason: 'because', fix: 'like this' }) as const;

  test('goes before what files suggest', () => {
    const probes = { ...capabilities(), fifo: refused('cgroup'), mlock: refused('capability') };
    const { findings } = examine({ root: rootOf(tuned), probes });
    const byName = new Map(findings.map((finding) => [finding.name, finding]));
    expect(byName.get('real-time priority')).toMatchObject({
      state: 'missing',
      found: 'because',
      fix: { words: 'like this' },
    });
    expect(byName.get('locked memory')).toMatchObject({
      state: 'missing',
      fix: { unit: 'LimitMEMLOCK=infinity' },
    });
  });

  test('and an addon that does not load are findings too', () => {
    const { findings } = examine({ root: rootOf(tuned), addonError: 'no such file' });
    expect(findings.at(-1)).toMatchObject({
      name: 'addon',
      state: 'missing',
      found: 'no such file',
    });
  });
});

test('a Node older than package.json wants is missing, and that one is not', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const wanted = (JSON.parse(text) as { engines: { node: string } }).engines.node.slice(2);
  const [major, minor] = wanted.split('.').map(Number);
  const stateOf = (node: string): string | undefined =>
    examine({ root: rootOf(tuned), node }).findings.find(({ name }) => name === 'Node')?.state;
  expect(stateOf(`${wanted}.0`)).toBe('ok');
  expect(stateOf(`${major}.${(minor ?? 0) - 1}.9`)).toBe('missing');
  expect(stateOf(`${(major ?? 0) + 1}.0.0`)).toBe('ok');
});

test('what is no root, no CPU or no option is refused', () => {
  const invalid = expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' }) as Error;
  expect(() => examine({ root: '/nowhere' })).toThrow(invalid);
  expect(() => examine({ cpu: '1' as unknown as number })).toThrow(invalid);
  expect(() => examine({ cpus: 1 } as object)).toThrow(invalid);
});

test('this machine is examined without native code, and CPUs agree with the kernel', () => {
  const { cpu: chosen, findings } = examine();
  const text = readFileSync('/proc/self/status', 'utf8');
  expect(text).toMatch(/^Cpus_allowed_list:/mu);
  expect(Number.isInteger(chosen)).toBe(true);
  expect(findings.length).toBeGreaterThan(20);
  for (const { found, why } of findings)
    expect(`${found}${why}`).not.toMatch(/undefined|NaN|null/u);
});

if (captures.length === 0) console.log(`there are no captured machines in ${captureFolder}`);
describe.skipIf(captures.length === 0)('a captured machine', () => {
  test.each(captures)('%s can be examined', (archive) => {
    withCapture(archive, (root) => {
      const { findings } = examine({ root });
      for (const { name, found, fix } of findings) {
        expect(`${found}${JSON.stringify(fix)}`, name).not.toMatch(/undefined\/|NaN|null/u);
      }
    });
  });
});
