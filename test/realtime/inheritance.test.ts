// That a real-time thread lends its priority to who holds the mutex that it waits for, as the kernel has it.
import { readFileSync } from 'node:fs';
import { affinity, Mutex, RealtimeContext, RtConstraints, share } from 'moirai';
import { describe, expect, test } from 'vitest';
import { granted, policies, until } from './threads.js';

const cpu = affinity.get().at(-1) ?? 0;
const tasks = new URL('./fixtures/inversion.mjs', import.meta.url);
const [low, high] = [3, 6];

interface ThreadStat {
  /** As in proc(5): S asleep. */
  readonly state: string;
  /** What it runs with: its own priority, or the one it was lent. */
  readonly priority: number;
}

function statOf(thread: number): ThreadStat {
  const text = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
  // The fields after the name in parentheses, of which the first is field 3. Field 18 is -1 less the
  // priority of a real-time thread.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', priority: -1 - Number(fields[15]) };
}

/** One thread holds the mutex, and another one of a higher priority waits for it. */
async function meet(mutex: Mutex, check: (holder: number, wanter: number) => Promise<void>) {
  const words = new Int32Array(new SharedArrayBuffer(16));
  const start = async (priority: number): Promise<RealtimeContext> =>
    RealtimeContext.start({
      tasks,
      policy: RtConstraints.fifo(priority),
      cpu,
      workerData: { mutex: share(mutex), words },
    });
  await using holder = await start(low);
  await using wanter = await start(high);
  try {
    holder.periodic('holder', { periodUs: 1000 });
    await until(() => words[1] === 1);
    expect(statOf(holder.granted.threadId).priority).toBe(low);
    wanter.periodic('wanter', { periodUs: 1000 });
    await until(() => words[2] === 1);
    await check(holder.granted.threadId, wanter.granted.threadId);
    expect(words[3]).toBe(0);
  } finally {
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
  }
  await until(() => words[3] === 1);
  await until(() => statOf(holder.granted.threadId).priority === low);
}

describe.runIf(granted)('a thread of a high priority waits for one of a low priority', () => {
  test('with inheritance the owner runs with the priority of the waiter, until it unlocks', async () => {
    await meet(new Mutex({ priorityInheritance: true }), async (holder) => {
      await until(() => statOf(holder).priority === high);
      // It was lent: its own is what it was.
      expect(policies().get(holder)).toEqual({ policy: 1, priority: low });
    });
  });

  test('without, the owner keeps its own', async () => {
    await meet(new Mutex(), async (holder, wanter) => {
      await until(() => statOf(wanter).state === 'S');
      expect(statOf(holder).priority).toBe(low);
    });
  });
});
