// Two questions about the job once it is done: is it right, and what did the executor gain?
import { createHash } from 'node:crypto';
import { createReadStream, lstatSync } from 'node:fs';
import type { Executor } from 'moirai';
import { groupsOf } from './groups.js';
import * as tasks from './tasks.js';
import { median } from './units.js';
import type { FoundFile } from './walk.js';

/**
 * At most `files` of the list and at most `bytes` together, spread evenly over it: a list that is
 * sorted by size gives a sample of all sizes.
 */
export function sampleOf<T extends { readonly bytes: number }>(
  list: readonly T[],
  limit: { readonly files: number; readonly bytes: number },
): T[] {
  const bytes = list.reduce((sum, item) => sum + item.bytes, 0);
  const step = Math.max(1, list.length / limit.files, bytes / limit.bytes);
  const sample: T[] = [];
  let room = limit.bytes;
  for (let at = 0; at < list.length; at += step) {
    const item = list[Math.floor(at)];
    if (item === undefined || item.bytes > room) continue;
    room -= item.bytes;
    sample.push(item);
  }
  return sample;
}

export interface Verdict {
  readonly checked: number;
  /** Files whose content is not what the executor's digest says. */
  readonly wrong: string[];
  /** Files that were changed or removed after they were hashed: there is nothing to compare. */
  readonly changed: number;
}

/** Hashes files again on this thread, in another way: as a stream, and without the executor. */
export async function verify(sample: readonly tasks.HashedFile[]): Promise<Verdict> {
  const wrong: string[] = [];
  let checked = 0;
  let changed = 0;
  for (const { path, digest, bytes, modified } of sample) {
    try {
      const hash = createHash('sha256');
      for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
      const now = lstatSync(path);
      if (now.size !== bytes || now.mtimeMs !== modified) {
        changed++;
        continue;
      }
      checked++;
      if (hash.digest('hex') !== digest) wrong.push(path);
    } catch {
      changed++;
    }
  }
  return { checked, wrong, changed };
}

export interface Comparison {
  readonly files: number;
  readonly bytes: number;
  readonly rounds: number;
  /** Medians of all rounds, in seconds. */
  readonly executorSeconds: number;
  readonly oneThreadSeconds: number;
  /** The median of each round's own ratio: what disturbs a round disturbs both of its halves. */
  readonly speedup: number;
}

/**
 * The same files, by the same function, on the executor and in a plain loop on this thread, by turns.
 * One round that is not counted brings all of them into the page cache first.
 */
export async function compare(
  executor: Executor<typeof tasks>,
  files: readonly FoundFile[],
  rounds = 3,
): Promise<Comparison> {
  const groups = groupsOf(files);
  const parallel: number[] = [];
  const single: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begun = performance.now();
    await hashAll(executor, groups);
    const between = performance.now();
    for (const paths of groups) tasks.hashFiles(paths);
    const end = performance.now();
    if (round === 0) continue;
    parallel.push((between - begun) / 1000);
    single.push((end - between) / 1000);
  }
  return {
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    rounds,
    executorSeconds: median(parallel),
    oneThreadSeconds: median(single),
    speedup: median(parallel.map((seconds, round) => (single[round] ?? 0) / seconds)),
  };
}

/** What the job does; `main.ts` does it with its progress bar. */
async function hashAll(
  executor: Executor<typeof tasks>,
  groups: readonly string[][],
): Promise<void> {
  for await (const result of executor.map('hashFiles', groups, { ordered: false })) void result;
}
