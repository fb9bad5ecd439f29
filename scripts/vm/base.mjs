// What every guest needs and no run changes: a kernel, and the first part of the initramfs with Node,
// numactl and busybox. Both are kept in a cache folder: $MOIRAI_VM_CACHE, else moirai-vm in
// $XDG_CACHE_HOME or ~/.cache.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { apt, installPackages } from '../debian.mjs';
import { cpio } from './cpio.mjs';

const cache =
  process.env.MOIRAI_VM_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'moirai-vm');

/** Why there can be no guest on this machine, its packages apart (NoPackages). */
export class NoGuest extends Error {}

const english = { ...process.env, LC_ALL: 'C' };

/** A program and the libraries it is linked to, by their paths in the guest. */
export function withLibraries(program, path) {
  const files = new Map([[path, { mode: 0o755, data: fs.readFileSync(program) }]]);
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  for (const [, library] of stdout.matchAll(/(\/\S+) \(0x/g)) {
    files.set(library.slice(1), { mode: 0o755, data: fs.readFileSync(library) });
  }
  return files;
}

/** Makes a file in the cache; side by side with others who make the same. */
function cached(name, make) {
  const path = join(cache, name);
  if (!fs.existsSync(path)) {
    fs.mkdirSync(cache, { recursive: true });
    const folder = fs.mkdtempSync(join(cache, 'new-'));
    try {
      fs.renameSync(make(folder), path);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  }
  return path;
}

/** The newest kernel that Debian has for virtual machines; which one that was when it was fetched. */
function kernel() {
  return cached('vmlinuz', (folder) => {
    const newest = () => {
      const words = ['depends', 'linux-image-cloud-amd64'];
      const { stdout } = spawnSync('apt-cache', words, { encoding: 'utf8', env: english });
      return /Depends: (linux-image-\S+)/.exec(stdout ?? '')?.[1];
    };
    let image = newest();
    if (image === undefined) {
      apt(['update']);
      image = newest();
    }
    if (image === undefined) throw new NoGuest('Debian has no kernel linux-image-cloud-amd64');
    // Root would download as a user who may not write here.
    apt(['-o', 'APT::Sandbox::User=root', 'download', image], { cwd: folder });
    const archive = fs.readdirSync(folder).find((name) => name.endsWith('.deb'));
    execFileSync('dpkg', ['-x', archive, 'image'], { cwd: folder });
    const boot = join(folder, 'image/boot');
    return join(
      boot,
      fs.readdirSync(boot).find((name) => name.startsWith('vmlinuz-')),
    );
  });
}

function programs() {
  const found = ['busybox', 'numactl'].map((name) =>
    execFileSync('which', [name], { encoding: 'utf8' }).trim(),
  );
  const sources = [fs.realpathSync(process.execPath), ...found];
  const key = createHash('sha256');
  for (const path of sources) key.update(`${path} ${fs.statSync(path).mtimeMs}\n`);
  return cached(`programs-${key.digest('hex').slice(0, 16)}.cpio`, (folder) => {
    const [node, busybox, numactl] = sources;
    const files = new Map([
      ...withLibraries(node, 'bin/node'),
      ...withLibraries(busybox, 'bin/busybox'),
      ...withLibraries(numactl, 'bin/numactl'),
    ]);
    const path = join(folder, 'programs');
    fs.writeFileSync(path, cpio(files));
    return path;
  });
}

/** Paths of the kernel and of the base of the initramfs; installs and downloads what is missing. */
export function base() {
  if (process.arch !== 'x64') throw new NoGuest('the guest is x86-64, as its host has to be');
  installPackages('qemu-system-x86', 'busybox-static', 'numactl');
  return { kernel: kernel(), programs: programs() };
}
