// On which node each page of a range is, by the best way that is open.
import { native } from '../native.js';
import { readMachine } from './machine.js';
import { pageBytes } from './policy.js';
import { errno } from './shortfall.js';

const absent = -1;
const unknown = -2;

export function pageNodes(view: Uint8Array): Int32Array {
  const { memory } = native;
  const nodes = new Int32Array(Math.ceil(view.length / pageBytes));
  if (memory.pageNodes(view, 0, view.length, nodes) === 0) return nodes.map(told);
  // Container engines filter move_pages also from those who may call get_mempolicy.
  if (memory.pageNodesByPolicy(view, 0, view.length, nodes) === 0) return nodes.map(told);
  if (memory.presentPages(view, 0, view.length, nodes) !== 0) return nodes.fill(unknown);
  const { usable } = readMachine();
  const only = usable.size === 1 ? [...usable][0] : undefined;
  return nodes.map((status) => (status < 0 ? told(status) : (only ?? unknown)));
}

/** EFAULT is the page of zeros that all who only read share. */
function told(status: number): number {
  if (status >= 0) return status;
  return status === -errno.ENOENT || status === -errno.EFAULT ? absent : unknown;
}
