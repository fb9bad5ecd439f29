// The package as it would be published, in a folder of its own: what scripts that look at it share.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Packs what is built into `folder`; gives npm's report of it, with `path`, where the tarball is. */
export function pack(folder) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const output = execFileSync('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  const [report] = Object.values(JSON.parse(output.toString()));
  return { ...report, path: join(folder, report.filename) };
}
