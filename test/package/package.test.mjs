// What users get: the packed tarball holds what it should and nothing else, installs into an empty
// folder without running a script, builds there from source, and loads both ways.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nodeDirectory } from '../../scripts/node-headers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'moirai-package-'));
const installed = join(folder, 'node_modules/moirai');
let packed;

const run = (command, args, options) =>
  execFileSync(command, args, { cwd: folder, encoding: 'utf8', ...options });

/** Runs a module in the folder; gives what it printed, and fails if it warned. */
function runModule(code) {
  const file = join(folder, 'program.mjs');
  writeFileSync(file, code);
  return run('sh', ['-c', '"$0" "$1" 2>&1', process.execPath, file]).trim();
}

before(() => {
  const output = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  [packed] = Object.values(JSON.parse(output));
});
after(() => rmSync(folder, { recursive: true }));

const shipped = [
  /^(?:package\.json|binding\.gyp|LICENSE|(?:README|CHANGELOG|THIRD-PARTY)\.md|docs\/errors\.md)$/,
  /^dist\/[\w-]+\.js$/,
  /^dist\/(?:[\w-]+\/)*[\w-]+\.d\.ts$/,
  /^native\/(?:sources\.txt|exports\.map|CMakeLists\.txt|CMakePresets\.json)$/,
  /^native\/(?:core\/\w+|addon)\/\w+(?<!_test)\.(?:cc|h)$/,
  /^prebuilds\/linux-(?:x64|arm64)\/[\w.]+\.node$/,
];

test('the tarball holds nothing unexpected', () => {
  const paths = packed.files.map((file) => file.path);
  const unexpected = paths.filter((path) => !shipped.some((pattern) => pattern.test(path)));
  assert.deepEqual(unexpected, []);
});

test('the tarball holds everything that a build from source and an import need', () => {
  const paths = new Set(packed.files.map((file) => file.path));
  const sources = readFileSync(join(root, 'native/sources.txt'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const needed = [
    'binding.gyp',
    'LICENSE',
    'CHANGELOG.md',
    'THIRD-PARTY.md',
    'native/sources.txt',
    'native/exports.map',
    ...sources.map((path) => `native/${path}`),
    ...Object.values(exports).flatMap((target) =>
      typeof target === 'string' ? target.slice(2) : Object.values(target).map((p) => p.slice(2)),
    ),
  ];
  assert.deepEqual(
    needed.filter((path) => !paths.has(path)),
    [],
  );
});

test('it installs into an empty folder without running any script', () => {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  run('npm', ['install', '--no-audit', '--no-fund', join(folder, packed.filename)]);
  assert.ok(existsSync(join(installed, 'dist/index.js')));
  assert.ok(!existsSync(join(installed, 'build')), 'nothing was compiled');
});

const prebuilt = existsSync(join(root, 'prebuilds')) && 'the package has prebuilds';
test('the documented command builds it from source', { skip: prebuilt }, () => {
  const nodedir = nodeDirectory();
  const command = ['--yes', 'node-gyp@12', 'rebuild', '--directory', 'node_modules/moirai'];
  run('npx', nodedir ? [...command, `--nodedir=${nodedir}`] : command, { stdio: 'pipe' });
  assert.ok(existsSync(join(installed, 'build/Release/moirai.node')));
});

test('the installed binary loads', () => {
  const printed = runModule(`
    import { createRequire } from 'node:module';
    const addon = createRequire(import.meta.url)('node-gyp-build')('node_modules/moirai');
    console.log(typeof addon);
  `);
  assert.equal(printed, 'object');
});

test('the command runs: both subcommands, with the installed binary', () => {
  const command = join(folder, 'node_modules/.bin/moirai');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.equal(run(command, ['--version']), `${version}\n`);
  // Its exit code says what the machine lacks.
  const { findings } = JSON.parse(run('sh', ['-c', '"$0" doctor --json || true', command]));
  assert.equal(findings.find(({ name }) => name === 'addon').found, 'loaded');
  const words = ['rt', '--degraded', '--priority', '1', '--duration', '100ms', '--json'];
  assert.ok(JSON.parse(run(command, words)).ticks > 0);
});

test('import and require give the same module, without a warning', () => {
  const printed = runModule(`
    import { createRequire } from 'node:module';
    import * as imported from 'moirai';
    const required = createRequire(import.meta.url)('moirai');
    console.log(imported.MoiraiError === required.MoiraiError, typeof imported.MoiraiError);
  `);
  assert.equal(printed, 'true function');
});

test('a task runs in a worker, with moirai/worker beside it', () => {
  writeFileSync(
    join(folder, 'tasks.mjs'),
    `import { workerIndex } from 'moirai/worker';
     export const add = (a, b) => a + b + workerIndex;`,
  );
  const printed = runModule(`
    import { Executor } from 'moirai';
    const executor = await Executor.start({
      tasks: new URL('./tasks.mjs', import.meta.url),
      threads: 1,
    });
    console.log(await executor.run.add(40, 2));
    await executor.close();
  `);
  assert.equal(printed, '42');
});
