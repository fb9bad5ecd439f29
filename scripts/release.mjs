// A release without publishing anything: what is not ready, what would be packed, and what npm says to it.
//
//   npm run release:check      exit 1 where something is not ready; docs/release.md has the steps
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack, root } from './pack.mjs';
import { releaseProblems } from './release-rules.mjs';

const folder = mkdtempSync(join(tmpdir(), 'moirai-release-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const text = (path) => readFileSync(join(root, path), 'utf8');
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

const manifest = JSON.parse(text('package.json'));
const packed = pack(folder);
const problems = releaseProblems({
  manifest,
  lock: JSON.parse(text('package-lock.json')),
  changelog: text('CHANGELOG.md'),
  tags: git('tag', '--list').split('\n').filter(Boolean),
  isClean: git('status', '--porcelain') === '',
  files: packed.files.map(({ path }) => path),
});
console.log(`${packed.id}: ${packed.entryCount} files, ${packed.size} bytes, ${packed.integrity}`);

// npm goes through all of it, the tarball's manifest and the flags, and sends nothing.
const flags = ['--dry-run', '--provenance', '--access', 'public', '--ignore-scripts'];
const { status, stderr } = spawnSync('npm', ['publish', packed.path, ...flags], {
  encoding: 'utf8',
  cwd: folder,
});
if (status !== 0) problems.push(`npm publish ${flags.join(' ')}: exit code ${status}\n${stderr}`);

for (const problem of problems) console.error(`not ready: ${problem}`);
console.log(problems.length === 0 ? 'ready' : `${problems.length} things are not ready`);
if (problems.length > 0) process.exitCode = 1;
