// Roots of machines made of files by the tests themselves.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Path to content; undefined: the file is not there. */
export type Files = Readonly<Record<string, string | undefined>>;

/** Writes the files below a new directory, the later ones over the earlier ones. */
export function rootOf(...parts: readonly Files[]): string {
  const root = mkdtempSync(join(tmpdir(), 'moirai-doctor-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'sys'));
  for (const [path, content] of Object.entries(Object.assign({}, ...parts) as Files)) {
    if (content === undefined) continue;
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${content}\n`);
  }
  return root;
}

const cpu = 'sys/devices/system/cpu';

/** `/proc/self/limits` with these two. */
export function limits(priority: number | string, memory: number | string): Files {
  const row = (name: string, value: number | string): string =>
    `${name.padEnd(26)}${String(value).padEnd(21)}${value}`;
  const rows = [
    row('Limit', 'Soft Limit'),
    row('Max locked memory', memory),
    row('Max realtime priority', priority),
  ];
  return { 'proc/self/limits': rows.join('\n') };
}

/** `/proc/self/status` with these capabilities, as hexadecimal, and allowed CPUs. */
export function status(capabilities: string, cpus: string): Files {
  return {
    'proc/self/status': `Name:\tnode\nCapEff:\t${capabilities}\nCpus_allowed_list:\t${cpus}`,
  };
}

/** Four CPUs without SMT, of which CPU 3 is ready for a loop; nothing is left to be said. */
export const tuned: Files = {
  ...limits(99, 'unlimited'),
  ...status('000001ffffffffff', '0-3'),
  'proc/self/uid_map': '         0          0 4294967295',
  'proc/self/cgroup': '0::/app.slice',
  'proc/self/mountinfo': '30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
  'proc/self/mounts': 'tmpfs /dev/shm tmpfs rw,nosuid,size=1048576k 0 0',
  'proc/cmdline': 'BOOT_IMAGE=/vmlinuz quiet isolcpus=managed_irq,domain,3 nohz_full=3 rcu_nocbs=3',
  'proc/version': 'Linux version 6.10.0-rt14 (gcc) #1 SMP PREEMPT_RT',
  'proc/cpuinfo': 'flags\t\t: fpu tsc',
  'proc/meminfo': 'MemTotal:       8388608 kB',
  'proc/swaps': 'Filename\tType\tSize\tUsed\tPriority',
  'proc/sys/kernel/osrelease': '6.10.0-rt14',
  'proc/sys/kernel/sched_rt_runtime_us': '-1',
  'proc/sys/kernel/sched_rt_period_us': '1000000',
  'proc/sys/kernel/numa_balancing': '0',
  'proc/sys/kernel/watchdog': '0',
  'proc/sys/kernel/timer_migration': '0',
  'proc/sys/vm/overcommit_memory': '0',
  'proc/irq/9/smp_affinity_list': '0-2',
  'proc/irq/9/acpi/x': '',
  'sys/fs/cgroup/app.slice/cpu.max': 'max 100000',
  'sys/kernel/realtime': '1',
  'sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never',
  'sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc',
  'sys/devices/system/clocksource/clocksource0/available_clocksource': 'tsc hpet acpi_pm',
  'sys/devices/system/node/node0/cpulist': '0-1',
  'sys/devices/system/node/node1/cpulist': '2-3',
  [`${cpu}/online`]: '0-3',
  [`${cpu}/isolated`]: '3',
  [`${cpu}/nohz_full`]: '3',
  [`${cpu}/intel_pstate/no_turbo`]: '1',
  [`${cpu}/cpu3/topology/core_cpus_list`]: '3',
  [`${cpu}/cpu3/cpufreq/scaling_governor`]: 'performance',
  [`${cpu}/cpu3/cpuidle/state0/name`]: 'POLL',
  [`${cpu}/cpu3/cpuidle/state0/latency`]: '0',
  [`${cpu}/cpu3/cpuidle/state1/name`]: 'C1',
  [`${cpu}/cpu3/cpuidle/state1/latency`]: '2',
};
