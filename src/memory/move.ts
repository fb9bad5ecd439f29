// Migration: pages that are there go to another node, and those to come follow.
import { native } from '../native.js';
import { meet } from './machine.js';
import { pageNodes } from './page-nodes.js';
import { checkNode, decodePolicy, encodePolicy, policyRoom } from './policy.js';
import { errno, failure, refusal } from './shortfall.js';

/** What became of `NumaBuffer.move`. */
export interface MoveResult {
  /** `moved`: every page that is there is on the node. `single-node`: nothing to do, nothing done. */
  readonly outcome: 'moved' | 'partly' | 'single-node';
  /** Pages that are on the node now, whether they were before or not. */
  readonly pages: number;
  /** The others, by index, with the kernel's reason (positive errno: ENOMEM, EBUSY, EACCES, …). */
  readonly stayed: readonly { readonly page: number; readonly errno: number }[];
  /** The call that did it. After mbind(2) the kernel gives no reasons, and `errno` is EAGAIN. */
  readonly by?: 'move_pages' | 'mbind' | undefined;
}

const moveFlag = 2;

export function movePages(view: Uint8Array, target: number): MoveResult {
  const node = checkNode('node', target);
  const met = meet('node', { mode: 'bind', nodes: [node] });
  if (met.outcome === 'single-node') return { outcome: 'single-node', pages: 0, stayed: [] };
  if (met.shortfall !== undefined) throw failure(met.shortfall);
  const { memory } = native;
  const before = policyRoom();
  const bound =
    memory.rangePolicy(view, 0, 1, before) === 0 && decodePolicy(before).mode === 'bind';
  const mode = bound ? 'bind' : 'preferred';
  const [number, nodes] = encodePolicy({ mode, nodes: [node] });
  const rebound = memory.bind(view, 0, view.length, number, nodes, 0);
  const reasons = new Int32Array(Math.ceil(view.length / memory.pageBytes));
  const refused = memory.movePages(view, 0, view.length, node, reasons);
  if (refused !== errno.EPERM && refused !== errno.ENOSYS) {
    // Where the kernel gives up in the middle it leaves the rest of the reasons as they were.
    return result(view, node, reasons, 'move_pages');
  }
  if (rebound !== 0) throw failure(refusal('placement', 'move_pages', refused, 'movePages'));
  const error = memory.bind(view, 0, view.length, number, nodes, moveFlag);
  if (error !== 0) throw failure(refusal('placement', 'mbind', error, 'mbind'));
  return result(view, node, reasons.fill(0), 'mbind');
}

/** The kernel leaves statuses of pages that failed to move as they were: where they are is asked anew. */
function result(
  view: Uint8Array,
  node: number,
  reasons: Int32Array,
  by: 'move_pages' | 'mbind',
): MoveResult {
  const stayed: { page: number; errno: number }[] = [];
  let pages = 0;
  for (const [page, now] of pageNodes(view).entries()) {
    const reason = reasons[page] ?? 0;
    if (now === node) pages++;
    else if (now !== -1) stayed.push({ page, errno: reason < 0 ? -reason : errno.EAGAIN });
  }
  return { outcome: stayed.length === 0 ? 'moved' : 'partly', pages, stayed, by };
}
