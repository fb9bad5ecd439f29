// How the kernel was built and set: what it may do while the loop wants to run.
import { findCgroups } from '../topology/cgroups.js';
import {
  improvable,
  missing,
  ok,
  sysctl,
  unknown,
  write,
  type Check,
  type Verdict,
} from './check.js';
import { listOf, type Machine } from './machine.js';

const preemptFile = '/sys/kernel/debug/sched/preempt';

function lookAtPreemption({ files, parameters }: Machine): Verdict {
  const version = files.text('/proc/version');
  if (files.integer('/sys/kernel/realtime') === 1 || /\bPREEMPT[_ ]RT\b/.test(version ?? '')) {
    return ok('PREEMPT_RT');
  }
  if (version === undefined) return unknown('no /proc/version');
  const install = 'sudo apt install linux-image-rt-$(dpkg --print-architecture)';
  const dynamic = version.includes('PREEMPT_DYNAMIC');
  const chosen =
    /\((\w+)\)/.exec(files.text(preemptFile) ?? '')?.[1] ??
    (dynamic ? parameters.get('preempt') : undefined);
  if (dynamic && chosen !== 'full') {
    const which = chosen ?? 'which model is not readable without debugfs';
    return improvable(`PREEMPT_DYNAMIC, ${which}`, {
      now: write('full', preemptFile),
      boot: 'preempt=full',
      keep: install,
    });
  }
  if (dynamic || /\bPREEMPT\b/.test(version))
    return improvable('full, not PREEMPT_RT', { keep: install });
  return improvable('voluntary or none', { keep: install });
}

/** What of each second is kept from a thread that never sleeps: until 6.12 and since are two mechanisms. */
function lookAtThrottling({ files, cpu, since }: Machine): Verdict {
  const runtime = files.integer('/proc/sys/kernel/sched_rt_runtime_us');
  const period = files.integer('/proc/sys/kernel/sched_rt_period_us') ?? 1_000_000;
  if (runtime === undefined) return unknown('no kernel.sched_rt_runtime_us');
  if (runtime === 0) {
    return missing(
      'kernel.sched_rt_runtime_us is 0',
      sysctl('kernel.sched_rt_runtime_us', 950_000),
    );
  }
  const [group] = findCgroups(files, 'cpu')?.directories ?? [];
  if (since(6, 12) && !files.has(`${group}/cpu.rt_runtime_us`)) {
    const server = `/sys/kernel/debug/sched/fair_server/cpu${cpu}`;
    const ns = files.integer(`${server}/runtime`);
    if (ns === 0) return ok('the fair server of this CPU is off');
    const ms = ns === undefined ? '50 (not readable without debugfs)' : ns / 1e6;
    const found = `the fair server keeps ${ms} ms of each second for ordinary threads`;
    return improvable(found, { now: write(0, `${server}/runtime`) });
  }
  if (runtime < 0 || runtime >= period) return ok('off');
  const found = `${runtime} of each ${period} µs, then real-time threads stand still`;
  return improvable(found, sysctl('kernel.sched_rt_runtime_us', -1));
}

/** Those that are read without a system call, or as fast as the hypervisor can. */
const fastClocks = [
  'tsc',
  'arch_sys_counter',
  'kvm-clock',
  'hyperv_clocksource_tsc_page',
  'timebase',
  'tod',
  'riscv_clocksource',
  'stable',
];

function lookAtClock({ files }: Machine): Verdict {
  const folder = '/sys/devices/system/clocksource/clocksource0';
  const current = files.text(`${folder}/current_clocksource`)?.trim();
  if (current === undefined) return unknown('no clocksource in sysfs');
  if (fastClocks.includes(current)) return ok(current);
  const available = (files.text(`${folder}/available_clocksource`) ?? '').trim().split(/\s+/);
  const better = fastClocks.find((name) => available.includes(name));
  const fix =
    better === undefined
      ? { boot: 'tsc=reliable' }
      : { now: write(better, `${folder}/current_clocksource`), boot: `clocksource=${better}` };
  return current === 'jiffies' ? missing(current, fix) : improvable(current, fix);
}

function lookAtBalancing({ files }: Machine): Verdict {
  const nodes = files.numbered('/sys/devices/system/node', 'node').length;
  if (nodes <= 1) return ok('one NUMA node');
  const value = files.integer('/proc/sys/kernel/numa_balancing');
  if (value === undefined) {
    return files.has('/proc/sys/kernel') ? ok('not built in') : unknown('no /proc/sys');
  }
  if (value === 0) return ok('off');
  return improvable(`on, ${nodes} nodes`, sysctl('kernel.numa_balancing', 0));
}

function lookAtWatchdog({ files, cpu, others }: Machine): Verdict {
  const on = files.integer('/proc/sys/kernel/watchdog');
  if (on === undefined) return unknown('no kernel.watchdog');
  if (on === 0) return ok('off');
  const mask = files.list('/proc/sys/kernel/watchdog_cpumask');
  if (mask !== undefined && !mask.includes(cpu)) return ok(`on CPUs ${listOf(mask)} only`);
  const fix =
    others.length === 0
      ? sysctl('kernel.watchdog', 0)
      : sysctl('kernel.watchdog_cpumask', listOf(others));
  return improvable(`on CPU ${cpu} too`, { ...fix, boot: 'nowatchdog' });
}

/**
 * A CPU that is idle arms its timers on a busy one, so the loop's CPU works for others; from an isolated
 * CPU timers go the other way (get_nohz_timer_target in kernel/sched/core.c).
 */
function lookAtTimers({ files, cpu, isolated }: Machine): Verdict {
  const on = files.integer('/proc/sys/kernel/timer_migration');
  if (on === undefined) return unknown('no kernel.timer_migration');
  if (on === 0) return ok('off');
  if (isolated.includes(cpu)) return ok(`on, and away from CPU ${cpu}, which is isolated`);
  return improvable('on', sysctl('kernel.timer_migration', 0));
}

export const kernel: readonly Check[] = [
  {
    name: 'preemption',
    group: 'kernel',
    why: 'A kernel that cannot be interrupted makes the loop wait for the system calls of others.',
    look: lookAtPreemption,
  },
  {
    name: 'real-time throttling',
    group: 'kernel',
    why: 'A real-time thread that never sleeps is stopped for that part of each second.',
    look: lookAtThrottling,
  },
  {
    name: 'clock source',
    group: 'kernel',
    why: 'Every tick reads the clock several times: by a slow source each takes microseconds.',
    look: lookAtClock,
  },
  {
    name: 'NUMA balancing',
    group: 'kernel',
    why: 'It unmaps pages to see who uses them, which costs a page fault each, and moves them.',
    look: lookAtBalancing,
  },
  {
    name: 'lockup detector',
    group: 'kernel',
    why: 'It interrupts each of its CPUs every few seconds with a thread above all priorities.',
    look: lookAtWatchdog,
  },
  {
    name: 'timer migration',
    group: 'kernel',
    why: "Timers of idle CPUs are put on busy ones, and the loop's CPU handles them.",
    look: lookAtTimers,
  },
];
