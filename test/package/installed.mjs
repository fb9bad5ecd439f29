// The package as users get it: packed, and installed into an empty folder without running any script.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack as packBuilt, root } from '../../scripts/pack.mjs';

export { root };

/** When the last of the native sources was written, or the binary; 0 where there is none. */
function written(...paths) {
  const times = paths.map((path) => {
    if (!existsSync(path)) return 0;
    const names = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }) : [''];
    const files = names.map(String).filter((name) => !/^build\b|_test\./.test(name));
    return Math.max(...files.map((name) => statSync(join(path, name)).mtimeMs));
  });
  return Math.max(...times);
}

/** Packs what is built into the folder, after the prebuilt binary of this architecture where it is old. */
export function pack(folder) {
  const binary = written(join(root, `prebuilds/linux-${process.arch}/moirai.node`));
  if (binary < written(join(root, 'native/core'), join(root, 'native/addon'))) {
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
