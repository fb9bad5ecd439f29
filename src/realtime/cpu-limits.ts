// How much CPU time the kernel leaves to a thread, and whether a quota has held it off.
//
// Real-time threads: sched(7), kernel.sched_rt_runtime_us for the machine, cpu.rt_runtime_us for a control
// group of version 1. Ordinary ones: cpu.max, cpu.cfs_quota_us, whose groups count for how long they were
// held off (cpu.stat). Of the limits of real-time threads nothing is counted by the kernel: that one was
// reached is concluded from the thread's CPU clock.
import { findCgroups, SystemFiles } from '../topology/index.js';
import type { Granted } from './granted.js';
import type { CpuLimit } from './miss.js';

/** Undefined: none that can be used up. */
export function cpuLimit(granted: Granted): CpuLimit | undefined {
  const { policy, runtimeUs, periodUs } = granted;
  if (policy === 'other') return undefined;
  if (policy === 'deadline') {
    if (runtimeUs === undefined || periodUs === undefined) return undefined;
    return { cause: 'budget', runtimeNs: runtimeUs * 1000, periodNs: periodUs * 1000 };
  }
  const files = new SystemFiles('/');
  const groups = findCgroups(files, 'cpu');
  const limits = groups?.version === 1 ? groups.directories.map((path) => `${path}/cpu.`) : [];
  return ['/proc/sys/kernel/sched_', ...limits]
    .flatMap((prefix): CpuLimit[] => {
      const runtime = files.integer(`${prefix}rt_runtime_us`) ?? -1;
      const period = files.integer(`${prefix}rt_period_us`) ?? 0;
      if (runtime <= 0 || runtime >= period) return [];
      return [{ cause: 'throttling', runtimeNs: runtime * 1000, periodNs: period * 1000 }];
    })
    .reduce<CpuLimit | undefined>((least, limit) => {
      const share = ({ runtimeNs, periodNs }: CpuLimit): number => runtimeNs / periodNs;
      return least !== undefined && share(least) <= share(limit) ? least : limit;
    }, undefined);
}

interface Reading {
  readonly at: number;
  readonly heldNs: number;
}

/** Readings of how long the groups of this process were held off by their quotas. */
export class QuotaRecord {
  readonly #files = new SystemFiles('/');
  readonly #statistics: readonly string[];
  readonly #readings: Reading[] = [];

  constructor() {
    const files = this.#files;
    const groups = findCgroups(files, 'cpu');
    this.#statistics = (groups?.directories ?? [])
      .filter((path) =>
        groups?.version === 1
          ? (files.integer(`${path}/cpu.cfs_quota_us`) ?? -1) > 0
          : /^\d/u.test(files.text(`${path}/cpu.max`) ?? ''),
      )
      .map((path) => `${path}/cpu.stat`);
  }

  /** Now and then, the oftener the better. */
  read(nowNs: number): void {
    if (this.#statistics.length === 0) return;
    let heldNs = 0;
    for (const path of this.#statistics) {
      const text = this.#files.text(path) ?? '';
      const [, unit, count] = /^throttled_(time|usec) (\d+)$/mu.exec(text) ?? [];
      heldNs += Number(count ?? 0) * (unit === 'usec' ? 1000 : 1);
    }
    this.#readings.push({ at: nowNs, heldNs });
    if (this.#readings.length > 64) this.#readings.shift();
  }

  /** By the readings around the two times, so at most so much. */
  heldBetween(from: number, to: number): number {
    const before = this.#readings.findLast(({ at }) => at <= from) ?? this.#readings[0];
    const after = this.#readings.find(({ at }) => at >= to) ?? this.#readings.at(-1);
    return Math.max(0, (after?.heldNs ?? 0) - (before?.heldNs ?? 0));
  }
}
