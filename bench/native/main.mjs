// What do queues, pools, rings and locks cost in C++, beside oneTBB, malloc, boost, moodycamel, std::mutex? Needs cmake and the packages that native/CMakeLists.txt names;
// measures libmimalloc2.0 too where it is installed.
//
//   npm run bench:native [-- --quick] [-- --out FOLDER]
//
// Builds bench/native/*.cc in the release preset, runs each with its benchmarks in random interleaved
// order, prints a table and writes native.json into bench/results: medians of 9 repetitions. Ends with
// exit code 1 when a target is missed. --quick only shows that all of it runs, results into
// build/bench.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { topology } from 'moirai';
import { chooseCpus } from '../executor/placement.mjs';
import { describeMachine, formatFile, load, root, watchOthers } from '../machine.mjs';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, out: { type: 'string' } },
});
const { quick } = options;
const out = options.out ?? join(root, quick ? 'build/bench' : 'bench/results');
const repetitions = quick ? 1 : 9;
const native = join(root, 'native');
const folder = join(native, 'build/release');
const programs = readdirSync(join(root, 'bench/native'))
  .filter((name) => name.endsWith('_bench.cc'))
  .map((name) => `bench_${basename(name, '.cc')}`);

/** Nanoseconds an item may take: 10 for a push and 10 for a pop, which are one item; 50 for a steal. */
const targets = {
  'BM_Deque_PushPop/1': 20,
  'BM_Deque_PushPop/64': 20,
  BM_Deque_Steal: 50,
  BM_Deque_StealFromOtherCpu: 50,
};

/**
 * A pool's block must cost at most half of what malloc and free do, in the same run; a mutex no more than
 * std::mutex, nor 20 ns, and contended at most 1 / 1.2 of it.
 */
function targetOf(name, all) {
  const ofStandard = () =>
    all.find((each) => each.name === name.replace('<Moirai>', '<Standard>')).ns;
  if (name === 'BM_Mutex_Alone<Moirai>') return Math.min(20, ofStandard());
  if (name.startsWith('BM_Mutex_Contended<Moirai>')) return ofStandard() / 1.2;
  if (!name.startsWith('BM_Pool_Moirai/')) return targets[name];
  return all.find((each) => each.name === name.replace('Moirai', 'Malloc')).ns / 2;
}

function run(command, args, settings) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    ...settings,
  });
  if (error !== undefined) throw error;
  if (status === 0) return;
  throw new Error(
    `${command} ${args.join(' ')}: ended with ${status ?? signal}\n${stdout}${stderr}`,
  );
}

function build() {
  run('cmake', ['--preset', 'release'], { cwd: native });
  const jobs = String(availableParallelism());
  const args = ['--build', '--preset', 'release', '--parallel', jobs, '--target', ...programs];
  run('cmake', args, { cwd: native });
}

/** { name, ns, counters } of each of a program's benchmarks; ns is per item. */
function measure(program, cpus) {
  const temporary = mkdtempSync(join(tmpdir(), 'moirai-bench-'));
  const file = join(temporary, 'out.json');
  const args = [
    `--benchmark_out=${file}`,
    '--benchmark_out_format=json',
    `--benchmark_repetitions=${repetitions}`,
    '--benchmark_enable_random_interleaving=true',
    `--benchmark_min_time=${quick ? 0.01 : 0.1}`,
  ];
  const env = { ...process.env };
  if (cpus !== undefined) env.MOIRAI_BENCH_CPUS = `${cpus.main},${cpus.worker}`;
  try {
    run(join(folder, program), args, { env });
    return summarize(JSON.parse(readFileSync(file, 'utf8')).benchmarks);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function summarize(benchmarks) {
  const failed = benchmarks.find((each) => each.error_occurred);
  if (failed !== undefined) throw new Error(`${failed.name}: ${failed.error_message}`);
  // One repetition has no aggregates.
  const wanted = benchmarks.filter((each) => quick || each.aggregate_name === 'median');
  // They ran in random order.
  wanted.sort((a, b) => a.run_name.localeCompare(b.run_name, 'en', { numeric: true }));
  return wanted.map((middle) => {
    const name = middle.run_name;
    const all = benchmarks
      .filter((each) => each.run_name === name && each.run_type === 'iteration')
      .map(nsPerItem);
    const { empty, lost, stolen, share, longest_us } = middle;
    return {
      name: name.replace(/\/(?:manual_time|real_time)$/, ''),
      ns: nsPerItem(middle),
      min: Math.min(...all),
      max: Math.max(...all),
      counters: { empty, lost, stolen, share, longest_us },
    };
  });
}

function nsPerItem(benchmark) {
  return 1e9 / benchmark.items_per_second;
}

function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
        )
        .join('  '),
    );
  }
}

build();
const cpus = chooseCpus(topology());
console.log(
  `load average ${load().toFixed(2)}; ${cpus === undefined ? 'not pinned' : `CPUs ${cpus.main} and ${cpus.worker}`}`,
);
const others = watchOthers();
const results = Object.fromEntries(programs.map((program) => [program, measure(program, cpus)]));
const seen = others();
const verdicts = [];
const table = [['ns per item', 'median', 'min', 'max', '', 'target', 'verdict']];
const all = Object.values(results).flat();
for (const { name, ns, min, max, counters } of all) {
  const target = targetOf(name, all);
  if (target !== undefined) verdicts.push({ name, ns, target, met: ns < target });
  table.push([
    name.replace('BM_', ''),
    ...[ns, min, max].map((value) => value.toFixed(2)),
    Object.entries(counters)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} ${value.toFixed(3)}`)
      .join(', '),
    target === undefined ? '' : `< ${Number(target.toFixed(2))}`,
    target === undefined || quick ? '' : ns < target ? 'met' : 'missed',
  ]);
}
print(table);
console.log(`other processes took ${seen.others.toFixed(2)} CPUs`);

mkdirSync(out, { recursive: true });
const file = join(out, 'native.json');
const report = {
  machine: { ...describeMachine(['moirai']), compiler: compiler(), tbb: tbbVersion() },
  method: { quick, repetitions, cpus: cpus ?? null, load: seen },
  results,
  verdicts,
};
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
formatFile(file);
console.log(`written: ${file}`);
if (!quick && verdicts.some((verdict) => !verdict.met)) process.exitCode = 1;

function compiler() {
  const cache = readFileSync(join(folder, 'CMakeCache.txt'), 'utf8');
  const path = /^CMAKE_CXX_COMPILER:\w+=(.*)$/m.exec(cache)?.[1] ?? 'c++';
  return spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.split('\n', 1)[0];
}

function tbbVersion() {
  const macros = spawnSync('c++', ['-dM', '-E', '-include', 'tbb/version.h', '-x', 'c++', '-'], {
    encoding: 'utf8',
    input: '',
  }).stdout;
  const number = (name) => new RegExp(`#define TBB_VERSION_${name} (\\d+)`).exec(macros)?.[1];
  return `${number('MAJOR')}.${number('MINOR')}`;
}
