// Tries the packed package on each platform it has a binary for, in roots without compiler and network,
// and writes what was seen into docs/platforms. Debian, root; nothing is left outside this folder.
//
//   npm run test:platforms [-- --target linux-x64-glibc …] [--keep]     --keep: docs stay as they are
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NoPackages } from './debian.mjs';
import { pack, root } from './pack.mjs';
import { tryGlibc } from './platforms/glibc.mjs';
import { tryMusl } from './platforms/musl.mjs';
import { writeReport, writeTables } from './platforms/report.mjs';

const targets = {
  'linux-x64-glibc': (...rest) => tryGlibc('x64', ...rest),
  'linux-arm64-glibc': (...rest) => tryGlibc('arm64', ...rest),
  'linux-x64-musl': (...rest) => tryMusl('x64', ...rest),
  'linux-arm64-musl': (...rest) => tryMusl('arm64', ...rest),
};
const { values } = parseArgs({
  options: { target: { type: 'string', multiple: true }, keep: { type: 'boolean' } },
});
const work = join(root, 'build/platforms');

if (spawnSync('unshare', ['--net', '--mount', 'true']).status !== 0) {
  console.log('skipped: roots and name spaces of its own need root and CAP_SYS_ADMIN');
  process.exit();
}
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
try {
  const tarball = pack(work).path;
  const seen = [];
  for (const name of values.target ?? Object.keys(targets)) {
    const began = performance.now();
    const result = targets[name](tarball, work);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`platforms: ${name}: works; ${result.runs}, ${result.libc}, ${seconds} s`);
    if (!values.keep) writeReport(name, result);
    seen.push({ name, ...result });
  }
  if (!values.keep && values.target === undefined) writeTables(seen);
} catch (error) {
  console.error(error instanceof NoPackages ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true });
}
