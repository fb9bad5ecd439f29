import { getSystemErrorName } from 'node:util';
import { native, type NativeProbe } from '../native.js';
import { topology } from '../topology/index.js';
import { gatherEvidence, type Evidence } from './evidence.js';
import { explain } from './explain.js';
import { rules, type Rule } from './rules.js';
import type { Capabilities, Capability, CapabilityName } from './types.js';

/**
 * What the kernel lets this process do, found out by doing it: every call behind a feature is made in
 * a forked child, which then ends, so nothing of this process changes. Where something is missing the
 * entry says why and how to get it.
 *
 * Blocks for some milliseconds, longer when much memory is in use (the fork copies page tables).
 * Callable from every thread; credentials and filters are those of the calling one. Never throws: what
 * could not be tried is `unknown`.
 *
 * @example
 * const { fifo } = capabilities();
 * if (fifo.state === 'refused') console.warn(`no SCHED_FIFO: ${fifo.reason}. ${fifo.fix}`);
 */
export function capabilities(): Capabilities {
  const usable = topology().nodes.filter((node) => node.allowed && node.bytes > 0);
  const evidence = gatherEvidence(usable.length);
  const probes = native.capabilities.probe(usable[0]?.id ?? 0);
  const explained = Object.entries<Rule>(rules).map(([name, rule]) => [
    name,
    typeof probes === 'number' ? untried(probes) : explainOne(name, rule, probes, evidence),
  ]);
  return { numa: explainNuma(evidence), ...Object.fromEntries(explained) } as Record<
    CapabilityName,
    Capability
  >;
}

function explainOne(
  name: string,
  rule: Rule,
  probes: readonly NativeProbe[],
  evidence: Evidence,
): Capability {
  const probe = probes.find((entry) => entry.name === name);
  return probe === undefined ? { state: 'unknown' } : explain(rule, probe, evidence);
}

function untried(errno: number): Capability {
  return {
    state: 'unknown',
    cause: 'resources',
    reason: `no process could be started to try it: ${getSystemErrorName(-errno)}`,
    fix: 'raise RLIMIT_NPROC or the pids limit of the control group',
    errno,
  };
}

/** Policies are accepted on one node too; there is just nothing for them to decide. */
function explainNuma(evidence: Evidence): Capability {
  if (evidence.memoryNodes > 1) return { state: 'available' };
  return {
    state: 'degraded',
    cause: evidence.numa ? 'platform' : 'kernel',
    reason: evidence.numa
      ? 'there is one NUMA node, or the cpuset allows no other: placement has no effect'
      : 'the kernel was built without CONFIG_NUMA: placement has no effect',
  };
}
