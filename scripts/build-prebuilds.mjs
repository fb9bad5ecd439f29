// Builds what npm ships, prebuilds/linux-ARCH/moirai.node, and holds it to check-elf.mjs: a binary that
// fails is not left there. One for each architecture serves glibc and musl, since it needs no library at
// all; the other architecture is cross-compiled. build.md beside it says how it was built.
//
//   npm run build:prebuilds [-- --arch x64]      Debian; installs compilers where they are missing and it is root
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkBinaries } from './check-elf.mjs';
import { compileAddon, flagsFor } from './compile-addon.mjs';
import { installPackages, NoPackages } from './debian.mjs';
import { nodeDirectory } from './node-headers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const triples = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const { values } = parseArgs({ options: { arch: { type: 'string', multiple: true } } });
const architectures = values.arch ?? Object.keys(triples);

/** Compiler and tools for an architecture; musl is what the check compares with. */
function packagesFor(arch) {
  if (arch === process.arch) return ['g++', 'binutils', 'musl'];
  return [`g++-${triples[arch].replace('x86_64', 'x86-64')}`, 'binutils', 'musl'];
}

function reportOf({ arch, sha256, compiler, flags, ...row }) {
  const facts = [
    ['machine', row.machine],
    ['bytes', row.bytes],
    ['SHA-256', sha256],
    ['libraries needed', row.needed],
    ['symbol versions asked for', row.versions],
    ['newest function is in glibc since', row.newestGlibc],
    ['pages', `${row.alignment / 1024} KiB or smaller`],
    ['compiler', compiler],
    ['headers', `Node ${process.versions.node}, Node-API 9`],
    ['compiled with', `\`${flags.compile.join(' ')}\``],
    ['linked with', `\`${flags.link.join(' ')}\``],
    ['stripped with', '`strip --strip-unneeded`'],
  ];
  const table = facts.map(([name, value]) => `| ${name} | ${value} |`).join('\n');
  return `# linux-${arch}, for glibc 2.28 and later and for musl

Checked by scripts/check-elf.mjs when it was built.

| | |
| --- | --- |
${table}
`;
}

async function build(arch, headers) {
  const tool = (name) => `${triples[arch]}-${name}`;
  const output = join(root, `prebuilds/linux-${arch}/moirai.node`);
  await compileAddon({ output, headers, arch, compiler: tool('g++'), strip: tool('strip') });
  const { rows, notes } = checkBinaries([output]);
  for (const note of notes) console.log(note);
  const [row] = rows;
  if (row.violations.length > 0) {
    rmSync(output);
    throw new Error(row.violations.map((what) => `${output} ${what}`).join('\n'));
  }
  const [compiler] = execFileSync(tool('g++'), ['--version'], { encoding: 'utf8' }).split('\n');
  const { compile, link } = flagsFor(arch);
  const flags = { compile, link: link.map((flag) => flag.replace(root, '')) };
  const sha256 = createHash('sha256').update(readFileSync(output)).digest('hex');
  writeFileSync(
    join(dirname(output), 'build.md'),
    reportOf({ ...row, arch, compiler, flags, sha256 }),
  );
  console.log(`prebuilds/linux-${arch}/moirai.node: ${row.bytes} bytes`);
}

try {
  for (const arch of architectures) {
    if (!(arch in triples))
      throw new Error(`--arch is one of ${Object.keys(triples).join(', ')}; got ${arch}`);
  }
  const nodedir = nodeDirectory();
  if (nodedir === undefined)
    throw new Error('There are no headers beside node: set npm_config_nodedir');
  installPackages(...new Set(architectures.flatMap(packagesFor)));
  for (const arch of architectures) await build(arch, join(nodedir, 'include/node'));
} catch (error) {
  console.error(error instanceof NoPackages ? error.message : error);
  process.exitCode = 1;
}
