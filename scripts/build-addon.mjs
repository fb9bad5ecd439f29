// Builds the addon of an installed package from source, for this machine, without network:
//
//   node node_modules/moirai/scripts/build-addon.mjs [--output FILE.node]
//
// Needs g++ 12 or later, or another compiler of C++20 that $CXX names, and the headers of Node, which
// most installations of Node have beside it; else npm_config_nodedir says where include/node is. What it
// builds is used instead of the prebuilt binary. With --output it lies anywhere, for a node_modules that
// cannot be written; the environment variable MOIRAI_BINARY then names it to programs.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileAddon } from './compile-addon.mjs';
import { nodeDirectory } from './node-headers.mjs';

const { values } = parseArgs({ options: { output: { type: 'string' } } });
const place = new URL('../build/Release/moirai.node', import.meta.url);
const output = values.output === undefined ? fileURLToPath(place) : resolve(values.output);
const compiler = process.env.CXX ?? 'g++';
const nodedir = nodeDirectory();

if (nodedir === undefined) {
  console.error(`There are no headers beside ${process.execPath}: set npm_config_nodedir to the folder
that has include/node/node_api.h (the official archives of Node have it).`);
  process.exit(1);
}
try {
  await compileAddon({ output, headers: join(nodedir, 'include/node'), compiler });
} catch (error) {
  console.error(String(error.message));
  if (error.code === 'ENOENT') console.error(`There is no ${compiler}: install it, or set CXX.`);
  if (error.code === 'EACCES' || error.code === 'EROFS')
    console.error('The folder cannot be written: use --output FILE.node, and MOIRAI_BINARY.');
  process.exit(1);
}
console.log(output);
if (values.output !== undefined && existsSync(output)) console.log(`MOIRAI_BINARY=${output}`);
