// Where the headers of the running Node are, if they came with it (the official archives, images and
// most distributions have them beside the binary), so that a build downloads nothing.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The prefix to pass as --nodedir, or undefined: node-gyp then downloads the headers itself. */
export function nodeDirectory() {
  const candidates = [process.env.npm_config_nodedir, dirname(dirname(process.execPath))];
  return candidates.find((path) => path && existsSync(join(path, 'include/node/node_api.h')));
}
