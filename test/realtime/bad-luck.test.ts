// What real-time threads meet that nobody wanted, and what is promised then.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Miss } from 'moirai';
import { granted, start, ticks, until } from './threads.js';

const modes = ['exclusive', 'cooperative'] as const;
const program = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}.mjs`, import.meta.url));

describe.each(modes)('%s', (mode) => {
  test('an isolate that runs out of memory ends its thread, not the process', async () => {
    const words = ['--max-old-space-size=64', program('hoards'), mode];
    const { stdout } = await promisify(execFile)(process.execPath, words);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      errors: [{ code: 'ERR_MOIRAI_WORKER_LOST', cause: 'ERR_WORKER_OUT_OF_MEMORY' }],
      trips: ['lost'],
      calls: 1,
    });
  });

  test('ticks go on while the thread of their owner is blocked', async () => {
    const memory = new SharedArrayBuffer(8 * 4001);
    const notes = new Float64Array(memory);
    await using rt = await start({ mode, workerData: memory });
    const task = rt.periodic('note', { periodUs: 1000 });
    await ticks(task, 3);
    const before = notes[0] ?? 0;
    // No turn of this event loop until two seconds' worth of ticks have come.
    const cell = new Int32Array(new SharedArrayBuffer(4));
    while ((notes[0] ?? 0) < before + 1000) Atomics.wait(cell, 0, 0, 50);
    expect(task.stats().state).toBe('running');
    expect(task.stats().ticks).toBeGreaterThanOrEqual(before + 1000);
    await task.stop();
    expect(task.stats().state).toBe('stopped');
  });

  test('who takes longer than promised is named, and so is the wait of others', async () => {
    await using rt = await start({ mode });
    const misses: Miss[] = [];
    const onMiss = (miss: Miss): void => void misses.push(miss);
    const few = { periodUs: 5000, wcetUs: 400, onMiss };
    const long = rt.periodic('alwaysLong', { ...few, deadlineUs: 1000, phaseUs: 0 });
    rt.periodic('nothing', { ...few, deadlineUs: 1200, phaseUs: 200 });
    const late = (task: string, cause: string): boolean =>
      misses.some((miss) => miss.task === task && miss.causes[0] === cause);
    await until(() => late('alwaysLong', 'long-tick') && late('nothing', 'other-tick'));
    // It goes on: what it promised was for admission.
    expect(long.stats().state).toBe('running');
    expect(long.stats().execution.min).toBeGreaterThan(400);
  });
});

const groups = '/sys/fs/cgroup/cpu';
const group = `${groups}/moirai-test-${process.pid}`;
const limited = granted && process.getuid?.() === 0 && existsSync(`${groups}/cpu.rt_runtime_us`);
if (!limited) console.log('a group without real-time budget is not tested: no such groups here');

test.runIf(limited)('a control group without a budget says so, and ticks all the same', () => {
  mkdirSync(group);
  try {
    const script = 'echo $$ > "$0/cgroup.procs" && exec "$1" "$2"';
    const words = ['-c', script, group, process.execPath, program('unprivileged')];
    const output = execFileSync('sh', words, { encoding: 'utf8' });
    const seen = JSON.parse(output) as { refused: { message: string } };
    expect(seen).toMatchObject({
      refused: { code: 'ERR_MOIRAI_PERMISSION', errno: 1, syscall: 'sched_setattr' },
      policy: 'other',
    });
    expect(seen.refused.message).toContain('cpu.rt_runtime_us');
  } finally {
    // The group is empty: its only process has ended.
    rmdirSync(group);
  }
});
