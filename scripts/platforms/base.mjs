// Roots to run in: the C library of a Debian of one architecture, unpacked, and nothing else: no compiler,
// no make, no Python, not even a shell. Packages come by an apt with settings and lists of its own, so this
// machine's packages and architectures stay as they are.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { installPackages } from '../debian.mjs';

/** Debian's names. The suite is an old one on purpose: glibc 2.31, musl 1.2.2. */
const suite = 'bullseye';
const architectures = { x64: 'amd64', arm64: 'arm64' };
export const triples = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/** Runs a command; what it printed, or an error with that and what it complained of. */
export function run(command, args, options = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    ...options,
  });
  if (status === 0) return stdout;
  const how = error?.message ?? signal ?? `exit code ${status}`;
  throw new Error(`${command} ${args.join(' ')}: ${how}\n${stdout ?? ''}${stderr ?? ''}`);
}

/** Unpacks Debian packages of an architecture, and nothing that they depend on, into a folder. */
export function unpack(folder, arch, packages, work) {
  const own = join(work, `apt-${arch}`);
  const debs = join(own, `for-${basename(folder)}`);
  for (const path of [join(own, 'lists/partial'), join(own, 'cache/archives/partial'), debs])
    mkdirSync(path, { recursive: true });
  const mirror = 'http://deb.debian.org/debian';
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(own, 'sources.list'), `deb [signed-by=${keys}] ${mirror} ${suite} main\n`);
  writeFileSync(join(own, 'status'), '');
  const settings = {
    'APT::Architecture': architectures[arch],
    'APT::Architectures': architectures[arch],
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Dir::Etc::sourcelist': join(own, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(own, 'lists'),
    'Dir::State::status': join(own, 'status'),
    'Dir::Cache': join(own, 'cache'),
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...rest) => run('apt-get', ['-qq', ...words, ...rest], { cwd: debs });
  if (readdirSync(join(own, 'lists')).length < 2) apt('update');
  apt('download', ...packages);
  const files = readdirSync(debs);
  mkdirSync(folder, { recursive: true });
  for (const file of files) run('dpkg-deb', ['-x', join(debs, file), folder]);
  return files.map((file) => decodeURIComponent(file));
}

const emulated = { x64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' };

/** Puts into a root of another architecture what runs its programs. */
export function putEmulator(root, arch) {
  if (arch === process.arch) return;
  installPackages('qemu-user-static');
  cpSync(`/usr/bin/${emulated[arch]}`, join(root, 'qemu-static'));
}

/** Like ', by qemu-aarch64 7.2.22'. */
export function emulatorOf(arch) {
  if (arch === process.arch) return '';
  const [, name, version] = /^(\S+) version ([\d.]+)/.exec(run(emulated[arch], ['--version']));
  return `, by ${name} ${version}`;
}

/**
 * Runs a program in a root, without network: in name spaces of its own, with /proc, /sys and /dev. A
 * program of another architecture runs by qemu's user emulation.
 */
export function runInRoot(root, arch, args, env = {}) {
  const emulator = arch === process.arch ? [] : ['/qemu-static'];
  const mounts = ['proc', 'sys', 'dev'].map((name) => `mount --rbind /${name} ${root}/${name}`);
  const settings = Object.entries({ HOME: '/root', PATH: '/usr/bin', ...env });
  const script = `${mounts.join(' && ')} && mount -t tmpfs none ${root}/dev/shm &&
    exec chroot ${root} "$0" "$@" 2>&1`;
  const [program, ...rest] = [...emulator, ...args];
  return run('unshare', ['--net', '--mount', 'sh', '-c', script, program, ...rest], {
    env: { ...Object.fromEntries(settings), PATH: process.env.PATH },
    timeout: 500_000,
  });
}
