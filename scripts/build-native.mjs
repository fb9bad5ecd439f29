// Builds build/Release/moirai.node with node-gyp; only what changed is compiled again.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { nodeDirectory } from './node-headers.mjs';

const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const nodedir = nodeDirectory();
const { status } = spawnSync(
  process.execPath,
  [nodeGyp, 'configure', 'build', '--silent', ...(nodedir ? [`--nodedir=${nodedir}`] : [])],
  { cwd: new URL('..', import.meta.url), stdio: 'inherit' },
);
process.exit(status ?? 1);
