// What this process may ask of the scheduler and of memory.
import { findCgroups } from '../topology/cgroups.js';
import { readLimits } from '../topology/limits.js';
import { sameSet } from '../topology/cpu-list.js';
import type { Capability } from '../capabilities/index.js';
import { improvable, missing, ok, unknown, write, type Check, type Verdict } from './check.js';
import { listOf, type Machine } from './machine.js';
import type { Fix, FindingState } from './types.js';

const nice: Fix = {
  unit: 'AmbientCapabilities=CAP_SYS_NICE',
  docker: '--cap-add SYS_NICE',
};
const realtimeLimit: Fix = {
  now: 'sudo prlimit --pid $$ --rtprio=99:99',
  keep: "echo '* - rtprio 99' | sudo tee /etc/security/limits.d/90-rtprio.conf",
  unit: 'LimitRTPRIO=99',
  docker: '--ulimit rtprio=99',
};
const lockLimit: Fix = {
  now: 'sudo prlimit --pid $$ --memlock=unlimited:unlimited',
  keep: "echo '* - memlock unlimited' | sudo tee /etc/security/limits.d/90-memlock.conf",
  unit: 'LimitMEMLOCK=infinity',
  docker: '--ulimit memlock=-1',
};
const mebibyte = 2 ** 20;

/** What the kernel answered, where it was asked; `refused`: what a refusal amounts to. */
function probed(
  probe: Capability | undefined,
  refused: FindingState,
  fix: Fix,
): Verdict | undefined {
  if (probe === undefined || probe.state === 'unknown' || probe.state === 'available') {
    return undefined;
  }
  const ours = probe.cause === 'capability' || probe.cause === 'rlimit';
  return {
    state: probe.state === 'refused' ? refused : 'improvable',
    found: probe.reason ?? `the kernel says no (errno ${probe.errno})`,
    fix: ours ? fix : { words: probe.fix },
  };
}

function lookAtPriority(machine: Machine): Verdict {
  const { fifo } = machine.probes ?? {};
  const answer = probed(fifo, 'missing', realtimeLimit);
  if (answer !== undefined) return answer;
  if (machine.holds('CAP_SYS_NICE') === true) return ok('CAP_SYS_NICE');
  const limit = machine.limit('Max realtime priority');
  if (limit === undefined) return unknown('no /proc/self/limits');
  if (limit === 0) return missing('no CAP_SYS_NICE, and RLIMIT_RTPRIO is 0', realtimeLimit);
  const found = `RLIMIT_RTPRIO ${limit}`;
  // Threads of interrupts have 50.
  return limit > 50 ? ok(found) : improvable(found, realtimeLimit);
}

function lookAtDeadline(machine: Machine): Verdict {
  const answer = probed(machine.probes?.deadline, 'improvable', nice);
  if (answer !== undefined) return answer;
  const holds = machine.holds('CAP_SYS_NICE');
  if (holds === undefined) return unknown('no /proc/self/status');
  if (!holds) return improvable('no CAP_SYS_NICE, for which no limit stands in', nice);
  if (!sameSet(machine.allowed, machine.online)) {
    const found = `this process may use CPUs ${listOf(machine.allowed)} of ${listOf(machine.online)}`;
    const words = 'start it in the root cpuset, or make its cpuset a partition of its own';
    return improvable(found, { words });
  }
  return ok('CAP_SYS_NICE, and all CPUs are allowed');
}

function lookAtLocking(machine: Machine): Verdict {
  const answer = probed(machine.probes?.mlock, 'missing', lockLimit);
  if (answer !== undefined) return answer;
  if (machine.holds('CAP_IPC_LOCK') === true) return ok('CAP_IPC_LOCK');
  const limit = machine.limit('Max locked memory');
  if (limit === undefined) return unknown('no /proc/self/limits');
  if (limit === Number.POSITIVE_INFINITY) return ok('RLIMIT_MEMLOCK unlimited');
  const found = `RLIMIT_MEMLOCK ${Math.floor(limit / 1024)} KiB`;
  // A real-time thread locks its stack and its records, some 400 KiB.
  if (limit < mebibyte) return missing(found, lockLimit);
  return limit < 64 * mebibyte ? improvable(found, lockLimit) : ok(found);
}

function lookAtBudget({ files }: Machine): Verdict {
  const groups = findCgroups(files, 'cpu');
  if (groups === undefined) return unknown('no control groups in sight');
  const [own = ''] = groups.directories;
  const budget = files.integer(`${own}/cpu.rt_runtime_us`);
  if (budget === undefined) return ok('this kernel or hierarchy gives groups no such budget');
  if (budget !== 0) return ok(`${budget} µs a period in ${own}`);
  const short = groups.directories.filter(
    (path) => files.integer(`${path}/cpu.rt_runtime_us`) === 0,
  );
  const paths = short.toReversed().map((path) => write(100_000, `${path}/cpu.rt_runtime_us`));
  return missing(`0 in ${own} (RT_GROUP_SCHED)`, {
    now: paths.join(' && '),
    docker: '--cpu-rt-runtime=95000 --cap-add SYS_NICE',
  });
}

function lookAtQuota({ files }: Machine): Verdict {
  const groups = findCgroups(files, 'cpu');
  if (groups === undefined) return unknown('no control groups in sight');
  const { quota } = readLimits(files);
  if (quota === undefined) return ok('none');
  const [file, none] = groups.version === 2 ? ['cpu.max', 'max'] : ['cpu.cfs_quota_us', -1];
  const limited = groups.directories.filter((path) => {
    const text = files.text(`${path}/${file}`) ?? '';
    return /^[1-9]/.test(text);
  });
  return improvable(`${quota} CPUs' worth of time`, {
    now: limited.map((path) => write(none, `${path}/${file}`)).join(' && '),
    unit: 'CPUQuota=',
    docker: 'without --cpus and --cpu-quota',
  });
}

function lookAtCpuset({ cpu, allowed, online }: Machine): Verdict {
  if (allowed.includes(cpu)) return ok(`CPUs ${listOf(allowed)} of ${listOf(online)}`);
  return missing(`CPU ${cpu} is not among CPUs ${listOf(allowed)}`, {
    now: `sudo taskset -acp ${listOf(online)} $$`,
    unit: `AllowedCPUs=${listOf(online)}`,
    docker: `--cpuset-cpus=${listOf(online)}`,
  });
}

export const privileges: readonly Check[] = [
  {
    name: 'real-time priority',
    group: 'privileges',
    why: 'Without it the kernel refuses SCHED_FIFO and SCHED_RR, and any other thread delays the loop.',
    look: lookAtPriority,
  },
  {
    name: 'deadline scheduling',
    group: 'privileges',
    why: 'SCHED_DEADLINE needs CAP_SYS_NICE and a process that may run on every CPU of its domain.',
    look: lookAtDeadline,
  },
  {
    name: 'locked memory',
    group: 'privileges',
    why: 'Memory that is not locked may be taken away, and a tick that touches it waits for a page fault.',
    look: lookAtLocking,
  },
  {
    name: 'real-time budget',
    group: 'privileges',
    why: 'A control group without real-time budget refuses real-time policies, whatever the privileges.',
    look: lookAtBudget,
  },
  {
    name: 'CPU quota',
    group: 'privileges',
    why: 'A quota that is used up stops all ordinary threads of the group, those that feed the loop as well.',
    look: lookAtQuota,
  },
  {
    name: 'cpuset',
    group: 'privileges',
    why: 'A thread can be bound only to a CPU that its cpuset and its affinity mask have.',
    look: lookAtCpuset,
  },
];
