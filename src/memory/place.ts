// Giving a range its policy, or the nearest one that this kernel has, and saying which.
import { checkInteger, invalidType } from '../base/index.js';
import { native } from '../native.js';
import { meet, readMachine } from './machine.js';
import {
  checkNode,
  checkPolicy,
  encodePolicy,
  type CheckedPolicy,
  type MemoryPolicy,
} from './policy.js';
import { refusedMode, type Shortfall } from './shortfall.js';

/**
 * What became of the wish for a place.
 * - `placed`: the kernel has the policy as it was asked for.
 * - `degraded`: it has one that comes near; `degraded` says what is missing.
 * - `refused`: it has none; pages come from where they are touched first. `degraded` says why.
 * - `single-node`: there is one node, nothing to decide, and nothing is missing.
 * - `default`: nothing was asked for.
 */
export type Placement = 'placed' | 'degraded' | 'refused' | 'single-node' | 'default';

/** Where memory is to come from, as options have it. */
export interface PlaceOptions {
  /** The node to take the memory from: short for the policy `bind` to it. Not together with `policy`. */
  readonly node?: number | undefined;
  /** Where the memory comes from. Default: where it is touched first. */
  readonly policy?: MemoryPolicy | undefined;
}

export function checkPlace(given: PlaceOptions): CheckedPolicy | undefined {
  if (given.node === undefined) {
    return given.policy === undefined ? undefined : checkPolicy('options.policy', given.policy);
  }
  if (given.policy !== undefined) {
    throw invalidType('options.policy', 'absent where options.node is given', given.policy);
  }
  return { mode: 'bind', nodes: [checkNode('options.node', given.node)] };
}

export interface Placed {
  readonly placement: Placement;
  /** In force; undefined: none of its own. */
  readonly policy: CheckedPolicy | undefined;
  readonly shortfalls: readonly Shortfall[];
}

/** A policy for `view`, from `at` on. `flags`: the kernel's, for pages that are there already. */
export function place(
  view: Uint8Array,
  at: number,
  bytes: number,
  argument: string,
  wanted: CheckedPolicy,
  flags: number,
  mayFallBack = true,
): Placed {
  const met = meet(argument, wanted);
  const cut = met.shortfall === undefined ? [] : [met.shortfall];
  if (met.outcome === 'single-node') {
    return { placement: 'single-node', policy: undefined, shortfalls: [] };
  }
  if (met.outcome === 'none' || (!mayFallBack && cut.length > 0))
    return { placement: 'refused', policy: undefined, shortfalls: cut };
  const bind = (policy: CheckedPolicy): number =>
    native.memory.bind(view, at, bytes, ...encodePolicy(policy), flags);
  const error = bind(met.policy);
  if (error === 0) {
    return {
      placement: cut.length === 0 ? 'placed' : 'degraded',
      policy: met.policy,
      shortfalls: cut,
    };
  }
  const shortfalls = [...cut, refusedMode(met.policy, 'mbind', error, 'mbind')];
  const near = mayFallBack ? nearest(met.policy) : undefined;
  return near !== undefined && bind(near) === 0
    ? { placement: 'degraded', policy: near, shortfalls }
    : { placement: 'refused', policy: undefined, shortfalls };
}

/** What older kernels have of the modes that they do not know. */
function nearest({ mode, nodes }: CheckedPolicy): CheckedPolicy | undefined {
  if (mode === 'weighted-interleave') return { mode: 'interleave', nodes };
  if (mode === 'preferred-many') return { mode: 'preferred', nodes: nodes.slice(0, 1) };
  return undefined;
}

/** Where pages under a policy can come from. Only `bind` is held to its nodes. */
export function sourcesOf(policy: CheckedPolicy | undefined): Iterable<number> {
  return policy?.mode === 'bind' ? policy.nodes : readMachine().usable;
}

export function checkBytes(bytes: unknown, argument = 'bytes'): number {
  return checkInteger(argument, bytes, 1, Number.MAX_SAFE_INTEGER);
}

/** What to name when the machine has no such node. */
export function argumentOf(given: PlaceOptions): string {
  return given.node === undefined ? 'options.policy.nodes' : 'options.node';
}
