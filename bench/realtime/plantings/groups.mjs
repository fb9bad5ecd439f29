// Control groups that limit CPU time, for a process that plants. Version 1 of the cpu controller: the only
// one that limits real-time threads, and one that takes a process without more ado.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';

const above = '/sys/fs/cgroup/cpu';

const limits = {
  // 10 ms of every 50 ms for real-time threads.
  group: { 'cpu.rt_period_us': 50_000, 'cpu.rt_runtime_us': 10_000 },
  // No real-time threads: a group is born without; and 90 ms of every 100 ms for the others,
  // which shall wait for the quota and not for their turn.
  quota: { 'cpu.cfs_period_us': 100_000, 'cpu.cfs_quota_us': 90_000, 'cpu.shares': 262_144 },
};

/** Undefined: what is wanted can be had here; else why not. */
export function whyNot(environment) {
  const files = Object.keys(limits[environment] ?? {});
  const missing = files.find((file) => !existsSync(`${above}/${file}`));
  if (missing !== undefined) return `there is no ${above}/${missing}`;
  if (process.getuid() !== 0) return 'not root';
  return undefined;
}

/**
 * Moves this process into a group; gives the function that moves it back and removes the group, or with
 * `true` makes its quota one that is used up: the start of a process takes more.
 */
export function enter(environment) {
  if (limits[environment] === undefined) return () => undefined;
  const own = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/mu.exec(
    readFileSync('/proc/self/cgroup', 'utf8'),
  );
  const group = `${above}/moirai-plantings-${process.pid}`;
  mkdirSync(group);
  for (const [file, value] of Object.entries(limits[environment])) {
    writeFileSync(`${group}/${file}`, String(value));
  }
  appendFileSync(`${group}/cgroup.procs`, String(process.pid));
  return (tighter) => {
    if (tighter) {
      writeFileSync(`${group}/cpu.cfs_quota_us`, '10000');
      return;
    }
    appendFileSync(`${above}${own?.[1] ?? ''}/cgroup.procs`, String(process.pid));
    rmdirSync(group);
  };
}
