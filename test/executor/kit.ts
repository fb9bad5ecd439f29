// What the executor's tests share: executors that are closed when the test ends, bounds that turn a hang
// into a failure with a name, and child processes whose end is looked at.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Executor, type ExecutorOptions } from 'moirai';
import { onTestFinished } from 'vitest';
import type * as fixtureTasks from './fixtures/tasks.mjs';

// libuv's pool of threads is there from its first use on: before any test counts threads. What loads
// modules has used it already on Node 20 to 24, not on 26.
await stat('.');

export type Tasks = typeof fixtureTasks;

export const tasksUrl = fixture('tasks.mjs');

export function fixture(name: string): URL {
  return new URL(`./fixtures/${name}`, import.meta.url);
}

/** An executor over fixtures/tasks.mjs that ends with the test. */
export async function startExecutor(options: ExecutorOptions = {}): Promise<Executor<Tasks>> {
  const executor = await bounded(
    Executor.start<Tasks>({ tasks: tasksUrl, threads: 2, ...options }),
    'Executor.start',
  );
  onTestFinished(async () => {
    await bounded(executor.close({ force: true }), 'close at the end of the test');
  });
  return executor;
}

/** An executor whose tasks are known by name only. */
export async function startUntyped(options: ExecutorOptions): Promise<Executor> {
  return (await startExecutor(options)) as unknown as Executor;
}

/** Rejects when the promise takes so long that it must be taken for a hang. No measure of speed. */
export async function bounded<T>(promise: PromiseLike<T>, what: string, ms = 60_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`hangs: ${what} (${ms} ms)`)), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the promise rejects with. */
export async function failureOf(
  promise: PromiseLike<unknown>,
  what = 'a failure',
): Promise<unknown> {
  let value: unknown;
  try {
    value = await bounded(promise, what);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('hangs: ')) throw error;
    return error;
  }
  throw new Error(`${what}: expected a failure, got ${String(value)}`);
}

/** The code of what the promise rejects with; 'none' if that has none. */
export async function codeOf(promise: PromiseLike<unknown>, what = 'a failure'): Promise<unknown> {
  return codeIn(await failureOf(promise, what));
}

export function codeIn(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code ?? 'none';
}

export function thrownBy(action: () => unknown): unknown {
  let value: unknown;
  try {
    value = action();
  } catch (error) {
    return error;
  }
  throw new Error(`expected a throw, got ${String(value)}`);
}

/** Resolves when the condition holds; fails with its name if it never does. */
export async function until(condition: () => boolean, what: string, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never: ${what} (${ms} ms)`);
    await sleep(2);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Counters and gates that a test shares with the workers by workerData. */
export class Board {
  readonly shared = new SharedArrayBuffer(8 * 1024 * 4);
  readonly #cells = new Int32Array(this.shared);

  get workerData(): { board: SharedArrayBuffer } {
    return { board: this.shared };
  }

  at(index: number): number {
    return Atomics.load(this.#cells, index);
  }

  /** Lets through every task that waits at this cell. */
  open(index: number): void {
    Atomics.store(this.#cells, index, 1);
    Atomics.notify(this.#cells, index);
  }

  counts(from: number, length: number): number[] {
    return Array.from({ length }, (_, i) => this.at(from + i));
  }
}

/** Linux thread ids of this process. */
export function threadIds(): number[] {
  return readdirSync('/proc/self/task').map(Number);
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** The CPUs that a thread of this process may run on, as the kernel prints them. */
export function cpusAllowed(thread: number | 'self'): string {
  const path = thread === 'self' ? '/proc/thread-self/status' : `/proc/self/task/${thread}/status`;
  return /^Cpus_allowed_list:\s*(.*)$/mu.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
}

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs fixtures/NAME as a process of its own to its end; one that hangs is killed (SIGKILL). */
export function runProgram(
  name: string,
  args: readonly string[] = [],
  execArgv: readonly string[] = [],
): Promise<End> {
  return runNode([...execArgv, fileURLToPath(fixture(name)), ...args]);
}

export function runNode(args: readonly string[]): Promise<End> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 150_000);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** A small generator of numbers in [0, 1) that a seed determines (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
