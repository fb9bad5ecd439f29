// The two builds that are compared, each in a folder of its own under build/check: an older commit,
// built from its own sources, and the working tree. Node finds their dependencies in this
// repository's node_modules, above them.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../machine.mjs';

const folder = join(root, 'build/check');
const sources = ['src', 'native', 'scripts', 'binding.gyp', 'package.json', 'tsconfig.build.json'];
const addon = 'build/Release/moirai.node';

function run(command, args, options = {}) {
  const { status, error, stdout } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
    ...options,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ended with ${status}`);
  return stdout;
}

export const commitOf = (ref) => run('git', ['rev-parse', '--short=12', `${ref}^{commit}`]).trim();

/** Builds a commit, unless it is the one that was built last; its folder. */
export function buildCommit(commit) {
  const place = join(folder, 'base');
  const stamp = join(place, 'commit');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === commit) return place;
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const archive = run('git', ['archive', commit, ...sources, 'tsconfig.json'], {
    encoding: 'buffer',
  });
  run('tar', ['-x', '-C', place], { input: archive, stdio: ['pipe', 'pipe', 'inherit'] });
  // Commits before decision 44 had a dependency, which this repository's node_modules have no more.
  run('npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit'], { cwd: place });
  run('npm', ['run', '--silent', 'build'], { cwd: place });
  writeFileSync(stamp, commit);
  return place;
}

/** Builds the working tree and copies what it needs to run. */
export function buildWorkingTree() {
  run('npm', ['run', '--silent', 'build']);
  return copyBuild(root, 'working-tree');
}

/** A build of its own of what `from` holds; also: the same code from another folder. */
export function copyBuild(from, name) {
  const place = join(folder, name);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(join(place, 'build/Release'), { recursive: true });
  cpSync(join(from, 'dist'), join(place, 'dist'), { recursive: true });
  cpSync(join(from, addon), join(place, addon));
  cpSync(join(from, 'package.json'), join(place, 'package.json'));
  return place;
}
