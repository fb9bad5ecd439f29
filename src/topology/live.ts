// The machine this process runs on: read once, read again when what the process may use has changed.
import { statSync } from 'node:fs';
import { invalidRange, invalidType } from '../base/index.js';
import { native } from '../native.js';
import { intersect, parseCpuList } from './cpu-list.js';
import { readLimits } from './limits.js';
import { cpuPath } from './processors.js';
import { SystemFiles } from './system-files.js';
import { Topology } from './topology.js';

/**
 * The machine this process runs on and what it may use of it. The result is kept until the affinity
 * of the main thread, the cpuset, the CPU quota or the set of online CPUs changes; checking that
 * takes a dozen reads of small kernel files. What a thread pinned itself to with `affinity.pin` does
 * not count: a pin is a choice, not a limit. Blocks for the time of the reading, which grows with the
 * number of CPUs; callable from every thread.
 *
 * @example
 * const { effectiveParallelism, nodes } = topology();
 */
export function topology(): Topology {
  const files = new SystemFiles('/');
  const current = kept;
  if (current !== undefined && current.state === stateOf(files, current.watched)) {
    return current.topology;
  }
  const watched = new Set<string>([
    '/proc/self/cgroup',
    `${cpuPath}/online`,
    `${cpuPath}/isolated`,
  ]);
  const limits = readLimits(files, (path) => watched.add(path));
  const state = stateOf(files, watched);
  const masks = { cpus: allowedCpus(limits.cpus), memoryNodes: allowedNodes(files) };
  kept = { watched, state, topology: new Topology(files, masks, limits) };
  return kept.topology;
}

/**
 * Reads a machine from another root: a directory with copies of another machine's `/sys` and
 * `/proc`. What its process may use comes from the control groups captured with it.
 *
 * @throws TypeError or RangeError (`ERR_MOIRAI_INVALID_ARGUMENT`) when `root` is not a directory
 * with a `sys` in it.
 *
 * @example
 * console.log(`${loadTopology('/var/captures/server-7')}`);
 */
export function loadTopology(root: string): Topology {
  if (typeof root !== 'string') throw invalidType('root', 'a path', root);
  const sys = statSync(`${root}/sys`, { throwIfNoEntry: false });
  if (sys?.isDirectory() !== true) {
    throw invalidRange('root', 'a directory that contains sys (and proc)', root);
  }
  return new Topology(new SystemFiles(root));
}

interface Kept {
  readonly watched: ReadonlySet<string>;
  readonly state: string;
  readonly topology: Topology;
}

let kept: Kept | undefined;

/** Everything whose change makes the kept topology wrong, as one string to compare. */
function stateOf(files: SystemFiles, watched: ReadonlySet<string>): string {
  const texts = [...watched].map((path) => files.text(path) ?? '');
  return [JSON.stringify(native.affinity.processMask()), ...texts].join('\n');
}

function allowedCpus(cpuset: readonly number[] | undefined): readonly number[] | undefined {
  const mask = native.affinity.processMask();
  if (typeof mask === 'number') return cpuset;
  // While the main thread is pinned its mask is remembered from before, and the cpuset may have
  // changed since.
  if (!mask.pinned || cpuset === undefined) return mask.cpus;
  const left = mask.unrestricted ? cpuset : intersect(mask.cpus, cpuset);
  return left.length > 0 ? left : cpuset;
}

function allowedNodes(files: SystemFiles): number[] | undefined {
  const match = /^Mems_allowed_list:\s*(\S+)/m.exec(files.text('/proc/self/status') ?? '');
  return match === null ? undefined : parseCpuList(match[1]);
}
