// Memory with a place: reserved by V8 in pages of its own, bound before anyone touches it.
import { checkBoolean, checkOneOf, checkOptions, MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { advise, explicitPages } from './huge-pages.js';
import { enter, spread } from './ledger.js';
import { lock } from './lock.js';
import { meet, readMachine } from './machine.js';
import { NumaBuffer } from './numa-buffer.js';
import {
  argumentOf,
  checkBytes,
  checkPlace,
  place,
  sourcesOf,
  type PlaceOptions,
} from './place.js';
import type { CheckedPolicy } from './policy.js';
import { prefault } from './prefault.js';
import { failure, type Shortfall } from './shortfall.js';

/** Options of `numa.allocate`. */
export interface AllocateOptions extends PlaceOptions {
  /**
   * `'transparent'`: the kernel is asked to use huge pages where it finds them. `'explicit'`: pages of
   * the machine's pool (vm.nr_hugepages), where Node can wrap foreign memory (from 22.23.3, 24.16 and
   * 26.1 on); the buffer's length is then a multiple of their size.
   */
  readonly hugePages?: 'transparent' | 'explicit' | undefined;
  /**
   * Every page is had before `allocate` returns. Default: true with `node` or the mode `bind`, where
   * a page that the node does not have is a signal to whoever touches it; otherwise false. It is the
   * caller who answers for `false` there.
   */
  readonly prefault?: boolean | undefined;
  /** The memory is locked (mlock), which prefaults it too. Default false. */
  readonly lock?: boolean | undefined;
  /** What cannot be granted is an error instead of an entry in `degraded`. Default false. */
  readonly required?: boolean | undefined;
}

const known = ['node', 'policy', 'hugePages', 'prefault', 'lock', 'required'] as const;

export function allocate(bytes: number, options?: AllocateOptions): NumaBuffer {
  checkBytes(bytes);
  const given = checkOptions('options', options, known);
  const wanted = checkPlace(given);
  const huge =
    given.hugePages === undefined
      ? undefined
      : checkOneOf('options.hugePages', given.hugePages, ['transparent', 'explicit']);
  for (const name of ['prefault', 'lock', 'required'] as const) {
    if (given[name] !== undefined) checkBoolean(`options.${name}`, given[name]);
  }
  const degraded: Shortfall[] = [];
  const buffer = reserve(bytes, huge, wanted, degraded);
  const view = new Uint8Array(buffer, 0, buffer.byteLength);
  try {
    const placed =
      wanted === undefined ? undefined : place(view, 0, view.length, argumentOf(given), wanted, 0);
    degraded.push(...(placed?.shortfalls ?? []));
    const policy = placed?.policy;
    if (huge === 'transparent') note(degraded, advise(view));
    if (given.lock === true || (given.prefault ?? policy?.mode === 'bind')) {
      prefault(view, sourcesOf(policy));
    }
    if (given.lock === true) note(degraded, lock(view));
    const [first] = degraded;
    if (given.required === true && first !== undefined) throw failure(first);
    const entry = enter(buffer, buffer.byteLength, nodeOf(policy));
    return new NumaBuffer(buffer, bytes, placed?.placement ?? 'default', degraded, entry);
  } catch (error) {
    native.memory.unlock(view, 0, view.length);
    native.memory.discard(view, 0, view.length);
    throw error;
  }
}

function reserve(
  bytes: number,
  huge: AllocateOptions['hugePages'],
  wanted: CheckedPolicy | undefined,
  degraded: Shortfall[],
): SharedArrayBuffer {
  if (huge === 'explicit') {
    const met = wanted === undefined ? undefined : meet('options.policy.nodes', wanted);
    const nodes =
      met?.outcome === 'usable' && wanted?.mode === 'bind' ? met.policy.nodes : undefined;
    const pages = explicitPages(bytes, nodes);
    if (pages instanceof SharedArrayBuffer) return pages;
    degraded.push(pages);
  }
  try {
    // Growable ones are mapped, so they begin a page and own it whole; others come from malloc.
    return new SharedArrayBuffer(bytes, { maxByteLength: bytes });
  } catch (cause) {
    const message = `${bytes} bytes could not be reserved`;
    throw new MoiraiError('ERR_MOIRAI_OUT_OF_MEMORY', message, { cause });
  }
}

function note(degraded: Shortfall[], shortfall: Shortfall | undefined): void {
  if (shortfall !== undefined) degraded.push(shortfall);
}

/** The node whose figures a buffer adds to: the one that it was asked from, or the only one. */
function nodeOf(policy: CheckedPolicy | undefined): number {
  const { usable } = readMachine();
  const nodes = policy?.nodes.length === 1 ? policy.nodes : usable.size === 1 ? [...usable] : [];
  return nodes[0] ?? spread;
}
