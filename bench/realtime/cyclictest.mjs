// cyclictest (Debian: rt-tests) as a contender, with its wake-ups on the same grid as the ticks: full seconds
// of CLOCK_MONOTONIC and `phaseUs`. It counts whole µs, rounded down.
import { spawn, spawnSync } from 'node:child_process';
import { summarize } from './distances.mjs';

/** Why there is no cyclictest at this priority, or undefined. */
export function cyclictestRefused(priority) {
  const words = ['-q', '-t1', `-p${priority}`, '-l1', '--secaligned=0'];
  const { error, status, stderr } = spawnSync('cyclictest', words, { encoding: 'utf8' });
  if (error !== undefined) return 'it is not installed (Debian: apt install rt-tests)';
  return status === 0 ? undefined : stderr.trim() || `it ended with ${status}`;
}

export async function cyclictest({ seconds, periodUs, phaseUs, priority, cpu }) {
  const loops = Math.round((seconds * 1e6) / periodUs);
  const words = ['-m', '-q', '-t', 1, '-p', priority, '-i', periodUs, '-a', cpu];
  const grid = `--secaligned=${phaseUs}`;
  const output = await new Promise((resolve, reject) => {
    const child = spawn('cyclictest', [...words, grid, '-l', loops, '-h', 100_000].map(String), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`cyclictest ended with ${code}`));
    });
  });
  const counts = new Map();
  for (const [, us, times] of output.matchAll(/^(\d{6})\s+(\d+)$/gmu)) {
    if (Number(times) > 0) counts.set(Number(us), Number(times));
  }
  return { granted: 'fifo', ...summarize(counts) };
}
