// The project as it lies in the guest, in /vm: the built package, which its own files import as
// `moirai`, and what it depends on.
import * as fs from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where a file of this machine lies in the guest; one from outside the project lies in /vm itself. */
export function inGuest(path) {
  const inside = relative(root, path);
  return join('vm', inside.startsWith('..') ? basename(path) : inside);
}

/** A file, or all files of a folder, for the guest. */
export function lay(path, wanted = () => true) {
  const files = new Map();
  const names = fs.statSync(path).isDirectory() ? fs.readdirSync(path, { recursive: true }) : [''];
  for (const name of names) {
    const file = join(path, String(name));
    const stat = fs.statSync(file);
    if (!stat.isFile() || !wanted(file)) continue;
    files.set(join(inGuest(path), String(name)), {
      mode: stat.mode & 0o777,
      data: fs.readFileSync(file),
    });
  }
  return files;
}

export function builtPackage() {
  const file = (name) => lay(join(root, name));
  if (!fs.existsSync(join(root, 'build/Release/moirai.node'))) throw new Error('not built yet');
  return new Map([
    ...file('package.json'),
    ...lay(join(root, 'dist'), (path) => path.endsWith('.js')),
    ...file('build/Release/moirai.node'),
  ]);
}
