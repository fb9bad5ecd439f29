import type { Topology } from 'moirai';

export interface Planned {
  readonly text: string;
  readonly workers: number;
  readonly nodes: number;
}

export interface Job {
  /** In ns, by name, as costs.mjs gives them. */
  readonly costs: Readonly<Record<string, number>>;
  readonly pattern: 'owner' | 'node' | 'tree' | 'chain' | 'bursts';
  readonly taskUs: number;
  readonly tasks: number;
  readonly seed?: number;
  readonly way?: 'real' | 'random' | 'shared';
}

export interface Simulated {
  readonly tasks: number;
  readonly sustained: number;
  readonly wakes: number;
  /** By class of distance: the same core, a shared cache, the same node, another node. */
  readonly stolen: readonly [number, number, number, number];
  readonly burstUs?: { readonly count: number };
}

export function build(...targets: readonly string[]): void;
export function plan(machine: Topology): Planned;
export function simulate(planned: Planned, job: Job): Promise<Simulated>;
