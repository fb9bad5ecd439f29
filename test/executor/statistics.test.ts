// Statistics say what happened: sums match what ran, durations lie within what bounds them, what is
// remembered is as much as was asked for.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Executor, type ExecutorStats, type Histogram, type WorkerStats } from 'moirai';
import { bounded, failureOf, runProgram, startExecutor, tasksUrl, until } from './kit.js';

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
const waitingCounts = ({ waiting }: ExecutorStats): number =>
  sum(Object.values(waiting).map((histogram: Histogram) => histogram.count));

/** One worker, held by its first task until `open` is called. */
async function startHeld() {
  const [started, gate] = [0, 1];
  const board = new Int32Array(new SharedArrayBuffer(8));
  const executor = await startExecutor({ threads: 1, workerData: { board: board.buffer } });
  const first = executor.spawn('holdThread', [started, gate]);
  await until(() => Atomics.load(board, started) > 0, 'the first task runs');
  const open = (): void => {
    Atomics.store(board, gate, 1);
    Atomics.notify(board, gate);
  };
  return { executor, first, open };
}

describe('counts', () => {
  test('every task is counted once, by how it ended, and every finished one in the histograms', async () => {
    const executor = await startExecutor();
    const done = Array.from({ length: 500 }, (_, i) =>
      i % 2 === 0 ? executor.run.add(i, 1) : executor.run.asyncAdd(i, 1),
    );
    const failing = Array.from({ length: 20 }, () => executor.run.throwRefused('no'));
    await bounded(Promise.allSettled([...done, ...failing]), 'the tasks');
    const stats = executor.stats();
    expect(stats.tasks).toEqual({ done: 500, failed: 20, cancelled: 0, lost: 0 });
    expect(stats.running.count).toBe(520);
    expect(waitingCounts(stats)).toBe(520);
    const of = (what: (worker: WorkerStats) => number): number => sum(stats.workers.map(what));
    expect(of((worker) => worker.running.count)).toBe(520);
    expect(of((worker) => worker.waiting.count)).toBe(520);
    expect(of((worker) => worker.tasks)).toBe(520);
    expect(of((worker) => worker.cpuTime)).toBe(stats.cpuTime);
    expect(of((worker) => worker.preemptions)).toBe(stats.preemptions);
    expect(stats.cpuTime).toBeGreaterThan(0);
    for (const { steals, stealsByDistance } of stats.workers) {
      expect(sum(Object.values(stealsByDistance))).toBe(steals);
    }
    expect(sum(stats.nodes.map(({ tasks }) => tasks))).toBe(520);
    expect(stats.hints).toEqual({ honoured: 0, missed: 0 });
  });

  test('a task with a hint is counted by where it began, one that names no node of workers not at all', async () => {
    const executor = await startExecutor({ threads: 1 });
    const node = executor.stats().workers[0]?.node ?? -1;
    await bounded(executor.spawn('add', [1, 2], { node }), 'a task with a hint');
    await bounded(executor.spawn('add', [1, 2], { node: 900 }), 'one that names no node there is');
    const stats = executor.stats();
    expect(stats.hints).toEqual({ honoured: 1, missed: 0 });
    expect(stats.workers.map(({ hints }) => hints)).toEqual([{ honoured: 1, missed: 0 }]);
    const own = stats.nodes.find((each) => each.node === node);
    expect(own).toEqual({ node, tasks: 2, queued: 0 });
  });

  test('a task that is cancelled in the queue, lost with its worker or given up by close is counted as that', async () => {
    const executor = await startExecutor({ threads: 1 });
    executor.on('error', () => undefined);
    const running = executor.spawn('busy', [30]);
    const queued = executor.spawn('add', [1, 2]);
    expect(queued.cancel()).toBe(true);
    await bounded(running, 'the running task');
    expect(await failureOf(queued)).toMatchObject({ code: 'ERR_MOIRAI_CANCELLED' });
    expect(executor.stats().tasks).toEqual({ done: 1, failed: 0, cancelled: 1, lost: 0 });
    expect(await failureOf(executor.run.exit(0))).toMatchObject({ code: 'ERR_MOIRAI_WORKER_LOST' });
    expect(executor.stats().tasks).toEqual({ done: 1, failed: 0, cancelled: 1, lost: 1 });
    const given = executor.spawn('never', []);
    await until(() => given.status === 'running', 'the task runs');
    await bounded(executor.close({ force: true }), 'close');
    expect(executor.stats().tasks).toEqual({ done: 1, failed: 0, cancelled: 2, lost: 1 });
    expect(
      executor.tasksView('failed').map(({ name, status, error }) => [name, status, error?.code]),
    ).toEqual([
      ['add', 'cancelled', 'ERR_MOIRAI_CANCELLED'],
      ['exit', 'failed', 'ERR_MOIRAI_WORKER_LOST'],
      ['never', 'cancelled', 'ERR_MOIRAI_CLOSED'],
    ]);
  });

  test('what a lost worker used is still counted', async () => {
    const executor = await startExecutor({ threads: 1 });
    executor.on('error', () => undefined);
    await bounded(executor.run.busy(20), 'a busy task');
    const before = executor.stats();
    await failureOf(executor.run.exit(0));
    await bounded(executor.run.add(1, 1), 'a task of the successor');
    const after = executor.stats();
    expect(after.cpuTime).toBeGreaterThan(before.cpuTime);
    expect(after.preemptions).toBeGreaterThanOrEqual(before.preemptions);
    expect(after.running.count).toBe(before.running.count + 1);
  });

  test('a worker that has run tasks has told of its heap', async () => {
    const executor = await startExecutor({ threads: 1 });
    await bounded(executor.run.add(1, 1), 'a task');
    await until(() => executor.stats().workers[0]?.heapSample !== undefined, 'a sample');
    const sample = executor.stats().workers[0]?.heapSample;
    expect(sample?.bytes).toBeGreaterThan(100_000);
    expect(sample?.age).toBeGreaterThanOrEqual(0);
  });
});

describe('times', () => {
  test('a task waits and runs no longer than its caller has seen it', async () => {
    const executor = await startExecutor({ threads: 1 });
    for (const [name, ms] of [
      ['busy', 3],
      ['sleepFor', 3],
    ] as const) {
      const before = performance.now();
      const handle = executor.spawn(name, [ms]);
      expect(handle.metrics()).toBeUndefined();
      await bounded(handle, name);
      const whole = performance.now() - before;
      const metrics = handle.metrics();
      expect(metrics).toMatchObject({ worker: 0, cpuTime: undefined, preemptions: undefined });
      const { waiting = Number.NaN, running = Number.NaN } = metrics ?? {};
      // A timer may fire up to 1 ms early; ticks are a little off the clock (ticks.h).
      expect(running).toBeGreaterThan(ms - 1.01);
      expect(waiting).toBeGreaterThanOrEqual(0);
      expect(waiting + running).toBeLessThan(whole * 1.01 + 0.01);
    }
  });

  test('a task that waits for another waits at least as long as that one runs', async () => {
    const { executor, first, open } = await startHeld();
    const second = executor.spawn('add', [1, 2]);
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const held = performance.now() - began;
    open();
    await bounded(Promise.all([first, second]), 'both');
    expect(second.metrics()?.waiting).toBeGreaterThan(held * 0.99);
    expect(first.metrics()?.running).toBeGreaterThan(held * 0.99);
  });

  test('arguments that come by message count as waiting, the call as running', async () => {
    const executor = await startExecutor({ threads: 1 });
    const bytes = new ArrayBuffer(16);
    const handle = executor.spawn('byteLength', [bytes], { transfer: [bytes], measure: true });
    expect(await bounded(handle, 'the task')).toBe(16);
    expect(handle.metrics()?.waiting).toBeGreaterThan(0);
    expect(handle.metrics()?.running).toBeGreaterThan(0);
    expect(handle.metrics()?.cpuTime).toBeGreaterThan(0);
    expect(executor.stats().running.count).toBe(1);
  });

  test('a measured task has CPU time at most as long as its thread has it, an idle one next to none', async () => {
    const executor = await startExecutor({ threads: 1 });
    const busy = executor.spawn('busy', [20], { measure: true });
    await bounded(busy, 'busy');
    const asleep = executor.spawn('sleepFor', [20], { measure: true });
    await bounded(asleep, 'asleep');
    const used = busy.metrics();
    expect(used?.cpuTime).toBeGreaterThan(0);
    expect(used?.cpuTime).toBeLessThanOrEqual(executor.stats().cpuTime);
    expect(used?.preemptions).toBeGreaterThanOrEqual(0);
    expect(asleep.metrics()?.cpuTime).toBeLessThan(asleep.metrics()?.running ?? 0);
  });

  test('percentiles agree with those of the handles within 1.6 %', async () => {
    const executor = await startExecutor({ threads: 2 });
    const handles = Array.from({ length: 300 }, (_, i) =>
      i % 3 === 0 ? executor.spawn('busy', [0.05 * (i % 7)]) : executor.spawn('add', [i, i]),
    );
    await bounded(Promise.all(handles), 'the tasks');
    const { running } = executor.stats();
    const exact = handles
      .map((handle) => (handle.metrics()?.running ?? 0) * 1000)
      .toSorted((a, b) => a - b);
    expect(running.count).toBe(exact.length);
    const near = (value: number, expected: number): void => {
      // The histogram counts whole ns, the handle has 24 bits of a float.
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(expected * 0.0157 + 0.0011);
    };
    for (const percent of [1, 10, 50, 90, 99, 99.9, 100]) {
      near(running.percentile(percent), exact[Math.ceil((percent / 100) * exact.length) - 1] ?? 0);
    }
    near(running.min, exact[0] ?? 0);
    near(running.max, exact.at(-1) ?? 0);
    near(running.mean, sum(exact) / exact.length);
  });

  test('statistics: false takes no times and counts all the same', async () => {
    const executor = await startExecutor({ statistics: false });
    const handle = executor.spawn('add', [1, 2], { measure: true });
    await bounded(handle, 'a task');
    await failureOf(executor.run.throwRefused('no'));
    const stats = executor.stats();
    expect(stats.tasks).toMatchObject({ done: 1, failed: 1 });
    expect(stats.running.count + waitingCounts(stats)).toBe(0);
    expect(stats.running.p50).toBeNaN();
    expect(handle.metrics()).toBeUndefined();
    const [view] = executor.tasksView('completed');
    expect(view).toMatchObject({
      name: 'add',
      status: 'done',
      finishedTime: undefined,
      waiting: undefined,
    });
    expect(executor.tasksView('failed')).toMatchObject([
      { error: { name: 'TypeError' }, running: undefined },
    ]);
    expect(stats.workers.every(({ heapSample }) => heapSample === undefined)).toBe(true);
  });
});

describe('views', () => {
  test('the last ones are remembered, as many as asked for, oldest first', async () => {
    const executor = await startExecutor({ threads: 1, retain: 3 });
    const before = performance.now();
    for (let i = 0; i < 10; i++) await bounded(executor.run.identity(i), 'a task');
    await bounded(
      executor.call(() => 1),
      'a call',
    );
    for (let i = 0; i < 5; i++) await failureOf(executor.run.throwRefused(String(i)));
    const completed = executor.tasksView('completed');
    expect(completed.map(({ name, status }) => [name, status])).toEqual([
      ['identity', 'done'],
      ['identity', 'done'],
      ['call', 'done'],
    ]);
    const failed = executor.tasksView('failed');
    expect(failed).toHaveLength(3);
    for (const task of [...completed, ...failed]) {
      const { queuedTime = 0, startedTime = 0, finishedTime = 0 } = task;
      expect(queuedTime).toBeGreaterThan(before - 1);
      expect(startedTime).toBeGreaterThanOrEqual(queuedTime);
      expect(finishedTime).toBeGreaterThanOrEqual(startedTime);
      expect(finishedTime).toBeLessThan(performance.now() + 1);
      expect(task.worker).toBe(0);
    }
    expect(failed.map(({ error }) => error?.name)).toEqual(['TypeError', 'TypeError', 'TypeError']);
    const ids = [...completed, ...failed].map(({ id }) => id);
    expect(new Set(ids).size).toBe(6);
    const statuses = ids.map((id) => executor.taskStatus(id)).join(' ');
    expect(statuses).toBe('done done done failed failed failed');
    expect(executor.taskStatus(2 ** 52)).toBeUndefined();
  });

  test('more than are read at a time come in order and each once', async () => {
    const executor = await startExecutor({ retain: 3000, threads: 1 });
    await bounded(
      Promise.all(Array.from({ length: 3500 }, (_, i) => executor.run.add(i, 1))),
      'all',
    );
    const views = executor.tasksView('completed');
    expect(views).toHaveLength(3000);
    expect(new Set(views.map(({ id }) => id)).size).toBe(3000);
  });

  test('retain: 0 remembers none', async () => {
    const executor = await startExecutor({ retain: 0 });
    await bounded(executor.run.add(1, 1), 'a task');
    await failureOf(executor.run.throwRefused('no'));
    expect(executor.tasksView('completed')).toEqual([]);
    expect(executor.tasksView('failed')).toEqual([]);
    expect(executor.stats().tasks).toMatchObject({ done: 1, failed: 1 });
  });

  test('active ones are seen as they stand', async () => {
    const { executor, first, open } = await startHeld();
    const second = executor.spawn('add', [1, 2]);
    const views = executor
      .tasksView('active')
      .toSorted((a, b) => (a.queuedTime ?? 0) - (b.queuedTime ?? 0));
    expect(views).toMatchObject([
      { name: 'holdThread', status: 'running', worker: 0, finishedTime: undefined },
      {
        name: 'add',
        status: 'queued',
        worker: undefined,
        startedTime: undefined,
        running: undefined,
      },
    ]);
    expect(views.map(({ id }) => executor.taskStatus(id))).toEqual(['running', 'queued']);
    open();
    await bounded(Promise.all([first, second]), 'both');
    expect(executor.tasksView('active')).toEqual([]);
    expect(views.map(({ id }) => executor.taskStatus(id))).toEqual(['done', 'done']);
  });

  test('many tasks take no more memory than few', async () => {
    const end = await runProgram('many-tasks.mjs', ['300000'], ['--expose-gc']);
    expect({ code: end.code, signal: end.signal }, end.stdout + end.stderr).toEqual({
      code: 0,
      signal: null,
    });
  });
});

describe('a metrics sink', () => {
  const nowhere = { record: (): void => undefined };

  test('is called while there is something to tell, then once more, and at close', async () => {
    const records: ExecutorStats[] = [];
    const sink = { record: (stats: ExecutorStats) => void records.push(stats) };
    const executor = await startExecutor({ metrics: { sink, interval: 5 } });
    expect(records).toEqual([]);
    await bounded(executor.run.sleepFor(30), 'a task');
    await until(() => records.at(-1)?.outstanding === 0, 'the last record');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const idle = records.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(records).toHaveLength(idle);
    await bounded(executor.run.add(1, 1), 'another task');
    await bounded(executor.close(), 'close');
    expect(records.at(-1)?.tasks).toEqual({ done: 2, failed: 0, cancelled: 0, lost: 0 });
    const closed = records.length;
    expect(closed).toBeGreaterThan(idle);
    await bounded(executor.close(), 'close again');
    expect(records).toHaveLength(closed);
  });

  test('that throws is reported once and hurts nobody', async () => {
    const errors: unknown[] = [];
    const wrong = new Error('disk full');
    let calls = 0;
    const sink = {
      record: () => {
        calls++;
        throw wrong;
      },
    };
    const executor = await startExecutor({ metrics: { sink, interval: 1 } });
    executor.on('error', (error) => errors.push(error));
    await bounded(executor.run.sleepFor(20), 'a task');
    await until(() => calls > 2, 'more calls');
    expect(await bounded(executor.run.add(1, 2), 'a task')).toBe(3);
    expect(errors).toEqual([wrong]);
  });

  test('does not keep its process alive', async () => {
    const end = await runProgram('idle-sink.mjs');
    expect({ code: end.code, signal: end.signal }, end.stdout + end.stderr).toEqual({
      code: 0,
      signal: null,
    });
  });

  test.each([
    [{ sink: undefined }, TypeError],
    [{ sink: {} }, TypeError],
    [{ sink: new Set(), interval: 0 }, TypeError],
    [{ sink: nowhere, interval: 0 }, RangeError],
    [{ sink: nowhere, period: 5 }, TypeError],
    [5, TypeError],
  ])('%j is refused', async (metrics, type) => {
    const failure = await failureOf(Executor.start({ tasks: tasksUrl, metrics: metrics as never }));
    expect(failure).toBeInstanceOf(type);
    expect(failure).toMatchObject({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' });
  });
});

describe('arguments', () => {
  test.each([{ retain: -1 }, { retain: 2 ** 20 + 1 }, { retain: 1.5 }, { statistics: 1 }])(
    'the option %j is refused',
    async (options) => {
      const failure = await failureOf(Executor.start({ tasks: tasksUrl, ...(options as object) }));
      expect(failure).toMatchObject({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' });
    },
  );

  test('measure, the kind of a view and an id are checked', async () => {
    const executor = await startExecutor({ threads: 1 });
    const refused = expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT' }) as Error;
    expect(() => executor.spawn('add', [1, 2], { measure: 1 as never })).toThrow(refused);
    expect(() => executor.tasksView('done' as never)).toThrow(refused);
    expect(() => executor.taskStatus(-1)).toThrow(refused);
  });
});

describe('a histogram', () => {
  /** The native buckets (histogram.h): 32 to a doubling. */
  const boundsOf = (value: number): [number, number] => {
    if (value < 64) return [value, value + 1];
    const width = 2 ** (Math.floor(Math.log2(value)) - 5);
    const lower = Math.floor(value / width) * width;
    return [lower, lower + width];
  };

  test('has exact counts, extremes and mean, and percentiles within 1.6 %', async () => {
    const { Histogram: Made } = await import('moirai');
    const value = fc.oneof(fc.nat(100), fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 41 }));
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (values, percent) => {
          const sorted = values.toSorted((a, b) => a - b);
          const buckets = new Map<number, [number, number, number]>();
          for (const each of sorted) {
            const [lower, upper] = boundsOf(each);
            const bucket = buckets.get(lower) ?? [lower, upper, 0];
            bucket[2]++;
            buckets.set(lower, bucket);
          }
          const header = [sorted[0] ?? 0, sorted.at(-1) ?? 0, sum(sorted), buckets.size];
          const histogram = new Made(
            'ns',
            Float64Array.from([...header, ...[...buckets.values()].flat()]),
            1,
          );
          expect(histogram.count).toBe(values.length);
          expect(histogram.min).toBe(sorted[0]);
          expect(histogram.max).toBe(sorted.at(-1));
          expect(histogram.mean).toBeCloseTo(sum(sorted) / sorted.length, 3);
          const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
          const exact = sorted[rank - 1] ?? 0;
          expect(Math.abs(histogram.percentile(percent) - exact)).toBeLessThanOrEqual(exact / 64);
        },
      ),
    );
  });

  test('draws itself, empty or not, with its unit and an escaped title', async () => {
    const executor = await startExecutor({ threads: 1 });
    const empty = executor.stats().running.toSVG();
    expect(empty).toContain('no values');
    for (let i = 0; i < 20; i++) await bounded(executor.run.add(i, 1), 'a task');
    const drawn = executor.stats().running.toSVG('a < b & c');
    expect(drawn).toContain('a &lt; b &amp; c');
    expect(drawn).toContain('µs');
    for (const svg of [empty, drawn]) {
      expect(svg).toMatch(/^<svg [^>]+>\n[^]*<\/svg>\n$/u);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/u);
    }
    expect(JSON.parse(JSON.stringify(executor.stats().running))).toMatchObject({
      unit: 'µs',
      count: 20,
    });
  });
});
