// cyclictest, the measure that others use: as a child process, its histogram in whole microseconds.
import { spawn } from 'node:child_process';

export interface CyclictestPlan {
  readonly policy: 'fifo' | 'rr';
  readonly priority: number;
  readonly periodUs: number;
  readonly cpu: number;
  readonly seconds: number;
}

export interface Latencies {
  readonly count: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const installCyclictest =
  'cyclictest is not installed: sudo apt install rt-tests (Fedora: sudo dnf install realtime-tests)';

const longestUs = 100_000;

/** Latencies, or why there are none. `signal` ends it early, as Ctrl-C does. */
export async function cyclictest(
  plan: CyclictestPlan,
  signal: AbortSignal,
): Promise<Latencies | string> {
  const { policy, priority, periodUs, cpu, seconds } = plan;
  const loops = Math.max(1, Math.round((seconds * 1e6) / periodUs));
  // On our grid, so that both meet the kernel's own timer interrupt alike: docs/decisions/0039.
  const grid = `--secaligned=${Math.round(Math.min(500, periodUs / 2))}`;
  const words = ['--quiet', '--mlockall', '--threads=1', `--policy=${policy}`, grid];
  const numbers = [`-p${priority}`, `-i${periodUs}`, `-a${cpu}`, `-l${loops}`, `-h${longestUs}`];
  const child = spawn('cyclictest', [...words, ...numbers], { stdio: ['ignore', 'pipe', 'pipe'] });
  const interrupt = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', interrupt);
  let output = '';
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  try {
    return await new Promise((resolve) => {
      child.on('error', (error: NodeJS.ErrnoException) => {
        resolve(error.code === 'ENOENT' ? installCyclictest : `cyclictest: ${error.message}`);
      });
      child.on('close', (code) => {
        const why = complaint.trim().split('\n').at(-1) ?? '';
        resolve(code === 0 ? latenciesOf(output) : `cyclictest ended with ${code}: ${why}`);
      });
    });
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

/** From what it prints with --histogram for one thread. */
export function latenciesOf(output: string): Latencies | string {
  const counts = [...output.matchAll(/^(\d+)\s+(\d+)$/gm)].map(
    ([, us, count]) => [Number(us), Number(count)] as const,
  );
  const summary = (name: string): number =>
    Number(new RegExp(`^# ${name}: *(\\d+)`, 'm').exec(output)?.[1] ?? Number.NaN);
  const max = summary('Max Latencies');
  counts.push([max, summary('Histogram Overflows')]);
  const count = counts.reduce((sum, [, times]) => sum + times, 0);
  if (!(count > 0)) return 'cyclictest counted nothing';
  const at = (percent: number): number => {
    let left = Math.ceil((percent / 100) * count);
    return counts.find(([, times]) => (left -= times) <= 0)?.[0] ?? max;
  };
  return {
    count,
    min: summary('Min Latencies'),
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max,
  };
}
