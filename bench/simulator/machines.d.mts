import type { Topology } from 'moirai';

export function readMachine(name: string): { readonly name: string; readonly machine: Topology };
