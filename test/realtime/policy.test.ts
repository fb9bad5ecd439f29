// The kernel's view of a real-time thread: what was asked for is what it has, and it alone.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { affinity, RtConstraints, type RealtimeContext } from 'moirai';
import { grantedOf } from '../../dist/realtime/granted.js';
import type { Asked } from '../../dist/realtime/wire.js';
import { deadlineGranted, granted, policies, start, ticks, type Loops } from './threads.js';

const cpu = affinity.get()[0] ?? 0;

describe.runIf(granted)('policies', () => {
  test('FIFO is on that thread, and on no other of the process', async () => {
    const before = policies();
    await using rt = await start({ policy: RtConstraints.fifo(7), cpu, required: true });
    await ticks(rt.periodic('nothing', { periodUs: 1000 }), 5);
    const { threadId } = rt.granted;
    expect(rt.granted).toMatchObject({ policy: 'fifo', priority: 7, cpus: [cpu], degraded: [] });
    const after = policies();
    expect(before.has(threadId)).toBe(false);
    expect(after.get(threadId)).toEqual({ policy: 1, priority: 7 });
    after.delete(threadId);
    expect([...after.values()].every(({ policy }) => policy === 0)).toBe(true);
    expect(affinity.get()).toContain(cpu);
  });

  test('chrt and taskset read what was asked for', async () => {
    await using rt = await start({ policy: RtConstraints.fifo(9), cpu, required: true });
    const read = (program: string): string =>
      execFileSync(program, ['-p', `${rt.granted.threadId}`], { encoding: 'utf8' });
    expect(read('chrt')).toMatch(/SCHED_FIFO[\s\S]*priority: 9\b/u);
    const mask = Number.parseInt(/: ([0-9a-f]+)$/mu.exec(read('taskset'))?.[1] ?? '', 16);
    expect(mask).toBe(2 ** cpu);
  });

  test('round robin says which time slice there is', async () => {
    const file = '/proc/sys/kernel/sched_rr_timeslice_ms';
    const sliceUs = Number(readFileSync(file, 'utf8')) * 1000;
    await using rt = await start({ policy: RtConstraints.roundRobin(12_345, 3), required: true });
    expect(rt.granted).toMatchObject({ policy: 'round-robin', priority: 3 });
    expect(rt.granted.timeSliceUs).toBe(sliceUs);
    expect(rt.granted.degraded.map(({ what }) => what)).toEqual(['timeSlice']);
    await using same = await start({ policy: RtConstraints.roundRobin(sliceUs, 3) });
    expect(same.granted.degraded).toEqual([]);
  });

  test('rate monotonic threads are in the order of their periods', async () => {
    await using fast = await start({ policy: RtConstraints.rateMonotonic(1000) });
    await using slow = await start({ policy: RtConstraints.rateMonotonic(100_000) });
    expect(policies().get(fast.granted.threadId)?.policy).toBe(1);
    expect(fast.granted.priority).toBeGreaterThan(slow.granted.priority);
  });

  test.runIf(deadlineGranted)('a deadline thread has its times, and ticks', async () => {
    const policy = RtConstraints.deadline({ runtimeUs: 500, deadlineUs: 5000, periodUs: 10_000 });
    await using rt = await start({ policy, required: true });
    const times = { runtimeUs: 500, deadlineUs: 5000, periodUs: 10_000 };
    expect(rt.granted).toMatchObject({ policy: 'deadline', priority: 0, ...times });
    const task = rt.periodic('nothing', { periodUs: 10_000 });
    await ticks(task, 5);
    expect(policies().get(rt.granted.threadId)?.policy).toBe(6);
  });

  const few = availableParallelism() <= 8;
  if (!few) console.log("the kernel's admission is not tested: too many CPUs to fill them");
  test.runIf(deadlineGranted && few)('what the kernel does not admit is no thread', async () => {
    const policy = RtConstraints.deadline({ runtimeUs: 9000, periodUs: 10_000 });
    const contexts: RealtimeContext<Loops>[] = [];
    const fill = async (): Promise<void> => {
      for (;;) contexts.push(await start({ policy, required: true }));
    };
    await expect(fill()).rejects.toMatchObject({
      code: 'ERR_MOIRAI_NOT_SCHEDULABLE',
      errno: 16,
      syscall: 'sched_setattr',
    });
    await using rt = await start({ policy });
    expect(rt.granted.policy).toBe('other');
    expect(rt.granted.degraded).toMatchObject([
      { what: 'policy', code: 'ERR_MOIRAI_NOT_SCHEDULABLE' },
    ]);
    await Promise.all(contexts.map((context) => context.close()));
  });

  test('memory is locked, or not where it is not wanted', async () => {
    await using rt = await start({ required: true });
    expect(rt.granted.lockedBytes).toBeGreaterThan(256 * 1024);
    await using loose = await start({ lockMemory: false });
    expect(loose.granted.lockedBytes).toBe(0);
  });
});

test('a period that the kernel does not take is explained by its limits', () => {
  const asked: Asked = {
    threadId: 1,
    policyError: 22,
    policy: [0, 0, 0, 0, 0, 0, 0],
    sliceNs: 0,
    cpus: [0],
    timerSlackNs: 1,
    lockError: 0,
    lockedBytes: 0,
  };
  const policy = RtConstraints.deadline({ runtimeUs: 10, periodUs: 100 });
  const { degraded } = grantedOf(policy, undefined, asked, undefined, []);
  expect(degraded).toMatchObject([
    { what: 'policy', errno: 22, code: 'ERR_MOIRAI_NOT_SUPPORTED', syscall: 'sched_setattr' },
  ]);
  expect(degraded[0]?.why).toContain('sched_deadline_period_min_us');
});

const drop = ['--bounding-set', '-sys_nice,-ipc_lock', '--inh-caps', '-sys_nice,-ipc_lock'];
const limits = ['prlimit', '--rtprio=0:0', '--memlock=4096:4096'];
const canDrop = spawnSync('setpriv', [...drop, 'true']).status === 0;
if (!canDrop) console.log('dropped privileges are not tested: setpriv cannot drop them here');

test.runIf(canDrop)('without privileges it says why, and runs all the same when allowed', () => {
  const program = fileURLToPath(new URL('fixtures/unprivileged.mjs', import.meta.url));
  const words = ['setpriv', ...drop, process.execPath, program];
  const output = execFileSync(limits[0] ?? '', [...limits.slice(1), ...words], {
    encoding: 'utf8',
  });
  const seen = JSON.parse(output) as Record<string, unknown>;
  expect(seen).toMatchObject({
    refused: { code: 'ERR_MOIRAI_PERMISSION', errno: 1, syscall: 'sched_setattr' },
    policy: 'other',
    timerSlackNs: 1,
    degraded: [
      { what: 'policy', code: 'ERR_MOIRAI_PERMISSION' },
      { what: 'lock', code: 'ERR_MOIRAI_PERMISSION' },
    ],
  });
  expect(JSON.stringify(seen)).toContain('CAP_SYS_NICE');
});
