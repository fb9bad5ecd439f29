// The memory of a pool of blocks: a region on each node. All that changes in a pool lies there.
import { checkInteger, invalidType, MoiraiError } from '../base/index.js';
import { native } from '../native.js';
import { allocate } from './allocate.js';
import { readMachine } from './machine.js';
import type { NumaBuffer } from './numa-buffer.js';
import type { Placement } from './place.js';

/** One node's blocks. */
export interface PoolRegion {
  readonly node: number;
  /** What became of the wish that they lie there. */
  readonly placement: Placement;
  readonly buffer: SharedArrayBuffer;
}

/** Where blocks lie in a region; native/core/memory/block_pool.h. */
export interface PoolLayout {
  readonly bytes: number;
  readonly firstBlock: number;
  readonly stride: number;
}

const maxSlots = 2 ** 31 - 1;
const out = new Float64Array(3);

export function layoutOf(blockSize: number, blocksPerNode: number): PoolLayout {
  native.numaPool.layout(blockSize, blocksPerNode, out);
  const [bytes = 0, firstBlock = 0, stride = 0] = out;
  return { bytes, firstBlock, stride };
}

/** Takes the memory, whole: a page that comes later could not be had, and that would be a signal. */
export function makeRegions(blockSize: number, blocksPerNode: number): PoolRegion[] {
  const { usable } = readMachine();
  const nodes = usable.size > 0 ? [...usable] : [0];
  const { bytes } = layoutOf(blockSize, blocksPerNode);
  if (bytes > Number.MAX_SAFE_INTEGER || nodes.length * blocksPerNode > maxSlots) {
    throw new MoiraiError(
      'ERR_MOIRAI_OUT_OF_MEMORY',
      `${blocksPerNode} blocks of ${blockSize} bytes on ${nodes.length} nodes are too many`,
    );
  }
  const taken: NumaBuffer[] = [];
  try {
    for (const node of nodes) taken.push(allocate(bytes, { node }));
  } catch (error) {
    for (const memory of taken) memory.free();
    throw error;
  }
  return taken.map(({ buffer, placement }, i) => ({ node: nodes[i] ?? 0, placement, buffer }));
}

/** What came from another thread, before anything of it is used. */
export function checkRegions(
  argument: string,
  value: unknown,
  blockSize: number,
  blocksPerNode: number,
): PoolRegion[] {
  if (!Array.isArray(value) || value.length === 0 || value.length * blocksPerNode > maxSlots) {
    throw invalidType(argument, 'the regions of a pool', value);
  }
  const { bytes } = layoutOf(blockSize, blocksPerNode);
  return Array.from(value as unknown[], (region, i) => {
    const { node, placement, buffer } = (region ?? {}) as Partial<PoolRegion>;
    checkInteger(`${argument}[${i}].node`, node, 0, 1023);
    if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength < bytes) {
      throw invalidType(
        `${argument}[${i}].buffer`,
        `a SharedArrayBuffer of ${bytes} bytes`,
        buffer,
      );
    }
    return { node: node as number, placement: placement as Placement, buffer };
  });
}
