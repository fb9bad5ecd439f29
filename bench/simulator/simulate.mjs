// One simulated run: places workers on a machine as the executor would, with its own code, writes that
// down with the costs for the C++ program, and reads what it says.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../machine.mjs';
// Not public: the package's modules stay beside the bundles in dist.
import { placeOn } from '../../dist/executor/placement.js';

const native = join(root, 'native');
export const release = join(native, 'build/release');

/** Builds programs of native/CMakeLists.txt in the release preset. */
export function build(...targets) {
  const jobs = String(availableParallelism());
  for (const args of [
    ['--preset', 'release'],
    ['--build', '--preset', 'release', '--parallel', jobs, '--target', ...targets],
  ]) {
    const { status, error, stdout, stderr } = spawnSync('cmake', args, {
      cwd: native,
      encoding: 'utf8',
    });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`cmake ${args.join(' ')}: ${stdout}${stderr}`);
  }
}

/** The machine as the simulator reads it; one worker on each core, or on each CPU. */
export function plan(machine, { threads = 'cores', ownerNs = 0 } = {}) {
  const usable = machine.cpus.filter((cpu) => cpu.online && cpu.allowed);
  const indexOf = new Map(usable.map((cpu, index) => [cpu.id, index]));
  const nodes = [...new Set(usable.map((cpu) => cpu.node))];
  const coreOf = (cpu) =>
    cpu.core < 0 ? `cpu ${cpu.id}` : `${cpu.package}/${cpu.core}/${cpu.node}`;
  const cores = [...new Set(usable.map(coreOf))];
  const count =
    typeof threads === 'number' ? threads : threads === 'cpus' ? usable.length : cores.length;
  const here = usable[0].id;
  const placement = placeOn(
    machine,
    here,
    { pin: 'cpu', blockingThreads: 0, steal: 'adaptive' },
    count,
  );
  const distance = (a, b) => (a < 0 || b < 0 ? 10 : machine.distance(a, b));
  const lines = [
    `nodes ${nodes.length}`,
    ...nodes.map((a) => nodes.map((b) => distance(a, b)).join(' ')),
    ...usable.map((cpu) => `cpu ${nodes.indexOf(cpu.node)} ${cores.indexOf(coreOf(cpu))}`),
    ...placement.seats.map(({ queue, cpu, order }) =>
      ['seat', queue, indexOf.get(cpu), order.length, ...order].join(' '),
    ),
    `owner ${indexOf.get(here)} ${ownerNs}`,
  ];
  return { text: lines.join('\n'), workers: count, nodes: placement.nodes.length };
}

/** `way`: real, random or shared. */
export async function simulate(planned, { costs, pattern, taskUs, tasks, seed = 1, way = 'real' }) {
  const folder = mkdtempSync(join(tmpdir(), 'moirai-simulate-'));
  try {
    const file = join(folder, 'run');
    const lines = [
      ...Object.entries(costs).map(([name, ns]) => `cost ${name} ${ns}`),
      `pattern ${pattern} ${taskUs * 1000} ${tasks}`,
      `way ${way}`,
      `seed ${seed}`,
      planned.text,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return JSON.parse(await run(join(release, 'simulator'), [file]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function run(command, args, settings = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...settings });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0) resolve(out);
      else reject(new Error(`${command}: ended with ${status ?? signal}\n${err}`));
    });
  });
}
