// The policy of the calling thread: what its next pages come from, and those of threads it creates.
import { native } from '../native.js';
import { meet, readMachine } from './machine.js';
import {
  checkPolicy,
  decodePolicy,
  encodePolicy,
  policyRoom,
  type CheckedPolicy,
  type MemoryPolicy,
} from './policy.js';
import { failure, refusal, refusedMode } from './shortfall.js';

/** `placed`: the kernel has taken it. `single-node`: nothing to decide, nothing was changed. */
export type ThreadPlacement = 'placed' | 'single-node';

export function setThreadPolicy(policy: MemoryPolicy): ThreadPlacement {
  const met = meet('policy.nodes', checkPolicy('policy', policy));
  if (met.outcome === 'single-node') return 'single-node';
  if (met.shortfall !== undefined) throw failure(met.shortfall);
  apply(met.policy);
  return 'placed';
}

export function getThreadPolicy(): CheckedPolicy {
  const out = policyRoom();
  const error = native.memory.getPolicy(out);
  if (error === 0) return decodePolicy(out);
  return policyUnread(error);
}

/** With one node all policies come to the same, and a filter is no reason to fail. */
export function policyUnread(error: number): CheckedPolicy {
  if (readMachine().withMemory.size <= 1) return { mode: 'default', nodes: [] };
  throw failure(refusal('policy', 'get_mempolicy', error, 'getMempolicy'));
}

/** A policy that is in force until it is released; see `Numa.scopedPolicy`. */
export interface ScopedPolicy extends Disposable {
  readonly placement: ThreadPlacement;
  /** Restores the policy from before; again does nothing. On the thread that made it. */
  release(): void;
}

/** Of this thread, the oldest first. */
const scopes: Scope[] = [];

class Scope implements ScopedPolicy {
  readonly placement: ThreadPlacement;
  before: CheckedPolicy;

  constructor(placement: ThreadPlacement, before: CheckedPolicy) {
    this.placement = placement;
    this.before = before;
  }

  release(): void {
    const index = scopes.indexOf(this);
    if (index < 0) return;
    scopes.splice(index, 1);
    const later = scopes[index];
    // Not the newest: what to go back to passes to the scope made on top of this one.
    if (later === undefined) apply(this.before);
    else later.before = this.before;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

export function scopedThreadPolicy(policy: MemoryPolicy): ScopedPolicy {
  const met = meet('policy.nodes', checkPolicy('policy', policy));
  if (met.outcome === 'single-node') return new Scope('single-node', met.policy);
  if (met.shortfall !== undefined) throw failure(met.shortfall);
  const scope = new Scope('placed', getThreadPolicy());
  apply(met.policy);
  scopes.push(scope);
  return scope;
}

function apply(policy: CheckedPolicy): void {
  const error = native.memory.setPolicy(...encodePolicy(policy));
  if (error === 0) return;
  throw failure(refusedMode(policy, 'set_mempolicy', error, 'setMempolicy'));
}
