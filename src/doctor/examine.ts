// The checks in the order in which they are told: first what is refused altogether, then what delays.
import { statSync } from 'node:fs';
import { checkOptions, invalidRange, invalidType } from '../base/index.js';
import { formatCpuList } from '../topology/cpu-list.js';
import { SystemFiles } from '../topology/system-files.js';
import { findingOf } from './check.js';
import { cpu as cpuChecks } from './cpu.js';
import { kernel as kernelChecks } from './kernel.js';
import { cpusOf, machineOf } from './machine.js';
import { memory as memoryChecks } from './memory.js';
import { privileges } from './privileges.js';
import { program } from './program.js';
import type { Examination, ExamineOptions } from './types.js';

/**
 * Looks for everything that real-time threads and placement of memory want of a machine, says why each
 * matters, and how to put right what is not as it should be. Reads some hundred small files of `/proc` and `/sys` and
 * changes nothing. Blocks for some milliseconds; any thread.
 *
 * With `root` the files are those of another machine, copied into a directory: what is not among them is
 * `unknown`. With `probes` what the kernel answered goes before what the files suggest.
 *
 * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`: `root` is no directory with a `sys` in it,
 * or `cpu` is not online there.
 *
 * @example
 * import { capabilities } from 'moirai';
 * import { examine } from 'moirai/doctor';
 *
 * for (const { name, state, fix } of examine({ probes: capabilities() }).findings) {
 *   if (state === 'missing') console.error(name, fix);
 * }
 */
export function examine(options: ExamineOptions = {}): Examination {
  const given = checkOptions('options', options, ['root', 'cpu', 'node', 'probes', 'addonError']);
  const root = given.root ?? '/';
  if (typeof root !== 'string') throw invalidType('options.root', 'a path', root);
  if (statSync(`${root}/sys`, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw invalidRange('options.root', 'a directory that contains sys (and proc)', root);
  }
  const files = new SystemFiles(root);
  const cpu = chosenCpu(files, given.cpu);
  const machine = machineOf(files, cpu, given.probes);
  const node = given.node ?? process.versions.node;
  const checks = [...privileges, ...kernelChecks, ...cpuChecks, ...memoryChecks];
  return {
    cpu,
    kernel: machine.kernel,
    node,
    findings: [
      ...checks.map((check) => findingOf(check, machine)),
      ...program(node, given.probes !== undefined, given.addonError),
    ],
  };
}

function chosenCpu(files: SystemFiles, wanted: number | undefined): number {
  const { online, allowed, isolated } = cpusOf(files);
  if (wanted === undefined) {
    return allowed.find((id) => isolated.includes(id)) ?? allowed.at(-1) ?? online.at(-1) ?? 0;
  }
  if (typeof wanted !== 'number') throw invalidType('options.cpu', 'a CPU number', wanted);
  if (online.includes(wanted)) return wanted;
  throw invalidRange('options.cpu', `a CPU that is online (${formatCpuList(online)})`, wanted);
}
