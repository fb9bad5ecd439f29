// What users get: the packed tarball holds what it should and nothing else, installs into an empty
// folder without running a script, loads both ways, and builds there from source.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeDirectory } from '../../scripts/node-headers.mjs';
import { install, pack, root, temporaryFolder } from './installed.mjs';

const folder = temporaryFolder('package');
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
  packed = pack(folder);
});
after(() => rmSync(folder, { recursive: true }));

const shipped = [
  /^(?:package\.json|binding\.gyp|LICENSE|(?:README|CHANGELOG|THIRD-PARTY)\.md|docs\/errors\.md)$/,
  /^dist\/[\w-]+\.js$/,
  /^dist\/(?:[\w-]+\/)*[\w-]+\.d\.ts$/,
  /^native\/(?:sources\.txt|exports\.map|CMakeLists\.txt|CMakePresets\.json)$/,
  /^native\/(?:core\/\w+|addon)\/\w+(?<!_test)\.(?:cc|h)$/,
  /^scripts\/(?:build-addon|compile-addon|node-headers)\.mjs$/,
  /^prebuilds\/linux-(?:x64|arm64)\/(?:moirai\.node|build\.md)$/,
  /^native\/include\/moirai\.h$/,
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
    'scripts/build-addon.mjs',
    `prebuilds/linux-${process.arch}/moirai.node`,
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
  install(packed.path, folder);
  assert.ok(existsSync(join(installed, 'dist/index.js')));
  assert.ok(!existsSync(join(installed, 'build')), 'nothing was compiled');
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

test('the documented command builds it from source, with a compiler and nothing else', () => {
  const nodedir = nodeDirectory();
  assert.ok(nodedir !== undefined, 'this Node came without its headers');
  // All that can be called are g++ and what it calls; with root, there is no network either.
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  for (const name of ['g++', 'as', 'ld']) {
    symlinkSync(realpathSync(run('which', [name]).trim()), join(tools, name));
  }
  const apart = process.getuid() === 0 ? ['unshare', '-n', 'env'] : ['env'];
  apart.push('-i', `PATH=${tools}`, `npm_config_nodedir=${nodedir}`);
  const place = join(folder, 'with spaces');
  mkdirSync(place);
  renameSync(join(folder, 'node_modules'), join(place, 'node_modules'));
  rmSync(join(place, 'node_modules/moirai/prebuilds'), { recursive: true });
  const binary = join(place, 'node_modules/moirai/build/Release/moirai.node');
  const [command, ...words] = [...apart, process.execPath];
  const printed = run(command, [...words, 'node_modules/moirai/scripts/build-addon.mjs'], {
    cwd: place,
  });
  assert.equal(printed, `${binary}\n`);
  writeFileSync(
    join(place, 'program.mjs'),
    `import { currentCpu } from 'moirai'; console.log(typeof currentCpu());`,
  );
  assert.equal(run(process.execPath, ['program.mjs'], { cwd: place }), 'number\n');
});

test('where there is no compiler, the command says so', () => {
  const script = join(folder, 'with spaces/node_modules/moirai/scripts/build-addon.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { PATH: folder, npm_config_nodedir: nodeDirectory() },
  });
  assert.equal(status, 1);
  assert.match(stderr, /There is no g\+\+: install it, or set CXX\./);
});
