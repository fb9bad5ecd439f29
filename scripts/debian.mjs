// Debian packages that a script needs: installed when they are missing and we may.
import { spawnSync } from 'node:child_process';

/** Why the packages cannot be had on this machine. */
export class NoPackages extends Error {}

/** Runs an apt command; when it fails, once more with fresh lists, since those may be old. */
export function apt(words, options = {}) {
  const run = (...rest) =>
    spawnSync('apt-get', ['-qq', ...rest], {
      ...options,
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  let { status, stderr } = run(...words);
  if (status !== 0) {
    run('update');
    ({ status, stderr } = run(...words));
  }
  if (status !== 0)
    throw new NoPackages(`apt-get ${words.join(' ')} failed: ${stderr ?? 'not found'}`);
}

/** Installs what is missing of these Debian packages. */
export function installPackages(...wanted) {
  const missing = wanted.filter((name) => {
    const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name]);
    return String(stdout) !== 'installed';
  });
  if (missing.length === 0) return;
  if (process.getuid() !== 0) throw new NoPackages(`not root, cannot install ${missing.join(' ')}`);
  apt(['install', '-y', '--no-install-recommends', ...missing]);
}
