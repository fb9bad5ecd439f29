// What a pool is: asked for by options, and as it goes from thread to thread.
import { checkInteger, checkOptions, invalidRange, invalidType } from '../base/index.js';
import { topology } from '../topology/index.js';
import type { ViewConstructor } from './numa-buffer.js';
import { checkHomes, maxNode, makeHomes, type PoolHome } from './pool-homes.js';
import { checkRegions, makeRegions, type PoolRegion } from './pool-regions.js';
import { checkViewName, nameOfView, type ViewName } from './view-kinds.js';

export interface NumaPoolOptions<V = Uint8Array> {
  /** Bytes of a block, 1 to 2 ** 40. Blocks begin every so many bytes, rounded up to 64. */
  readonly blockSize: number;
  /** Blocks on each node, 1 to 16,777,215. */
  readonly blocksPerNode: number;
  /** The node for those who ask for none. Default: the one on which the caller's thread runs. */
  readonly preferredNode?: number | undefined;
  /** The kind of view that a block has: `Float64Array`, `DataView`, … Default `Uint8Array`. */
  readonly view?: ViewConstructor<V> | undefined;
}

/** A pool as it goes to another thread: by `postMessage`, `workerData` or as part of a task's argument. */
export interface NumaPoolHandle<V = Uint8Array> {
  readonly kind: 'NumaPool';
  readonly version: 1;
  readonly blockSize: number;
  readonly blocksPerNode: number;
  readonly preferredNode?: number | undefined;
  readonly view: ViewName;
  readonly regions: readonly PoolRegion[];
  readonly homes: readonly PoolHome[];
  /** For the type alone, never there. */
  readonly views?: V;
}

const optionNames = ['blockSize', 'blocksPerNode', 'preferredNode', 'view'] as const;
const maxBlocks = 2 ** 24 - 1;
const maxBlockSize = 2 ** 40;

/** Takes the memory of a pool. */
export function createHandle<V>(options: NumaPoolOptions<V>): NumaPoolHandle<V> {
  if (options === undefined) throw invalidType('options', 'an options object', options);
  const given = checkOptions<NumaPoolOptions<V>>('options', options, optionNames);
  const blockSize = checkInteger('options.blockSize', given.blockSize, 1, maxBlockSize);
  const blocksPerNode = checkInteger('options.blocksPerNode', given.blocksPerNode, 1, maxBlocks);
  const View = given.view ?? Uint8Array;
  const view = nameOfView('options.view', View);
  checkSize('options.blockSize', blockSize, View.BYTES_PER_ELEMENT);
  const machine = topology();
  const { preferredNode } = given;
  const nodes = machine.nodes.filter(({ bytes }) => bytes > 0).length > 1 ? machine.nodes : [];
  if (preferredNode !== undefined) {
    checkNode('options.preferredNode', new Set(nodes.map(({ id }) => id)), preferredNode);
  }
  const regions = makeRegions(blockSize, blocksPerNode);
  const homes = makeHomes(machine, regions);
  return {
    kind: 'NumaPool',
    version: 1,
    blockSize,
    blocksPerNode,
    preferredNode,
    view,
    regions,
    homes,
  };
}

/** A handle that came from somewhere; what its memory holds is checked when it is opened. */
export function checkHandle<V>(value: NumaPoolHandle<V>): NumaPoolHandle<V> {
  const given = (value ?? {}) as Partial<NumaPoolHandle<V>>;
  if (given.kind !== 'NumaPool' || given.version !== 1) {
    throw invalidType('handle', 'what the method handle of a NumaPool gives', value);
  }
  const { preferredNode } = given;
  const blockSize = checkInteger('handle.blockSize', given.blockSize, 1, maxBlockSize);
  const blocksPerNode = checkInteger('handle.blocksPerNode', given.blocksPerNode, 1, maxBlocks);
  const view = checkViewName('handle.view', given.view);
  const regions = checkRegions('handle.regions', given.regions, blockSize, blocksPerNode);
  const homes = checkHomes('handle.homes', given.homes, regions.length);
  if (preferredNode !== undefined) checkInteger('handle.preferredNode', preferredNode, 0, maxNode);
  return {
    kind: 'NumaPool',
    version: 1,
    blockSize,
    blocksPerNode,
    preferredNode,
    view,
    regions,
    homes,
  };
}

/** Of no nodes, any number will do: on a machine of one node that is where everything is. */
export function checkNode(argument: string, nodes: ReadonlySet<number>, value: unknown): number {
  if (nodes.size === 0) return checkInteger(argument, value, 0, maxNode);
  if (typeof value !== 'number') throw invalidType(argument, 'a node number', value);
  if (!nodes.has(value)) {
    const own = [...nodes].join(', ');
    throw invalidRange(argument, `among the nodes of this machine (${own})`, value);
  }
  return value;
}

function checkSize(argument: string, blockSize: number, element = 1): void {
  if (blockSize % element === 0) return;
  throw invalidRange(
    argument,
    `a multiple of ${element}, the size of the view's elements`,
    blockSize,
  );
}
