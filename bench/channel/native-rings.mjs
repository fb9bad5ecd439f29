// The rings in C++ of the same run: ours, boost::lockfree's and moodycamel's, by bench/native/ring_bench.cc.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from '../machine.mjs';

const native = join(root, 'native');
const program = join(native, 'build/release/bench_ring_bench');
const headers = {
  'libbenchmark-dev': 'benchmark/benchmark.h',
  'libboost-dev': 'boost/lockfree/spsc_queue.hpp',
  'libconcurrentqueue-dev': 'concurrentqueue/concurrentqueue.h',
  'libreaderwriterqueue-dev': 'readerwriterqueue/readerwriterqueue.h',
  'libtbb-dev': 'tbb/version.h',
};

/** Builds the program; why it cannot be, or undefined. */
export function buildNativeRings() {
  const missing = Object.entries(headers).flatMap(([name, header]) =>
    existsSync(join('/usr/include', header)) ? [] : [name],
  );
  if (missing.length > 0) return `not installed: ${missing.join(' ')}`;
  const jobs = String(availableParallelism());
  const target = ['--target', 'bench_ring_bench', '--parallel', jobs];
  for (const args of [
    ['--preset', 'release'],
    ['--build', '--preset', 'release', ...target],
  ]) {
    const { status, error, stderr } = spawnSync('cmake', args, { cwd: native, encoding: 'utf8' });
    if (error !== undefined) return `cmake: ${error.message}`;
    if (status !== 0) throw new Error(`cmake ${args.join(' ')}: ${stderr}`);
  }
  return undefined;
}

/** Messages a second of each ring and peer, once: { 'Spsc/moirai': … }. */
export function measureNativeRings(cpus, seconds) {
  const args = ['--benchmark_format=json', `--benchmark_min_time=${seconds}`];
  const env = { ...process.env };
  if (cpus !== undefined) env.MOIRAI_BENCH_CPUS = `${cpus.main},${cpus.worker}`;
  const { status, stdout, stderr } = spawnSync(
    program,
    [...args, '--benchmark_enable_random_interleaving=true'],
    { encoding: 'utf8', env },
  );
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return Object.fromEntries(
    JSON.parse(stdout).benchmarks.map((one) => [
      one.run_name.replace(/^BM_Ring_|\/real_time$/g, ''),
      one.items_per_second,
    ]),
  );
}

/** Versions of the peers, as Debian names them. */
export function nativeVersions() {
  const { stdout } = spawnSync(
    'dpkg-query',
    ['-W', '-f', '${Package} ${Version}\\n', ...Object.keys(headers)],
    {
      encoding: 'utf8',
    },
  );
  return Object.fromEntries(
    (stdout ?? '')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  );
}
