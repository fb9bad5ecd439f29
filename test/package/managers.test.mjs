// Other package managers lay node_modules out otherwise, or not at all: symbolic links into a store
// (pnpm), one flat folder (yarn 1), archives and a map (yarn 4). Each is the real one, from npm.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pack, temporaryFolder } from './installed.mjs';

const folder = temporaryFolder('managers');
let packed;

before(() => {
  packed = pack(folder);
});
after(() => fs.rmSync(folder, { recursive: true }));

const program = `
  import { Executor, Mutex } from 'moirai';
  const guard = new Mutex().lock();
  const executor = await Executor.start({ threads: 1 });
  console.log(await executor.call((a, b) => a + b, 40, 2));
  guard.unlock();
  await executor.close();`;

/** An app that the manager, an npm package with this command, has installed the tarball into. */
function appBy(manager, command, files = {}) {
  const name = manager.replace(/\W+/g, '-');
  const tools = join(folder, `${name}-itself`);
  const app = join(folder, `${name}-app`);
  for (const path of [tools, app]) fs.mkdirSync(path);
  const quiet = { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' };
  const words = ['install', '--prefix', tools, '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', [...words, manager], quiet);
  const about = { private: true, type: 'module', dependencies: { moirai: `file:${packed.path}` } };
  const all = { 'package.json': JSON.stringify(about), 'program.mjs': program, ...files };
  for (const [path, text] of Object.entries(all)) fs.writeFileSync(join(app, path), text);
  const run = (...args) =>
    execFileSync(join(tools, 'node_modules/.bin', command), args, {
      ...quiet,
      cwd: app,
      env: { ...process.env, CI: '', HOME: tools, YARN_GLOBAL_FOLDER: join(tools, 'global') },
    });
  return { app, run };
}

const runProgram = (app) =>
  execFileSync(process.execPath, ['program.mjs'], { cwd: app, encoding: 'utf8' });

test('pnpm: a link into its store', () => {
  const { app, run } = appBy('pnpm@10', 'pnpm');
  run('install', '--ignore-scripts', '--store-dir', join(folder, 'store'));
  assert.ok(fs.lstatSync(join(app, 'node_modules/moirai')).isSymbolicLink());
  assert.equal(runProgram(app), '42\n');
});

test('yarn 1: a flat folder', () => {
  const { app, run } = appBy('yarn@1.22.22', 'yarn');
  run('install', '--ignore-scripts', '--cache-folder', join(folder, 'cache'));
  assert.ok(fs.lstatSync(join(app, 'node_modules/moirai')).isDirectory());
  assert.equal(runProgram(app), '42\n');
});

test('yarn 4: no node_modules at all', () => {
  const { app, run } = appBy('@yarnpkg/cli-dist@4', 'yarn', {
    '.yarnrc.yml': 'enableScripts: false\nenableTelemetry: false\nenableImmutableInstalls: false\n',
    'yarn.lock': '',
  });
  run('install');
  assert.ok(!fs.existsSync(join(app, 'node_modules')));
  assert.equal(run('node', 'program.mjs'), '42\n');
});
