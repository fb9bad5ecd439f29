// The types as users have them: a strict program against the installed tarball, library files checked
// too, under the oldest and the newest TypeScript that are supported and each way of finding modules.
import { execFileSync, spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pack, root } from '../../scripts/pack.mjs';

const folder = mkdtempSync(join(tmpdir(), 'moirai-types-'));

const compilers = ['scripts/typescript-5/node_modules/typescript', 'node_modules/typescript'].map(
  (path) => ({
    version: JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')).version,
    tsc: join(root, path, 'bin/tsc'),
  }),
);
const resolutions = [
  { name: 'node16', flags: ['--module', 'node16'], files: ['user.ts'] },
  // CommonJS may require() modules in nodenext only: node16 stands for a Node that could not.
  { name: 'nodenext', flags: ['--module', 'nodenext'], files: ['user.ts', 'required.cts'] },
  {
    name: 'bundler',
    flags: ['--module', 'esnext', '--moduleResolution', 'bundler'],
    files: ['user.ts'],
  },
];

before(() => {
  cpSync(new URL('./consumer', import.meta.url), folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', pack(folder).path];
  execFileSync('npm', install, { cwd: folder, stdio: 'ignore' });
});
after(() => rmSync(folder, { recursive: true }));

for (const { version, tsc } of compilers) {
  for (const { name, flags, files } of resolutions) {
    test(`TypeScript ${version}, ${name}`, () => {
      const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022'];
      const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [tsc, ...strict, ...types, ...flags, ...files],
        { cwd: folder, encoding: 'utf8' },
      );
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
    });
  }
}

test('the two compilers are those that the documentation names', () => {
  assert.deepEqual(
    compilers.map(({ version }) => version.replace(/\.\d+$/, '')),
    ['5.9', '7.0'],
  );
});
