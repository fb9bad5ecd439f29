// From what a call answered to what it means. Pure, so that every cause can be tested.
import { getSystemErrorName } from 'node:util';
import type { NativeProbe } from '../native.js';
import type { Evidence } from './evidence.js';
import { holds, type Rule } from './rules.js';
import type { Capability } from './types.js';

const EPERM = 1;
const ENOMEM = 12;
const EACCES = 13;
const EFAULT = 14;
const EINVAL = 22;
const ENOSYS = 38;
const SIGSYS = 31;

export function explain(rule: Rule, probe: NativeProbe, evidence: Evidence): Capability {
  if (probe.signal !== 0) return killed(rule, probe);
  const { errno } = probe;
  if (filtered(rule, probe, evidence)) return { ...seccomp(rule), errno };
  if (errno === 0) {
    const shortfall = rule.shortfall?.(evidence);
    return shortfall === undefined ? { state: 'available' } : { state: 'degraded', ...shortfall };
  }
  const known = rule.errors?.[errno];
  if (known !== undefined) return { ...known, errno };
  if (errno === ENOSYS) return { ...missing(rule), errno };
  if (errno === EPERM || errno === EACCES) return { ...forbidden(rule, evidence), errno };
  if (errno === ENOMEM && rule.limit !== undefined)
    return { ...limited(rule.limit, evidence), errno };
  const name = getSystemErrorName(-errno);
  return { state: 'refused', cause: 'unknown', reason: `${rule.syscall} failed: ${name}`, errno };
}

/**
 * The control call has arguments that the kernel itself refuses with EINVAL or EFAULT. Any other
 * answer came from before the kernel, except ENOSYS from a kernel that does not have the call.
 */
function filtered(rule: Rule, probe: NativeProbe, evidence: Evidence): boolean {
  if (probe.control === 0 || probe.control === EINVAL || probe.control === EFAULT) return false;
  if (probe.control !== ENOSYS) return true;
  const [major, minor] = evidence.kernel;
  const [sinceMajor, sinceMinor] = rule.since ?? [0, 0];
  const oldEnough = major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
  const built = rule.config !== 'CONFIG_NUMA' || evidence.numa;
  return evidence.seccomp && oldEnough && built;
}

function killed(rule: Rule, probe: NativeProbe): Capability {
  if (probe.signal === SIGSYS) {
    const reason = `a seccomp filter kills whoever calls ${rule.syscall}`;
    return { ...seccomp(rule), reason };
  }
  const reason = `trying ${rule.syscall} ended in signal ${probe.signal}`;
  return { state: 'unknown', cause: 'unknown', reason };
}

function seccomp(rule: Rule): Capability {
  return {
    state: 'refused',
    cause: 'seccomp',
    reason: `a seccomp filter refuses ${rule.syscall}`,
    fix: rule.unfilter ?? 'allow the call in the seccomp profile or SystemCallFilter',
  };
}

function missing(rule: Rule): Capability {
  const needs = [
    rule.since === undefined ? '' : `Linux ${rule.since.join('.')} or newer`,
    rule.config ?? '',
  ].filter((need) => need !== '');
  return {
    state: 'refused',
    cause: 'kernel',
    reason: `this kernel has no ${rule.syscall}`,
    ...(needs.length === 0 ? {} : { fix: `a kernel with ${needs.join(' and ')}` }),
  };
}

function forbidden(rule: Rule, evidence: Evidence): Capability {
  const { capability, limit } = rule;
  if (rule.groupBudget === true && evidence.groupRuntimeUs === 0) {
    const grant =
      capability === undefined || holds(evidence, capability) ? '' : `; also grant ${capability}`;
    return {
      state: 'refused',
      cause: 'cgroup',
      reason: `the control group ${evidence.group} has no real-time budget (RT_GROUP_SCHED)`,
      fix: `write a budget such as 100000 to ${evidence.group}/cpu.rt_runtime_us and its parents, or move to the root group${grant}`,
    };
  }
  if (capability === 'CAP_IPC_LOCK' && limit !== undefined) return limited(limit, evidence);
  if (capability !== undefined && !holds(evidence, capability)) {
    const where = evidence.userNamespace ? ` (what a user namespace gives does not count)` : '';
    return {
      state: 'refused',
      cause: 'capability',
      reason: `${rule.syscall} needs ${capability}${where}`,
      fix: waysToGrant(capability, limit),
    };
  }
  if (rule.syscall === 'sched_setattr') {
    return {
      state: 'refused',
      cause: 'cgroup',
      reason: 'the cpuset of this process does not span a whole scheduling domain',
      fix: 'run it in the root cpuset, or make its cpuset an exclusive partition',
    };
  }
  if (evidence.seccomp) return seccomp(rule);
  return { state: 'refused', cause: 'unknown', reason: `${rule.syscall} is not permitted here` };
}

function waysToGrant(capability: string, limit: Rule['limit']): string {
  const short = capability.replace('CAP_', '');
  const grant =
    `grant ${capability}: docker run --cap-add ${short}, AmbientCapabilities=${capability} ` +
    `(systemd), or setcap ${capability.toLowerCase()}+ep on the node binary`;
  return limit === undefined ? grant : `${grant}; or raise ${limit.name}: ${limit.raise}`;
}

function limited(limit: NonNullable<Rule['limit']>, evidence: Evidence): Capability {
  const value = evidence.limits.get(limit.name);
  return {
    state: 'refused',
    cause: 'rlimit',
    reason: `${limit.name} is ${value ?? 'too low'}`,
    fix: `raise it: ${limit.raise}`,
  };
}
