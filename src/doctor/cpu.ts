// The CPU that the loop is to have: what else runs on it, how fast it is, how deep it sleeps.
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { parseCpuList } from '../topology/cpu-list.js';
import type { SystemFiles } from '../topology/system-files.js';
import { improvable, ok, unknown, write, type Check, type Verdict } from './check.js';
import { cpuPath, listOf, type Machine } from './machine.js';

const noCpuToSpare = { words: 'a machine with a second CPU, for everything else' };

function lookAtIsolation({ files, cpu, isolated, others }: Machine): Verdict {
  if (isolated.includes(cpu)) return ok(`CPUs ${listOf(isolated)}`);
  if (!files.has(`${cpuPath}/isolated`)) return unknown('no list of isolated CPUs in sysfs');
  const found = `CPU ${cpu} is shared with everything else`;
  if (others.length === 0) return improvable(found, noCpuToSpare);
  return improvable(found, { boot: `isolcpus=managed_irq,domain,${cpu}` });
}

function lookAtTick({ files, cpu, others }: Machine): Verdict {
  const without = files.list(`${cpuPath}/nohz_full`);
  if (without === undefined) {
    if (!files.has('/proc/version')) return unknown('no list of nohz_full in sysfs');
    const words = `a kernel with CONFIG_NO_HZ_FULL, and nohz_full=${cpu}`;
    return improvable('the kernel was built without CONFIG_NO_HZ_FULL', { words });
  }
  if (without.includes(cpu)) return ok(`off on CPUs ${listOf(without)}`);
  const fix = others.length === 0 ? noCpuToSpare : { boot: `nohz_full=${cpu}` };
  return improvable(`on CPU ${cpu} too`, fix);
}

function lookAtCallbacks({ files, cpu, parameters, others }: Machine): Verdict {
  const offloaded = [
    ...numbersOf(parameters.get('rcu_nocbs'), files),
    ...(files.list(`${cpuPath}/nohz_full`) ?? []), // implies the other
  ];
  if (offloaded.includes(cpu)) return ok('on other CPUs');
  if (!files.has('/proc/cmdline')) return unknown('no /proc/cmdline');
  const fix = others.length === 0 ? noCpuToSpare : { boot: `rcu_nocbs=${cpu}` };
  return improvable(`on CPU ${cpu} too`, fix);
}

function numbersOf(text: string | undefined, files: SystemFiles): number[] {
  if (text === 'all')
    return files.list(`${cpuPath}/possible`) ?? files.list(`${cpuPath}/online`) ?? [];
  return parseCpuList(text);
}

/** What every interrupt has; a folder besides is named after the driver that handles it. */
const filesOfInterrupt =
  /^(?:affinity_hint|effective_affinity(?:_list)?|node|smp_affinity(?:_list)?|spurious)$/;

function lookAtInterrupts({ files, cpu, others }: Machine): Verdict {
  const ids = files.numbered('/proc/irq', '');
  if (ids.length === 0) return unknown('no /proc/irq');
  const here = ids.flatMap((id) => {
    const folder = `/proc/irq/${id}`;
    const driver = files.names(folder).find((name) => !filesOfInterrupt.test(name));
    if (driver === undefined) return [];
    const cpus =
      files.list(`${folder}/effective_affinity_list`) ?? files.list(`${folder}/smp_affinity_list`);
    return cpus?.includes(cpu) === true ? [{ id, driver }] : [];
  });
  if (here.length === 0) return ok('on other CPUs');
  const named = here.slice(0, 3).map(({ id, driver }) => `${id} ${driver}`);
  const more = here.length > 3 ? `, and ${here.length - 3} more` : '';
  const found = `${here.length} on CPU ${cpu}: ${named.join(', ')}${more}`;
  if (others.length === 0) return improvable(found, noCpuToSpare);
  const numbers = here.map(({ id }) => id).join(' ');
  const target = `/proc/irq/$irq/smp_affinity_list`;
  return improvable(found, {
    now: `for irq in ${numbers}; do ${write(listOf(others), target)}; done`,
    boot: `irqaffinity=${listOf(others)}`,
  });
}

function lookAtSiblings({ files, cpu, online }: Machine): Verdict {
  const folder = `${cpuPath}/cpu${cpu}/topology`;
  const core =
    files.list(`${folder}/core_cpus_list`) ??
    files.list(`${folder}/thread_siblings_list`) ??
    files.mask(`${folder}/core_cpus`) ??
    files.mask(`${folder}/thread_siblings`);
  if (core === undefined) return unknown('no topology in sysfs');
  const siblings = core.filter((id) => id !== cpu && online.includes(id));
  if (siblings.length === 0) return ok('has its core to itself');
  const now = siblings.map((id) => write(0, `${cpuPath}/cpu${id}/online`)).join(' && ');
  return improvable(`shares its core with CPU ${listOf(siblings)}`, { now, boot: 'nosmt' });
}

function lookAtGovernor({ files, cpu, virtual }: Machine): Verdict {
  const file = `${cpuPath}/cpu${cpu}/cpufreq/scaling_governor`;
  const governor = files.text(file)?.trim();
  if (governor === undefined) return unknown(noFrequencies(virtual));
  if (governor === 'performance') return ok(governor);
  return improvable(governor, {
    now: write('performance', file),
    boot: 'cpufreq.default_governor=performance',
  });
}

function lookAtTurbo({ files, virtual }: Machine): Verdict {
  const intel = `${cpuPath}/intel_pstate/no_turbo`;
  const others = `${cpuPath}/cpufreq/boost`;
  const off = files.integer(intel);
  if (off !== undefined) return off === 1 ? ok('off') : improvable('on', { now: write(1, intel) });
  const on = files.integer(others);
  if (on !== undefined) return on === 0 ? ok('off') : improvable('on', { now: write(0, others) });
  return unknown(noFrequencies(virtual));
}

function noFrequencies(virtual: boolean): string {
  return virtual ? 'a virtual machine: its host decides' : 'no cpufreq in sysfs';
}

/** Sooner than that a core is awake whatever else there is. */
const shortWakeUs = 10;

function lookAtIdling(machine: Machine): Verdict {
  const { files, cpu, virtual } = machine;
  const folder = `${cpuPath}/cpu${cpu}/cpuidle`;
  const states = files.numbered(folder, 'state').flatMap((number) => {
    const path = `${folder}/state${number}`;
    const us = files.integer(`${path}/latency`) ?? 0;
    const off = files.integer(`${path}/disable`) === 1;
    return off ? [] : [{ name: files.text(`${path}/name`)?.trim() ?? `${number}`, us }];
  });
  if (states.length === 0) {
    if (virtual) return unknown('a virtual machine: its host decides');
    const driver = files.text(`${cpuPath}/cpuidle/current_driver`)?.trim();
    return driver === 'none' ? ok('no driver') : unknown('no cpuidle in sysfs');
  }
  const deepest = states.reduce((a, b) => (b.us > a.us ? b : a));
  const found = `${deepest.name} takes ${deepest.us} µs to wake`;
  if (deepest.us <= shortWakeUs) return ok(found);
  if (mayHoldLatency(machine)) return ok(`${found}; dmaLatencyUs can forbid it`);
  return improvable(`${found}, and /dev/cpu_dma_latency is not writable`, {
    now: 'sudo setfacl -m u:$USER:rw /dev/cpu_dma_latency',
    keep: `echo 'KERNEL=="cpu_dma_latency", MODE="0666"' | sudo tee /etc/udev/rules.d/90-cpu-dma-latency.rules`,
    boot: 'intel_idle.max_cstate=0 processor.max_cstate=1',
    docker: '--device /dev/cpu_dma_latency',
  });
}

function mayHoldLatency({ files, probes }: Machine): boolean {
  if (probes !== undefined && probes.dmaLatency.state !== 'unknown') {
    return probes.dmaLatency.state === 'available';
  }
  try {
    accessSync(join(files.root, '/dev/cpu_dma_latency'), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export const cpu: readonly Check[] = [
  {
    name: 'isolation',
    group: 'cpu',
    why: 'On a CPU that is set apart nothing runs that was not put there.',
    look: lookAtIsolation,
  },
  {
    name: 'scheduler tick',
    group: 'cpu',
    why: 'Without nohz_full the tick interrupts the CPU 100 to 1000 times a second.',
    look: lookAtTick,
  },
  {
    name: 'RCU callbacks',
    group: 'cpu',
    why: "Callbacks of the kernel's RCU run on the CPU that queued them unless they are offloaded.",
    look: lookAtCallbacks,
  },
  {
    name: 'interrupts',
    group: 'cpu',
    why: 'An interrupt that is handled on the CPU delays the tick, whatever its priority.',
    look: lookAtInterrupts,
  },
  {
    name: 'SMT sibling',
    group: 'cpu',
    why: 'Two threads of one core share its units and caches, and each slows the other down.',
    look: lookAtSiblings,
  },
  {
    name: 'frequency governor',
    group: 'cpu',
    why: 'A CPU that was clocked down computes its next tick slowly, and changing takes time.',
    look: lookAtGovernor,
  },
  {
    name: 'turbo',
    group: 'cpu',
    why: 'With turbo the same tick takes longer or shorter, by what the other cores do and the heat.',
    look: lookAtTurbo,
  },
  {
    name: 'idle states',
    group: 'cpu',
    why: 'A core that sleeps deeply between ticks wakes late by as long as its state takes to leave.',
    look: lookAtIdling,
  },
];
