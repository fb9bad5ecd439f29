// Many tasks at once while every worker is blocked, so that all of them really wait: what each holds
// in memory (nobody awaits or keeps what `call` gave), and how long they take once the worker is free.
import { createMeeting } from './meeting.mjs';

async function block(call, workers) {
  const meeting = createMeeting(workers + 1);
  const blocked = Array.from({ length: workers }, () => call(meeting.buffer));
  await meeting.filled(workers);
  return { meeting, blocked };
}

function memory() {
  gc();
  gc();
  return process.memoryUsage();
}

/** In bytes a task; `outside` are array buffers and what else V8 is told of; nanoseconds to submit. */
export async function queued({ call, job, settings }) {
  const count = settings.queuedTasks;
  await Promise.all(Array.from({ length: 1000 }, () => call()));
  await block(call, job.workers);
  const before = memory();
  const start = performance.now();
  for (let i = 0; i < count; i++) call();
  const submitNs = ((performance.now() - start) * 1e6) / count;
  const after = memory();
  const each = (key) => (after[key] - before[key]) / count;
  // `external` counts array buffers, too.
  return { heap: each('heapUsed'), outside: each('external'), rss: each('rss'), submitNs };
}

/** From the moment the worker is free until the last task is settled. */
export async function drain({ call, job, settings }) {
  const count = settings.queuedTasks;
  await Promise.all(Array.from({ length: 1000 }, () => call()));
  const { meeting, blocked } = await block(call, job.workers);
  const tasks = Array.from({ length: count }, () => call());
  const start = performance.now();
  meeting.end();
  await Promise.all([...blocked, ...tasks]);
  const ms = performance.now() - start;
  return { ms, perSecond: (count / ms) * 1000 };
}
