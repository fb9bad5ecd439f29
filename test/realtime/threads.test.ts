// A context changes one thread, its own (and with a watchdog a second): every other thread of the process
// has what it had before, as the kernel tells it.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { affinity, RtConstraints } from 'moirai';
import { granted, policies, start, ticks } from './threads.js';

interface Thread {
  readonly policy: number;
  readonly priority: number;
  readonly nice: number;
  readonly cpus: string;
  readonly timerSlackNs: string;
}

const field = (text: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.*)$`, 'mu').exec(text)?.[1] ?? '';

/** A file of a thread that may have ended meanwhile. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function threads(): Map<number, Thread> {
  const found = new Map<number, Thread>();
  for (const id of readdirSync('/proc/self/task')) {
    const stat = read(`/proc/self/task/${id}/stat`);
    const status = read(`/proc/self/task/${id}/status`);
    if (stat === undefined || status === undefined) continue;
    // proc(5): the fields after the name in parentheses, of which the first is field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    found.set(Number(id), {
      policy: Number(fields[38]),
      priority: Number(fields[37]),
      nice: Number(fields[16]),
      cpus: field(status, 'Cpus_allowed_list'),
      timerSlackNs: read(`/proc/${id}/timerslack_ns`)?.trim() ?? '',
    });
  }
  return found;
}

const lockedKb = (): number =>
  Number.parseInt(field(readFileSync('/proc/self/status', 'utf8'), 'VmLck'), 10);

const cpu = affinity.get().at(-1) ?? 0;

test.runIf(granted).each(['exclusive', 'cooperative'] as const)('%s', async (mode) => {
  // Whatever comes into being with the first context of a process is there.
  await (await start({ mode, policy: RtConstraints.fifo(5), cpu })).close();
  const before = threads();
  const locked = lockedKb();
  const rt = await start({
    mode,
    policy: RtConstraints.fifo(5),
    cpu,
    required: true,
    workerData: new SharedArrayBuffer(8 * 4001),
  });
  const options = { periodUs: 1000, watchdog: { timeoutUs: 60e6, safeState: 'toSafety' } } as const;
  await ticks(rt.periodic('nothing', options), 20);
  const during = threads();
  const { threadId, lockedBytes } = rt.granted;

  expect(during.get(threadId)).toMatchObject({ policy: 1, priority: 5, cpus: `${cpu}` });
  const seen = [...before.keys()].filter((id) => during.has(id));
  expect(seen.length).toBeGreaterThan(4);
  for (const id of seen) expect(during.get(id)).toEqual(before.get(id));
  // Of the new threads one ticks and one watches, at the next priority, on all CPUs.
  const realtime = [...during].filter(([id, { policy }]) => policy !== 0 && id !== threadId);
  expect(realtime).toMatchObject([[expect.any(Number), { policy: 1, priority: 6 }]]);
  expect(realtime[0]?.[1].cpus).toBe(before.get(process.pid)?.cpus);
  // What is locked is the thread's stack and the record: whole pages of them.
  const more = (lockedKb() - locked) * 1024;
  expect(more).toBeGreaterThanOrEqual(lockedBytes);
  expect(more).toBeLessThanOrEqual(lockedBytes + 3 * 4096);

  await rt.close();
  expect(policies().has(threadId)).toBe(false);
  const after = threads();
  const left = [...before].filter(([id]) => after.has(id));
  for (const [id, thread] of left) expect(after.get(id)).toEqual(thread);
});
