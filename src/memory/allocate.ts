// Memory with a place: reserved by V8 in pages of its own, bound before anyone touches it.
import { checkInteger, checkOptions, invalidType, MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { meet } from './machine.js';
import { NumaBuffer, type Placement } from './numa-buffer.js';
import {
  checkNode,
  checkPolicy,
  encodePolicy,
  type CheckedPolicy,
  type MemoryPolicy,
} from './policy.js';
import { failure, type Shortfall } from './shortfall.js';
import { refusedMode } from './thread-policy.js';

export interface AllocateOptions {
  /** The node to take the memory from: short for the policy `bind` to it. Not together with `policy`. */
  readonly node?: number | undefined;
  /** Where the memory comes from. Default: where it is touched first. */
  readonly policy?: MemoryPolicy | undefined;
  /** What cannot be granted is an error instead of an entry in `degraded`. Default false. */
  readonly required?: boolean | undefined;
}

export function allocate(bytes: number, options?: AllocateOptions): NumaBuffer {
  checkInteger('bytes', bytes, 1, Number.MAX_SAFE_INTEGER);
  const given = checkOptions('options', options, ['node', 'policy', 'required']);
  const wanted = checkPlace(given);
  const buffer = reserve(bytes);
  const degraded: Shortfall[] = [];
  const placement = wanted === undefined ? 'default' : place(buffer, wanted, degraded);
  const [first] = degraded;
  if (given.required === true && first !== undefined) throw failure(first);
  return new NumaBuffer(buffer, placement, degraded);
}

function checkPlace(given: AllocateOptions): CheckedPolicy | undefined {
  if (given.node === undefined) {
    return given.policy === undefined ? undefined : checkPolicy('options.policy', given.policy);
  }
  if (given.policy !== undefined) {
    throw invalidType('options.policy', 'absent where options.node is given', given.policy);
  }
  return { mode: 'bind', nodes: [checkNode('options.node', given.node)] };
}

/** Growable ones are mapped, so they begin a page and own it whole; others come from malloc. */
function reserve(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes, { maxByteLength: bytes });
  } catch (cause) {
    throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', `${bytes} bytes could not be reserved`, {
      cause,
    });
  }
}

function place(buffer: SharedArrayBuffer, wanted: CheckedPolicy, degraded: Shortfall[]): Placement {
  const met = meet('options.policy.nodes', wanted);
  if (met.shortfall !== undefined) degraded.push(met.shortfall);
  if (met.outcome === 'single-node') return 'single-node';
  if (met.outcome === 'none') return 'refused';
  const view = new Uint8Array(buffer, 0, buffer.byteLength);
  const [mode, nodes] = encodePolicy(met.policy);
  const error = native.memory.bind(view, 0, view.length, mode, nodes, 0);
  if (error !== 0) {
    degraded.push(refusedMode(met.policy, 'mbind', error, 'mbind'));
    return 'refused';
  }
  return met.shortfall === undefined ? 'placed' : 'degraded';
}
