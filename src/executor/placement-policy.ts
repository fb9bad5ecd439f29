// Where workers sit, decided by the user.
import type { Topology } from '../topology/index.js';

/** One worker's place. */
export interface WorkerPlace {
  /** The CPUs it is bound to; undefined: not bound. */
  readonly cpus?: readonly number[] | undefined;
  /** Its NUMA node, which decides from which queue it takes first. Default: the node of its CPUs. */
  readonly node?: number | undefined;
}

/**
 * Decides where each worker sits. Called when the executor starts and when it is resized, with as many
 * workers as there may be at most; gives one place for each.
 *
 * @example
 * // Every worker on CPU 3:
 * const placement: PlacementPolicy = {
 *   place: (machine, workers) => Array.from({ length: workers }, () => ({ cpus: [3] })),
 * };
 */
export interface PlacementPolicy {
  place(machine: Topology, workers: number): readonly WorkerPlace[];
}
