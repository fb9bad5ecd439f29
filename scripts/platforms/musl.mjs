// The binary under musl's own loader. There is no Node for musl to be had as a package of npm or Debian, so
// test/package/musl-host.c stands for it: it has the functions of Node-API and libuv that the addon asks
// for, calls into it from two threads, and knows no JavaScript.
import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from '../debian.mjs';
import { nodeDirectory } from '../node-headers.mjs';
import { root as project } from '../pack.mjs';
import { emulatorOf, putEmulator, run, runInRoot, triples, unpack } from './base.mjs';

const names = { x64: 'x86_64', arm64: 'aarch64' };

/** Compiles the host for musl with the ordinary compiler, and musl's headers and files in `sdk`. */
function compileHost(arch, sdk, output) {
  const folder = `${names[arch]}-linux-musl`;
  const file = (name) => join(sdk, 'usr/lib', folder, name);
  const flags =
    '-O1 -Wall -Werror -std=gnu11 -fno-pie -no-pie -U_FORTIFY_SOURCE -fno-stack-protector';
  run(`${triples[arch]}-gcc`, [
    ...flags.split(' '),
    '-nostdinc',
    `-isystem${join(sdk, 'usr/include', folder)}`,
    `-isystem${join(nodeDirectory(), 'include/node')}`,
    '-nostdlib',
    '-rdynamic',
    `-Wl,--dynamic-linker=/lib/ld-musl-${names[arch]}.so.1`,
    file('crt1.o'),
    file('crti.o'),
    join(project, 'test/package/musl-host.c'),
    `-L${join(sdk, 'lib', folder)}`, // by its path it would be needed by its path
    '-l:libc.so',
    '-lgcc',
    file('crtn.o'),
    '-o',
    output,
  ]);
}

export function tryMusl(arch, tarball, work) {
  if (arch !== process.arch) installPackages(`gcc-${triples[arch].replace('_', '-')}`);
  const root = join(work, `root-musl-${arch}`);
  const sdk = join(work, `sdk-musl-${arch}`);
  const debs = unpack(root, arch, ['musl'], work);
  unpack(sdk, arch, ['musl', 'musl-dev'], work);
  for (const name of ['proc', 'sys', 'dev', 'app'])
    mkdirSync(join(root, name), { recursive: true });
  compileHost(arch, sdk, join(root, 'app/host'));
  const unpacked = mkdtempSync(join(work, 'unpacked-'));
  run('tar', ['-xzf', tarball, '-C', unpacked]);
  cpSync(
    join(unpacked, `package/prebuilds/linux-${arch}/moirai.node`),
    join(root, 'app/moirai.node'),
  );
  putEmulator(root, arch);
  const output = runInRoot(root, arch, ['/app/host', '/app/moirai.node']);
  if (arch === process.arch && !output.includes('probe futex: 0')) throw new Error(output);
  return {
    libc: debs[0].split('_').slice(0, 2).join(' '),
    runs: `a host in C, no JavaScript${emulatorOf(arch)}`,
    debs,
    outputs: [{ title: 'the binary, loaded and called', command: 'host moirai.node', output }],
  };
}
