// Hashes every regular file of a directory tree with SHA-256, on every core.
//
//   npm run demo [-- DIR]      DIR: default the project's own node_modules
//
// Exit code 0, 1 when a digest is wrong, 2 when DIR is no directory. Files that cannot be read are
// listed and do not change the exit code.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Executor } from 'moirai';
import { groupsOf } from './groups.js';
import { Progress } from './progress.js';
import * as report from './report.js';
import type * as tasks from './tasks.js';
import { bytesText, plural, rate } from './units.js';
import { compare, sampleOf, verify } from './verify.js';
import { walk } from './walk.js';

const sampleLimit = { files: 200, bytes: 256e6 };
// What is measured must fit into the page cache beside everything else.
// Less than this takes a few milliseconds, and measuring them says nothing.
const comparableBytes = 10e6;
const comparisonLimit = { files: Number.POSITIVE_INFINITY, bytes: 512e6 };

async function main(directory: string): Promise<number> {
  const tree = walk(directory);
  console.log(`Tree      ${report.printable(directory)}\n          ${report.found(tree)}`);

  // The type parameter is all that ties the two sides together: it makes 'hashFiles', its argument and
  // its result known to the compiler here, without loading the module into this thread.
  await using executor = await Executor.start<typeof tasks>({
    tasks: new URL('./tasks.js', import.meta.url),
  });

  // Largest first, so that in the end no worker is left alone with a large one.
  const files = tree.files.toSorted((a, b) => b.bytes - a.bytes);
  const unreadable = [...tree.unreadable];
  const hashed: tasks.HashedFile[] = [];
  let bytes = 0;

  const progress = new Progress(process.stderr, files.length, tree.bytes);
  const before = executor.stats();
  const begun = performance.now();
  // As they come: none waits for a larger one before it.
  for await (const results of executor.map('hashFiles', groupsOf(files), { ordered: false })) {
    for (const result of results) {
      if ('digest' in result) {
        hashed.push(result);
        bytes += result.bytes;
        progress.add(result.bytes);
      } else {
        unreadable.push(result);
        progress.add(0);
      }
    }
  }
  const seconds = (performance.now() - begun) / 1000;
  const after = executor.stats();
  progress.finish();

  console.log(
    `Hashed    ${plural(hashed.length, 'file')}, ${bytesText(bytes)} in ${seconds.toFixed(2)} s: ` +
      `${rate(bytes, seconds)} on ${plural(executor.threads, 'worker')}`,
  );
  const bySize = hashed.toSorted((a, b) => b.bytes - a.bytes);
  const verdict = await verify(sampleOf(bySize, sampleLimit));
  console.log(`Checked   ${report.verdictText(verdict)}`);

  const measured = sampleOf(bySize, comparisonLimit);
  const measuredBytes = measured.reduce((sum, file) => sum + file.bytes, 0);
  const speedup =
    measuredBytes < comparableBytes
      ? [`not measured: ${bytesText(measuredBytes)} are too few to time`]
      : report.comparisonText(await compare(executor, measured), hashed.length);
  console.log(`Speed-up  ${speedup.join('\n          ')}`);

  console.log(`\n${report.workersText(before, after)}`);
  if (unreadable.length > 0) console.log(`\n${report.unreadableText(unreadable)}`);
  return verdict.wrong.length === 0 ? 0 : 1;
}

/** What is wrong with the arguments, or undefined. */
function complaint(directory: string, rest: readonly string[]): string | undefined {
  if (rest.length > 0 || directory.startsWith('-')) return 'usage: npm run demo [-- DIR]';
  try {
    return statSync(directory).isDirectory() ? undefined : `${directory} is not a directory`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? `${directory} does not exist` : `${directory}: ${code}`;
  }
}

const [given, ...rest] = process.argv.slice(2);
// npm runs scripts in the project's folder; a relative DIR is meant from where the user is.
const directory =
  given === undefined
    ? fileURLToPath(new URL('../node_modules', import.meta.resolve('moirai')))
    : given.startsWith('-')
      ? given
      : resolve(process.env['INIT_CWD'] ?? '.', given);
const wrong = complaint(directory, rest);
if (wrong === undefined) {
  process.exitCode = await main(directory);
} else {
  console.error(wrong);
  process.exitCode = 2;
}
