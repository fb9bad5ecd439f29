// Builds the addon with cmake-js instead of node-gyp, as native/build/addon/Release/moirai.node:
// for editors and profilers that want a CMake project. Same sources, same flags.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { nodeDirectory } from './node-headers.mjs';

const nodedir = nodeDirectory();
if (nodedir === undefined) {
  console.error('There are no headers beside this node: set npm_config_nodedir to where they are.');
  process.exit(1);
}
const native = fileURLToPath(new URL('../native', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [
    createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js'),
    'compile',
    `--directory=${native}`,
    `--out=${native}/build/addon`,
    '--log-level=warn',
  ],
  { stdio: 'inherit', env: { ...process.env, npm_config_nodedir: nodedir } },
);
process.exit(status ?? 1);
