// Memory policies: what a caller may ask for, checked, and as the kernel takes them.
import { checkOneOf, checkOptions, invalidRange, invalidType } from '../base/index.js';
import { native } from '../native.js';

/**
 * Where the kernel takes new pages from.
 * - `default`: what the thread, or else the system, does: the node of the CPU that touches first.
 * - `local`: the node of the CPU that touches first, whatever the thread's policy.
 * - `bind`: these nodes and no other; memory that they do not have is an error.
 * - `preferred`: this node while it has room, then others by distance.
 * - `preferred-many`: these nodes while they have room (Linux 5.15).
 * - `interleave`: page by page over these nodes.
 * - `weighted-interleave`: the same in proportion to the weights in
 *   `/sys/kernel/mm/mempolicy/weighted_interleave` (Linux 6.9).
 */
export type PolicyMode =
  | 'default'
  | 'local'
  | 'bind'
  | 'preferred'
  | 'preferred-many'
  | 'interleave'
  | 'weighted-interleave';

/** A policy of set_mempolicy(2) and mbind(2). */
export interface MemoryPolicy {
  readonly mode: PolicyMode;
  /** Node numbers: one for `preferred`, none for `default` and `local`, one or more for the others. */
  readonly nodes?: readonly number[] | undefined;
}

export interface CheckedPolicy {
  readonly mode: PolicyMode;
  /** Ascending, each once. */
  readonly nodes: readonly number[];
}

/** The kernel's numbers. */
const numberOf: Readonly<Record<PolicyMode, number>> = {
  default: 0,
  preferred: 1,
  bind: 2,
  interleave: 3,
  local: 4,
  'preferred-many': 5,
  'weighted-interleave': 6,
};
const modes = Object.keys(numberOf) as PolicyMode[];
const maxNode = 1023;

/** Whether the nodes are there is the machine's to say: see machine.ts. */
export function checkPolicy(argument: string, value: unknown): CheckedPolicy {
  if (typeof value !== 'object' || value === null) {
    throw invalidType(argument, 'a policy ({ mode, nodes })', value);
  }
  const given = checkOptions<MemoryPolicy>(argument, value as MemoryPolicy, ['mode', 'nodes']);
  const mode = checkOneOf(`${argument}.mode`, given.mode, modes);
  const nodes = given.nodes === undefined ? [] : checkNodes(`${argument}.nodes`, given.nodes);
  const wanted = { default: 'none', local: 'none', preferred: 'exactly one' }[mode as 'default'];
  const fits =
    wanted === undefined ? nodes.length > 0 : nodes.length === (wanted === 'none' ? 0 : 1);
  if (!fits) {
    const allowed = `${wanted ?? 'one or more'} for mode '${mode}'`;
    throw invalidRange(`${argument}.nodes`, allowed, given.nodes);
  }
  return { mode, nodes };
}

export function checkNode(argument: string, value: unknown): number {
  if (typeof value !== 'number') throw invalidType(argument, 'a node number', value);
  if (!Number.isInteger(value) || value < 0 || value > maxNode) {
    throw invalidRange(argument, `a node number from 0 to ${maxNode}`, value);
  }
  return value;
}

function checkNodes(argument: string, value: unknown): number[] {
  if (!Array.isArray(value)) throw invalidType(argument, 'an array of node numbers', value);
  const nodes = Array.from(value, (node: unknown, i) => checkNode(`${argument}[${i}]`, node));
  return [...new Set(nodes)].toSorted((a, b) => a - b);
}

/** Arguments of the native calls. */
export function encodePolicy({ mode, nodes }: CheckedPolicy): [mode: number, nodes: Uint32Array] {
  return [numberOf[mode], Uint32Array.from(nodes)];
}

/** Room for what {@link decodePolicy} reads. */
export function policyRoom(): Uint32Array {
  return new Uint32Array(2 + maxNode + 1);
}

export function decodePolicy(out: Uint32Array): CheckedPolicy {
  const mode = modes.find((name) => numberOf[name] === out[0]) ?? 'default';
  return { mode, nodes: [...out.subarray(2, 2 + (out[1] ?? 0))] };
}

export const pageBytes: number = native.memory.pageBytes;
