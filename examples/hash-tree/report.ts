// Everything that the example prints when it is done.
import type { ExecutorStats } from 'moirai';
import type { UnreadableFile } from './tasks.js';
import { bytesText, count, plural, rate } from './units.js';
import type { Comparison, Verdict } from './verify.js';
import type { Tree } from './walk.js';

const listed = 50;

export function found(tree: Tree): string {
  const skipped = [
    ...(tree.symlinks > 0 ? [`${plural(tree.symlinks, 'symlink')} not followed`] : []),
    ...(tree.special > 0 ? [`${plural(tree.special, 'special file')} skipped`] : []),
  ];
  const files = `${plural(tree.files.length, 'file')}, ${bytesText(tree.bytes)}`;
  return [files, ...skipped].join('; ');
}

export function unreadableText(unreadable: readonly UnreadableFile[]): string {
  const width = Math.max(...unreadable.map(({ code }) => code.length));
  const lines = unreadable
    .slice(0, listed)
    .map(({ path, code }) => `  ${code.padEnd(width)}  ${printable(path)}`);
  if (unreadable.length > listed) lines.push(`  and ${count(unreadable.length - listed)} more`);
  return [`Could not be read: ${count(unreadable.length)}`, ...lines].join('\n');
}

export function verdictText(verdict: Verdict): string {
  const changed =
    verdict.changed > 0 ? `; ${count(verdict.changed)} more were changed or removed meanwhile` : '';
  if (verdict.wrong.length === 0) {
    return `${plural(verdict.checked, 'file')} hashed again by node:crypto on one thread, all agree${changed}`;
  }
  const lines = verdict.wrong.map((path) => `  ${printable(path)}`);
  const title = `${count(verdict.wrong.length)} of ${count(verdict.checked)} DISAGREE with node:crypto on one thread${changed}`;
  return [title, ...lines].join('\n');
}

export function comparisonText(comparison: Comparison, all: number): string[] {
  const { files, bytes, rounds, executorSeconds, oneThreadSeconds, speedup } = comparison;
  const which =
    files === all
      ? `the same ${plural(files, 'file')}`
      : `${count(files)} of the files (${bytesText(bytes)})`;
  return [
    `${speedup.toFixed(2)} × one thread: ${rate(bytes, executorSeconds)} against ${rate(bytes, oneThreadSeconds)}`,
    `(medians of ${rounds} rounds by turns, ${which} from the page cache, the same function)`,
  ];
}

/** Who did what between two moments. */
export function workersText(before: ExecutorStats, after: ExecutorStats): string {
  const rows = after.workers.map((worker, index) => {
    const { tasks = 0, steals = 0, cpuTime = 0 } = before.workers[index] ?? {};
    return [
      worker.worker.toString(),
      worker.cpu < 0 ? '-' : worker.cpu.toString(),
      worker.node.toString(),
      count(worker.tasks - tasks),
      count(worker.steals - steals),
      `${(worker.cpuTime - cpuTime).toFixed(0)} ms`,
    ];
  });
  return table([['worker', 'CPU', 'node', 'tasks', 'steals', 'CPU time'], ...rows]);
}

export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `  ${line(row)}`).join('\n');
}

/** A name may hold anything, terminal commands too. */
export function printable(path: string): string {
  // oxlint-disable-next-line no-control-regex -- those are what must not reach the terminal
  return path.replaceAll(/[\u0000-\u001F\u007F-\u009F]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\x${code.toString(16).padStart(2, '0')}`;
  });
}
