// What a figure must be read with: the machine, the versions, and what else ran meanwhile.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Facts to keep beside results; `packages` are looked up among the installed ones. */
export function describeMachine(packages = []) {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim();
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    arch: process.arch,
    node: process.versions.node,
    commit: git('rev-parse', '--short=12', 'HEAD') ?? 'unknown',
    modified: (git('status', '--porcelain', '--', '.', ':!bench/results') ?? '') !== '',
    versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    date: new Date().toISOString(),
  };
}

function versionOf(name) {
  const own = readJson(`${root}package.json`);
  if (name === own.name) return own.version;
  // Read as a file: not every package exports its package.json.
  return readJson(`${root}node_modules/${name}/package.json`).version;
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

export function load() {
  return loadavg()[0] ?? 0;
}

/**
 * Starts watching what the CPUs do besides this process and its children that have ended; the
 * function returned says it in CPUs: 0.5 is one half of one CPU.
 */
export function watchOthers() {
  const before = ticks();
  return () => {
    const after = ticks();
    const [all, busy, stolen, own] = after.map((value, index) => value - before[index]);
    const perCpu = all / cpus().length || 1;
    return { others: Math.max(0, busy - own) / perCpu, stolen: stolen / perCpu };
  };
}

/** Clock ticks so far: of all CPUs together, busy, stolen by the hypervisor, and our own. */
function ticks() {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user, nice, system, idle, wait, irq, softirq, stolen] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softirq;
  // utime, stime, cutime, cstime: fields 14 to 17, counted past the name in parentheses.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').pop().split(' ');
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return [busy + idle + wait + stolen, busy, stolen, own];
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Writes JSON as the formatter of this repository would. */
export function formatFile(path) {
  const biome = fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url));
  spawnSync(process.execPath, [biome, 'format', '--write', path], { cwd: root });
}
