import { affinity } from 'moirai';

/** The CPUs that this worker may run on. */
export function whereami(): readonly number[] {
  return affinity.get();
}
