// The package as users get it: packed, and installed into an empty folder without running any script.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack as packBuilt, root } from '../../scripts/pack.mjs';

export { root };

/** Packs what is built into the folder; has the prebuilt binary of this architecture made if there is none. */
export function pack(folder) {
  if (!existsSync(join(root, `prebuilds/linux-${process.arch}/moirai.node`))) {
    const script = join(root, 'scripts/build-prebuilds.mjs');
    execFileSync(process.execPath, [script, '--arch', process.arch], { stdio: 'inherit' });
  }
  return packBuilt(folder);
}

/** Installs a tarball into a folder that is made for it; there is no network to be had. */
export function install(tarball, folder) {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const words = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball];
  execFileSync('npm', words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  return join(folder, 'node_modules/moirai');
}

export const temporaryFolder = (name) => mkdtempSync(join(tmpdir(), `moirai-${name}-`));
