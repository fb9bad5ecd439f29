// The memory policy that this thread passes to programs it starts, as libnuma reads it there.
import { execFileSync } from 'node:child_process';

/**
 * @param {string[]} [command] Runs it through this, as `numactl --membind=1`.
 * @returns {{
 *   mode: 'default' | 'preferred' | 'bind' | 'interleave' | 'local' | 'preferred-many',
 *   staticNodes: boolean, relativeNodes: boolean, nodes: number[],
 *   membind: number[], interleave: number[], preferred: number,
 *   pages: Record<string, number>,
 * }} `mode` to `nodes` are the kernel's words; `membind`, `interleave` and `preferred` (-1 in other modes)
 *   libnuma's; `pages` counts, by node, where 64 fresh pages were put.
 */
export function libnumaPolicy(command = []) {
  const [program, ...words] = [...command, 'libnuma-policy'];
  return JSON.parse(execFileSync(program, words, { encoding: 'utf8' }));
}
