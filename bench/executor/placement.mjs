// Puts the main thread on one CPU and the worker on another, the same way for every contender: a
// thread is born with the mask of its creator.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/**
 * Runs `create`, which starts worker threads, while this (main) thread is bound to the worker's CPU;
 * binds it to its own afterwards. Without `cpus` nothing is bound.
 *
 * taskset changes the one thread whose id is the process's, so V8's helpers stay unbound, and a peer's
 * process needs nothing of Moirai for it.
 */
export function createPinned(cpus, create) {
  if (cpus === undefined) return create();
  bindMain(cpus.worker);
  try {
    return create();
  } finally {
    bindMain(cpus.main);
  }
}

function bindMain(cpu) {
  const { status, error } = spawnSync('taskset', ['-p', '-c', String(cpu), String(process.pid)]);
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`taskset ended with ${status}`);
}

/** The threads of this process, each with the CPUs that it may use, as the kernel prints them. */
export function threadMasks() {
  return new Map(
    readdirSync('/proc/self/task').map((id) => {
      const status = readFileSync(`/proc/self/task/${id}/status`, 'utf8');
      return [Number(id), /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '?'];
    }),
  );
}

/**
 * Where main and worker are to be, by the topology of the machine: the first CPU, and the first CPU
 * of the next core on its node, which is where an executor of one thread puts its worker.
 * Undefined where there is one CPU only.
 */
export function chooseCpus(topology) {
  const usable = topology.cpus.filter((cpu) => cpu.online && cpu.allowed);
  const [main] = usable;
  const elsewhere = usable.filter((cpu) => cpu.id !== main.id);
  const otherCore = elsewhere.filter(
    (cpu) => cpu.core < 0 || cpu.core !== main.core || cpu.package !== main.package,
  );
  const worker = otherCore.find((cpu) => cpu.node === main.node) ?? otherCore[0] ?? elsewhere[0];
  return worker === undefined ? undefined : { main: main.id, worker: worker.id };
}
