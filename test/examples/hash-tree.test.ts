// The demo, as its user runs it, on small trees whose every file is known.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type * as progress from '../../examples/hash-tree/progress.js';
import type * as tasks from '../../examples/hash-tree/tasks.js';
import { Project, type Ended } from './project.js';

const main = 'examples/hash-tree/main.js';
let project: Project;
let tree: string;

beforeAll(() => {
  project = new Project();
  project.copy('examples/hash-tree');
  project.compile('examples');
});
afterAll(() => project.remove());
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'moirai-tree-'));
});
afterEach(() => rmSync(tree, { recursive: true }));

const demo = (...args: string[]): Promise<Ended> => project.run(main, args);

/** One of the example's own modules. */
const load = <T>(name: string): Promise<T> =>
  import(pathToFileURL(join(project.folder, `examples/hash-tree/${name}.js`)).href) as Promise<T>;

/** The sum of the column `tasks` in the table of workers. */
function tasksOf(stdout: string): number {
  const rows = stdout.split('\n').filter((line) => /^(?: +[\d,-]+){5} +\d+ ms$/u.test(line));
  expect(rows.length).toBeGreaterThan(0);
  return rows.reduce((sum, row) => sum + Number(row.trim().split(/ +/u)[3]), 0);
}

test('every regular file is hashed, and nothing else is; small ones share a task', async () => {
  mkdirSync(join(tree, 'a/b'), { recursive: true });
  writeFileSync(join(tree, 'empty'), '');
  writeFileSync(join(tree, 'a/one'), 'x'.repeat(1000));
  writeFileSync(join(tree, 'a/b/more than one buffer'), 'y'.repeat(600_000));
  writeFileSync(join(tree, 'a/line\nbreak \u001B[31mred'), 'z');
  symlinkSync('..', join(tree, 'a/up'));
  symlinkSync('nowhere', join(tree, 'dangling'));
  execFileSync('mkfifo', [join(tree, 'fifo')]);
  const { code, stdout, stderr } = await demo(tree);
  expect(stdout).toContain('4 files, 601.0 kB; 2 symlinks not followed; 1 special file skipped');
  expect(stdout).toContain('Hashed    4 files, 601.0 kB');
  expect(stdout).toContain(
    'Checked   4 files hashed again by node:crypto on one thread, all agree',
  );
  expect(stdout).toContain('Speed-up  not measured: 601.0 kB are too few to time');
  expect(stdout).not.toContain('Could not be read');
  expect(tasksOf(stdout)).toBe(2);
  // Not a terminal: plain lines, the last of them at the end of the way.
  expect(stderr).toMatch(/^100 % {2}4 of 4 files/mu);
  expect(stderr).not.toContain('\u001B');
  expect(code).toBe(0);
});

test('an empty tree is no error', async () => {
  const { code, stdout, stderr } = await demo(tree);
  expect(stdout).toContain('Hashed    0 files, 0 B');
  expect(stdout).toContain('Speed-up  not measured');
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test('the same files are measured on one thread', async () => {
  for (const name of ['a', 'b', 'c']) {
    writeFileSync(join(tree, name), '');
    truncateSync(join(tree, name), 5e6);
  }
  const { code, stdout } = await demo(tree);
  expect(stdout).toMatch(
    /^Speed-up {2}[\d.]+ × one thread: [\d,.]+ MB\/s against [\d,.]+ MB\/s$/mu,
  );
  expect(stdout).toContain('medians of 3 rounds by turns, the same 3 files from the page cache');
  expect(tasksOf(stdout)).toBe(3);
  expect(code).toBe(0);
});

test('a file that vanishes midway is listed with its code, and the rest is hashed', async () => {
  writeFileSync(join(tree, 'here'), 'x');
  writeFileSync(join(tree, 'vanishing'), 'x');
  // The workers start when the tree has been walked.
  const removal = project.write(
    'removal.mjs',
    `import { rmSync } from 'node:fs';
     import { isMainThread } from 'node:worker_threads';
     if (!isMainThread) rmSync(${JSON.stringify(join(tree, 'vanishing'))}, { force: true });`,
  );
  const { code, stdout } = await project.run(main, [tree], ['--import', removal]);
  expect(stdout).toContain('Hashed    1 file, 1 B');
  expect(stdout).toContain(`Could not be read: 1\n  ENOENT  ${tree}/vanishing\n`);
  expect(tasksOf(stdout)).toBe(1);
  expect(code).toBe(0);
});

const isRoot = process.getuid?.() === 0;
if (isRoot) console.log('a directory without permission is not tested: root may read them all');

test.skipIf(isRoot)('a directory without permission is listed', async () => {
  mkdirSync(join(tree, 'closed'), { mode: 0 });
  writeFileSync(join(tree, 'file'), 'x');
  const { code, stdout } = await demo(tree);
  expect(stdout).toContain(`EACCES  ${tree}/closed`);
  expect(stdout).toContain('Hashed    1 file,');
  expect(code).toBe(0);
});

test.each([
  ['a missing one', (): string => join(tree, 'missing'), /missing does not exist$/mu],
  ['a file', (): string => '/etc/passwd', /^\/etc\/passwd is not a directory$/mu],
  ['an option', (): string => '--wrong', /^usage: /mu],
])('instead of a directory %s: a message and exit code 2', async (_name, path, message) => {
  const { code, stdout, stderr } = await demo(path());
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('a wrong digest is found, named, and the exit code is 1', async () => {
  writeFileSync(join(tree, 'file'), 'x');
  const sabotage = project.write(
    'sabotage.mjs',
    `import { Hash } from 'node:crypto';
     import { isMainThread } from 'node:worker_threads';
     if (!isMainThread) Hash.prototype.digest = () => '0'.repeat(64);`,
  );
  const { code, stdout } = await project.run(main, [tree], ['--import', sabotage]);
  expect(stdout).toContain('1 of 1 DISAGREE');
  expect(stdout).toContain(join(tree, 'file'));
  expect(code).toBe(1);
});

describe('a file that is not there any more, or not what it was', () => {
  test('has a code instead of a digest', async () => {
    const { hashFile } = await load<typeof tasks>('tasks');
    const path = join(tree, 'file');
    expect(hashFile(path)).toEqual({ path, code: 'ENOENT' });
    symlinkSync('/etc/passwd', path);
    expect(hashFile(path)).toEqual({ path, code: 'ELOOP' });
    expect(hashFile('/proc/self/mem')).toEqual({ path: '/proc/self/mem', code: 'EIO' });
    execFileSync('mkfifo', [join(tree, 'fifo')]);
    expect(hashFile(join(tree, 'fifo'))).toHaveProperty('code', 'not a regular file any more');
  });

  test('is not compared: a change is no wrong digest', async () => {
    const { hashFile } = await load<typeof tasks>('tasks');
    const { verify } = await load<typeof import('../../examples/hash-tree/verify.js')>('verify');
    const hashed = ['kept', 'changed', 'removed'].map((name) => {
      writeFileSync(join(tree, name), name);
      return hashFile(join(tree, name)) as tasks.HashedFile;
    });
    truncateSync(join(tree, 'changed'), 2);
    rmSync(join(tree, 'removed'));
    expect(await verify(hashed)).toEqual({ checked: 1, wrong: [], changed: 2 });
  });
});

test('on a terminal the progress is one line that is never wider than it', async () => {
  const { Progress } = await load<typeof progress>('progress');
  for (const columns of [20, 40, 120, 200]) {
    const written: string[] = [];
    const output = { isTTY: true, columns, write: (text: string) => written.push(text) };
    const shown = new Progress(output, 2, 3e6);
    shown.add(1e6);
    shown.finish();
    expect(written.at(-1)).toBe('\r\u001B[K');
    const line = written[0]?.replace(/^\r/u, '').replace('\u001B[K', '') ?? '';
    expect(line.length).toBeLessThan(columns);
    expect(line.includes('█')).toBe(columns > 100);
  }
});

test('its default is the tree of the package itself', () => {
  expect(existsSync(join(project.folder, 'node_modules/moirai/node_modules'))).toBe(true);
});
