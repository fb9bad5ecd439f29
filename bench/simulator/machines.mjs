// The machines that can be simulated: captured ones, and made ones written as the kernel would show
// them, so that both are read by the project's own code.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { loadTopology } from 'moirai';

/**
 * `8x16`: 8 nodes of 16 CPUs, each CPU a core, the node's CPUs around one L3; distances as on
 * machines of two sockets: 12 to the nodes of the own half, 32 to the others (21 if there are two).
 * Else the path of a captured machine: a folder, or a tar file of one.
 */
export function readMachine(name) {
  const made = /^(\d+)x(\d+)$/.exec(name);
  const folder = mkdtempSync(join(tmpdir(), 'moirai-machine-'));
  try {
    if (made !== null) {
      writeMachine(folder, Number(made[1]), Number(made[2]));
      return { name, machine: loadTopology(folder) };
    }
    if (statSync(name).isDirectory()) return { name: basename(name), machine: loadTopology(name) };
    execFileSync('tar', ['-xf', name, '-C', folder, '--strip-components=1']);
    return { name: basename(name).replace(/\.tar.*$/, ''), machine: loadTopology(folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeMachine(root, nodes, cpusOfNode) {
  const count = nodes * cpusOfNode;
  const write = (path, content) => {
    const file = join(root, 'sys/devices/system', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${content}\n`);
  };
  write('cpu/online', `0-${count - 1}`);
  for (let cpu = 0; cpu < count; cpu++) {
    const node = Math.floor(cpu / cpusOfNode);
    const first = node * cpusOfNode;
    const neighbours = `${first}-${first + cpusOfNode - 1}`;
    const base = `cpu/cpu${cpu}`;
    write(`${base}/topology/core_id`, cpu - first);
    write(`${base}/topology/physical_package_id`, node);
    write(`${base}/topology/core_cpus_list`, cpu);
    write(`${base}/topology/package_cpus_list`, neighbours);
    writeCache(write, `${base}/cache/index0`, 2, '1024K', cpu);
    writeCache(write, `${base}/cache/index1`, 3, '32768K', neighbours);
  }
  for (let node = 0; node < nodes; node++) {
    const base = `node/node${node}`;
    write(`${base}/cpulist`, `${node * cpusOfNode}-${(node + 1) * cpusOfNode - 1}`);
    write(`${base}/meminfo`, `Node ${node} MemTotal: 16777216 kB`);
    const row = Array.from({ length: nodes }, (_, other) => distance(nodes, node, other));
    write(`${base}/distance`, row.join(' '));
  }
  write('node/online', `0-${nodes - 1}`);
}

function writeCache(write, path, level, size, cpus) {
  write(`${path}/level`, level);
  write(`${path}/type`, 'Unified');
  write(`${path}/size`, size);
  write(`${path}/coherency_line_size`, 64);
  write(`${path}/shared_cpu_list`, cpus);
}

function distance(nodes, a, b) {
  if (a === b) return 10;
  if (nodes === 2) return 21;
  return Math.floor((a * 2) / nodes) === Math.floor((b * 2) / nodes) ? 12 : 32;
}
