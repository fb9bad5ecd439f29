// A process that was stopped and continued goes on with the next aligned tick, and does not burst.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('fixtures/stopped.mjs', import.meta.url));

test.each(['exclusive', 'cooperative'])('%s', async (mode) => {
  const child = fork(program, [mode]);
  try {
    expect(await once(child, 'message')).toEqual(['ticking', undefined]);
    child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill('SIGCONT');
    child.send('end');
    const [stats] = (await once(child, 'message')) as [Record<string, number | string>];
    // At least as long as it was stopped here, less what it takes the signal to get there.
    expect(stats['state']).toBe('stopped');
    expect(stats['skipped']).toBeGreaterThan(100);
    expect(stats['misses']).toBeGreaterThan(0);
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
});
