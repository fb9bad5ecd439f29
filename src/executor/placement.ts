// STUB until topology is merged
import { availableParallelism } from 'node:os';
import type { CheckedOptions } from './options.js';

export interface Seat {
  readonly cpus: readonly number[] | undefined;
  readonly cpu: number;
  readonly node: number;
  readonly order: Uint32Array;
}
export interface Placement {
  readonly seats: readonly Seat[];
  readonly nodes: readonly number[];
  readonly cpus: number;
}
export function placeWorkers(options: CheckedOptions): Placement {
  const cpus = availableParallelism();
  const n = typeof options.threads === 'number' ? options.threads : cpus;
  const seats = Array.from({ length: n }, (_, i) => ({
    cpus: undefined, cpu: -1, node: 0,
    order: Uint32Array.from([0x80000000, ...Array.from({ length: n - 1 }, (_, k) => (i + 1 + k) % n)]),
  }));
  return { seats, nodes: [0], cpus };
}
export function bornOn<T>(_cpus: readonly number[] | undefined, create: () => T): T {
  return create();
}
