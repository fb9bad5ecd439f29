// Threads and processes beside this one, for tests of what they share.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const peer = new URL('./fixtures/peer.mjs', import.meta.url);
/** For what is waited on. */
export const meeting: URL = new URL('./fixtures/meeting.mjs', import.meta.url);

/** The first that a thread says, which does `task` with what it is given. */
export async function inThread<R>(task: string, given: object, url = peer): Promise<R> {
  const worker = new Worker(url, { workerData: { task, ...given } });
  const [said] = (await once(worker, 'message')) as [R];
  await worker.terminate();
  return said;
}

/** A thread that does `task` and has said its first word. */
export async function startThread(task: string, given: object, url = peer): Promise<Worker> {
  const worker = new Worker(url, { workerData: { task, ...given } });
  await once(worker, 'message');
  return worker;
}

/** A process that does `task` and has said its first word. */
export async function startProcess(task: string, given: object, url = peer): Promise<ChildProcess> {
  const child = fork(fileURLToPath(url), [task, JSON.stringify(given)]);
  await once(child, 'message');
  return child;
}

export async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  const [code, signal] = (await exited) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the process ended by itself: ${code} ${signal}`);
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The code of what the promise fails with, or undefined. */
export async function codeOfAsync(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

export function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

/** The file of an object of this user. */
export function fileOf(name: string): string {
  return `/dev/shm/moirai-${process.geteuid?.()}-sync.${name}`;
}

export function newSeed(): number {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  return seed;
}
