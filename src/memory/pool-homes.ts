// In which order threads of a node look for a block.
import { checkInteger, invalidType } from '../base/index.js';
import type { Topology } from '../topology/index.js';
import type { PoolRegion } from './pool-regions.js';

export const maxNode = 1023;

/** The positions of all regions, nearest to the node first. */
export interface PoolHome {
  readonly node: number;
  readonly order: readonly number[];
}

/**
 * For threads of every node of the machine, also one without memory of its own. Of regions equally
 * far another one comes first for each node of the home's neighbourhood: when all of a board are full,
 * they do not all turn to the same node of the other board.
 */
export function makeHomes(machine: Topology, regions: readonly PoolRegion[]): PoolHome[] {
  const all = machine.nodes.map(({ id }) => id);
  const place = (id: number): number => all.indexOf(id);
  return all.map((node) => {
    const turn = (other: number): number => (place(other) + place(node)) % all.length;
    const far = (other: number): number =>
      all.includes(other) ? machine.distance(node, other) : Number.POSITIVE_INFINITY;
    const order = regions
      .map((region, position) => ({ node: region.node, position }))
      .toSorted(
        (a, b) =>
          Number(b.node === node) - Number(a.node === node) ||
          far(a.node) - far(b.node) ||
          turn(a.node) - turn(b.node),
      )
      .map(({ position }) => position);
    return { node, order };
  });
}

/** Rows of the table that native code has, and by node which row is its own: ~row where it owns none. */
export function encodeHomes(
  homes: readonly PoolHome[],
  regions: readonly PoolRegion[],
): { orders: Uint32Array; rows: Int32Array } {
  const rows = new Int32Array(Math.max(...homes.map(({ node }) => node)) + 1).fill(~0);
  homes.forEach(({ node, order }, row) => {
    rows[node] = regions[order[0] ?? 0]?.node === node ? row : ~row;
  });
  return { orders: Uint32Array.from(homes.flatMap(({ order }) => order)), rows };
}

export function checkHomes(argument: string, value: unknown, regions: number): PoolHome[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidType(argument, 'the homes of a pool', value);
  }
  return Array.from(value as unknown[], (home, i) => {
    const { node, order } = (home ?? {}) as Partial<PoolHome>;
    checkInteger(`${argument}[${i}].node`, node, 0, maxNode);
    if (!Array.isArray(order) || new Set(order).size !== regions || order.length !== regions) {
      throw invalidType(`${argument}[${i}].order`, 'every region once', order);
    }
    for (const position of order) checkInteger(`${argument}[${i}].order`, position, 0, regions - 1);
    return { node: node as number, order: order as number[] };
  });
}
