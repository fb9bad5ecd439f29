// The package in a root with glibc and Node and nothing else: installed from its tarball by npm, without
// scripts and without network, then README's first example and the smoke test.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { root as project } from '../pack.mjs';
import { emulatorOf, putEmulator, run, runInRoot, unpack } from './base.mjs';

/** The first two TypeScript blocks of README.md, by name, as JavaScript. */
function firstExample() {
  const readme = readFileSync(join(project, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```ts\n\/\/ ([\w-]+)\.ts\n(.*?)^```$/gms)].slice(0, 2);
  return blocks.map(([, name, code]) => ({
    name: `${name}.js`,
    code: transformSync(code, { loader: 'ts', format: 'esm', target: 'node20' }).code,
    expected: [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => `${line}\n`).join(''),
  }));
}

/** The Node that runs this, or for another architecture npm's binary of the same major version. */
function nodeFor(arch, work) {
  if (arch === process.arch) return process.execPath;
  const [major] = process.versions.node.split('.');
  const name = `node-linux-${arch}`;
  const words = ['install', '--prefix', join(work, 'node'), '--ignore-scripts', '--force'];
  run('npm', [...words, '--no-audit', '--no-fund', `${name}@${major}`]);
  return join(work, 'node/node_modules', name, 'bin/node');
}

export function tryGlibc(arch, tarball, work) {
  const root = join(work, `root-glibc-${arch}`);
  const debs = unpack(root, arch, ['libc6', 'libgcc-s1', 'libstdc++6'], work);
  for (const name of ['proc', 'sys', 'dev', 'etc', 'tmp', 'root', 'usr/bin', 'app'])
    mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  cpSync(nodeFor(arch, work), join(root, 'usr/bin/node'));
  putEmulator(root, arch);
  const npm = join(run('npm', ['root', '--global']).trim(), 'npm');
  cpSync(npm, join(root, 'usr/lib/npm'), { recursive: true });
  cpSync(tarball, join(root, 'moirai.tgz'));
  const example = firstExample();
  for (const { name, code } of example) writeFileSync(join(root, 'app', name), code);
  cpSync(join(project, 'test/package/smoke.mjs'), join(root, 'app/smoke.mjs'));
  writeFileSync(join(root, 'app/package.json'), '{ "private": true, "type": "module" }');

  const npmCli = ['/usr/lib/npm/bin/npm-cli.js', '--prefix', '/app', 'install'];
  const words = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '/moirai.tgz'];
  const steps = [
    { title: 'npm install, without scripts and network', args: [...npmCli, ...words] },
    ...example
      .filter(({ expected }) => expected !== '')
      .map(({ name, expected }) => ({
        title: `README's first example`,
        args: [`/app/${name}`],
        expected,
      })),
    { title: 'the smoke test', args: ['/app/smoke.mjs'] },
  ];
  const outputs = steps.map(({ title, args, expected }) => {
    const output = runInRoot(root, arch, ['/usr/bin/node', ...args]);
    if (expected !== undefined && output !== expected)
      throw new Error(`${title}: printed ${output} instead of ${expected}`);
    return { title, command: ['node', ...args].join(' '), output };
  });
  return {
    libc: `glibc ${debs.find((name) => name.startsWith('libc6_')).split('_')[1]}`,
    runs: `Node.js ${process.versions.node.split('.')[0]}${emulatorOf(arch)}`,
    debs,
    outputs,
  };
}
