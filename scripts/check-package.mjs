// Holds the packed tarball to what package managers, bundlers and TypeScript expect of one, and prints
// what it costs to have it.
//
//   node scripts/check-package.mjs      exit 1 where publint or arethetypeswrong finds anything
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack, root } from './pack.mjs';

const folder = mkdtempSync(join(tmpdir(), 'moirai-check-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const packed = pack(folder);

function check(what, command, args) {
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin', command), args, {
    encoding: 'utf8',
  });
  console.log(`package: ${what}: ${status === 0 ? 'nothing found' : `exit code ${status}`}`);
  if (status === 0) return;
  console.error(stdout + stderr);
  process.exitCode = 1;
}
check('publint', 'publint', ['--strict', packed.path]);
// The header for addons is no module.
const attw = ['--profile', 'esm-only', '--format', 'ascii', '--exclude-entrypoints', 'moirai.h'];
check('arethetypeswrong', 'attw', [packed.path, ...attw]);

// A second time, so that the dependency comes from npm's cache: the time is npm's work, not the network's.
const times = [0, 1].map((turn) => {
  const project = join(folder, `project-${turn}`);
  mkdirSync(project);
  const began = performance.now();
  const args = ['install', '--prefix', project, '--no-audit', '--no-fund', '--prefer-offline'];
  const { status, stderr } = spawnSync('npm', [...args, packed.path], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - began;
});

const kB = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
console.log(
  `package: ${packed.entryCount} files, ${kB(packed.size)} packed, ${kB(packed.unpackedSize)} unpacked; ` +
    `npm install took ${(times[1] / 1000).toFixed(1)} s (the first time ${(times[0] / 1000).toFixed(1)} s)`,
);
