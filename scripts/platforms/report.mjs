// docs/platforms: what was tried, on what, and what it printed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { checkBinaries } from '../check-elf.mjs';
import { root } from '../pack.mjs';

const folder = join(root, 'docs/platforms');

/** A page for a target: what its root holds, and each command with its output. */
export function writeReport(name, { libc, runs, debs, outputs }) {
  const steps = outputs.map(
    ({ title, command, output }) =>
      `## ${title}\n\n\`\`\`\n$ ${command}\n${output.trimEnd()}\n\`\`\`\n`,
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${name}.md`),
    `# ${name}

Run by ${runs}, with ${libc}. Written by \`npm run test:platforms\`.

The root has these Debian packages and what is named below, and nothing else; there is no network.

${debs.map((deb) => `- \`${deb}\``).join('\n')}

${steps.join('\n')}`,
  );
}

/** The tables of all targets and of the binaries. */
export function writeTables(targets) {
  const rows = targets.map(
    ({ name, libc, runs, outputs }) =>
      `| [${name}](${name}.md) | ${libc} | ${runs} | ${outputs.map(({ title }) => title).join('; ')} |`,
  );
  const files = ['x64', 'arm64'].map((arch) => join(root, `prebuilds/linux-${arch}/moirai.node`));
  const binaries = checkBinaries(files).rows.map(
    ({ file, machine, needed, versions, newestGlibc, alignment, bytes, violations }) =>
      `| ${relative(root, dirname(file))} | ${machine} | ${needed} | ${versions} | ${newestGlibc} | ` +
      `${alignment / 1024} KiB | ${bytes} | ${violations.length} |`,
  );
  writeFileSync(
    join(folder, 'README.md'),
    `# Platforms

Written by \`npm run test:platforms\`. Each target has a root of its own with a C library and nothing
else: no compiler, no make, no Python, no shell, no network. The package is its tarball with the prebuilt
binaries.

| target | C library | run by | what was run |
| --- | --- | --- | --- |
${rows.join('\n')}

What this does not show:

- **Node itself on musl.** None was found in npm or Debian. [The host](../../test/package/musl-host.c) has
  what the addon calls of Node-API and libuv, no JavaScript and no event loop that turns.
- **arm64 hardware.** qemu's user emulation has no \`mbind\`, and starts no child for the probes of kernel
  features, which are then \`unknown\`. Orders of memory that only arm64's weaker model allows do not
  come up on an x64 host.

## Binaries

What \`npm run check:elf\` reads in them, and how much of it breaks a rule.

| binary | machine | libraries needed | symbol versions | newest function in glibc since | pages up to | bytes | violations |
| --- | --- | --- | --- | --- | --: | --: | --: |
${binaries.join('\n')}
`,
  );
}
