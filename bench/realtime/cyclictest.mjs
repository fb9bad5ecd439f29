// cyclictest (Debian: rt-tests) as a contender: its histogram as percentiles, in whole µs as it counts.
import { spawn, spawnSync } from 'node:child_process';
import { percentiles } from './percentiles.mjs';

export const hasCyclictest = spawnSync('cyclictest', ['--help']).error === undefined;

export async function cyclictest({ seconds, periodUs, priority, cpu }) {
  const loops = Math.round((seconds * 1e6) / periodUs);
  const words = ['-m', '-q', '-t', 1, '-p', priority, '-i', periodUs, '-a', cpu];
  const output = await new Promise((resolve, reject) => {
    const child = spawn('cyclictest', [...words, '-l', loops, '-h', 100_000].map(String), {
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
  const values = [];
  for (const [, us, count] of output.matchAll(/^(\d{6})\s+(\d+)$/gmu)) {
    for (let i = 0; i < Number(count); i++) values.push(Number(us));
  }
  return { granted: 'fifo', ticks: values.length, late: percentiles(values) };
}
