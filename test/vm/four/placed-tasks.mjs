// Tasks of placement.test.mjs and steals.test.mjs.
import { currentNode, numa } from 'moirai';
import { workerData } from 'moirai/worker';

let kept;

/** Busy for so many rounds; on which node. */
export function work(rounds) {
  const node = currentNode();
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum += Math.sqrt(i);
  if (sum < 0) throw new Error('never');
  return node;
}

/**
 * The same, counted while tasks wait on every node: `workerData` has [2] not 0 once fewer than `spare` of
 * some node's `count` are left, [3] the tasks begun before, [4] those on another node than `node`, and from
 * [5] on how many of each node.
 */
export function counted(rounds, node, count, spare) {
  const ran = work(rounds);
  if (Atomics.load(workerData, 2) !== 0) return;
  Atomics.add(workerData, 3, 1);
  if (ran !== node) Atomics.add(workerData, 4, 1);
  if (Atomics.add(workerData, 5 + node, 1) + spare >= count) Atomics.store(workerData, 2, 1);
}

/** Takes memory that stays: outside of the heap, and on it. On which node it ran. */
export function takeMemory(mebibytes) {
  kept = [new Uint8Array(mebibytes << 20).fill(1), new Array((mebibytes << 20) / 8).fill(0.5)];
  return kept.length > 0 ? currentNode() : -1;
}

export const policy = () => ({ at: currentNode(), ...numa.getPolicy() });

/** Keeps its worker until `workerData[1]` is set; `workerData[0]` counts who does. */
export function hold() {
  Atomics.add(workerData, 0, 1);
  Atomics.wait(workerData, 1, 0);
}

export const echo = (bytes) => bytes;
