// The binary is found and loaded wherever the package lies and however it came there; and where it is
// not, or is not what it should be, the import fails with a typed error that says what helps.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { install, pack, root, temporaryFolder } from './installed.mjs';

const folder = temporaryFolder('loading');
const binary = `prebuilds/linux-${process.arch}/moirai.node`;
let packed;
let installed;

before(() => {
  fs.chmodSync(folder, 0o755);
  packed = pack(folder);
  fs.mkdirSync(join(folder, 'app'));
  installed = install(packed.path, join(folder, 'app'));
});
after(() => fs.rmSync(folder, { recursive: true }));

let apps = 0;

/** Another folder with the package in it, to be spoilt. */
function anotherApp(name = `app-${(apps += 1)}`) {
  const app = join(folder, name);
  fs.cpSync(join(folder, 'app'), app, { recursive: true });
  return { app, package: join(app, 'node_modules/moirai') };
}

/** Runs a module in a folder: what it printed on both streams, and how it ended. */
function runModule(app, code, { node = process.execPath, env = {}, ...options } = {}) {
  const file = join(app, 'program.mjs');
  fs.writeFileSync(file, code);
  const { status, signal, stdout, stderr } = spawnSync(node, [file], {
    cwd: app,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    ...options,
  });
  return { status, signal, text: (stdout + stderr).trim() };
}

/** A channel, a mutex and an executor: all that hangs on the binary and on workers that load it too. */
const useIt = (name = 'moirai') => `
  import { createChannel, Executor, f64, Mutex } from '${name}';
  const { sender, receiver } = createChannel({ codec: f64() });
  sender.trySend(40);
  const mutex = new Mutex();
  const guard = mutex.lock();
  const executor = await Executor.start({ threads: 1 });
  console.log(await executor.call((a, b) => a + b, receiver.tryReceive(), 2));
  guard.unlock();
  await executor.close();`;

const works = { status: 0, signal: null, text: '42' };

/** The error that the import of the package in a folder fails with. */
function importError(app, options) {
  const { status, signal, text } = runModule(
    app,
    `import('moirai').then(
      () => console.log('{}'),
      ({ code, message, cause }) => console.log(JSON.stringify({ code, message, cause: cause?.message })),
    );`,
    options,
  );
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, text);
  return JSON.parse(text);
}

test('installed without network and scripts, it works at once', () => {
  assert.ok(fs.existsSync(join(installed, binary)));
  assert.ok(!fs.existsSync(join(installed, 'build')));
  const names = fs.readdirSync(join(folder, 'app/node_modules'));
  assert.deepEqual(
    names.filter((name) => !name.startsWith('.')),
    ['moirai'],
  );
  assert.deepEqual(runModule(join(folder, 'app'), useIt()), works);
});

test('without a binary for the platform, the error names it, those there are and the command', () => {
  const { app, package: place } = anotherApp();
  fs.renameSync(
    join(place, `prebuilds/linux-${process.arch}`),
    join(place, 'prebuilds/linux-mips'),
  );
  const { code, message } = importError(app);
  assert.equal(code, 'ERR_MOIRAI_NO_BINARY');
  assert.match(message, new RegExp(`no binary for linux-${process.arch}, `));
  assert.match(message, /this package has: .*linux-mips/);
  assert.ok(
    message.endsWith(`To build it from source: node ${place}/scripts/build-addon.mjs`),
    message,
  );
});

test('a binary that was cut off anywhere is an error and no signal', () => {
  const { app, package: place } = anotherApp();
  const whole = fs.readFileSync(join(place, binary));
  const sizes = [0, 1, 63, 64, 1000, 4096, whole.length >> 1, whole.length - 1];
  for (const size of sizes) {
    fs.writeFileSync(join(place, binary), whole.subarray(0, size));
    const { code, message } = importError(app);
    assert.equal(code, 'ERR_MOIRAI_NO_BINARY', `${size} bytes`);
    assert.match(message, /moirai\.node does not load on linux-.*: it is cut off/);
  }
});

test('a file that is no binary is an error', () => {
  const { app, package: place } = anotherApp();
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\n`;
  fs.writeFileSync(join(place, binary), pointer);
  const { code, message } = importError(app);
  assert.equal(code, 'ERR_MOIRAI_NO_BINARY');
  assert.match(message, /it is no ELF file/);
});

test('a binary for another machine is an error that names the machine', () => {
  const { app, package: place } = anotherApp();
  const other = process.arch === 'x64' ? ['arm64', 183] : ['x64', 62];
  const bytes = fs.readFileSync(join(place, binary));
  bytes.writeUInt16LE(other[1], 18);
  fs.writeFileSync(join(place, binary), bytes);
  const { code, message } = importError(app);
  assert.equal(code, 'ERR_MOIRAI_NO_BINARY');
  assert.ok(message.includes(`it is for ${other[0]}`), message);
});

test('a binary that needs the other libc is an error with what the loader said', () => {
  const { app, package: place } = anotherApp();
  const library = join(folder, 'libc.musl-strange.so.1');
  const gcc = (...words) => execFileSync('g++', ['-shared', '-fPIC', '-xc', '/dev/null', ...words]);
  gcc('-Wl,-soname=libc.musl-strange.so.1', '-o', library);
  gcc('-Wl,--no-as-needed', '-xnone', library, '-o', join(place, binary));
  const { code, message, cause } = importError(app);
  assert.equal(code, 'ERR_MOIRAI_NO_BINARY');
  assert.match(message, /libc\.musl-strange\.so\.1: cannot open shared object file/);
  assert.match(cause, /libc\.musl-strange\.so\.1/);
});

test('a binary of ones own goes before the prebuilt one, and is not passed over when it is broken', () => {
  const { app, package: place } = anotherApp();
  fs.mkdirSync(join(place, 'build/Release'), { recursive: true });
  fs.renameSync(join(place, binary), join(place, 'build/Release/moirai.node'));
  assert.deepEqual(runModule(app, useIt()), works);
  fs.copyFileSync(join(place, 'build/Release/moirai.node'), join(place, binary));
  fs.truncateSync(join(place, 'build/Release/moirai.node'), 100);
  assert.match(importError(app).message, /build\/Release\/moirai\.node does not load/);
});

test('MOIRAI_BINARY names a binary anywhere; one that is not there is an error', () => {
  const { app, package: place } = anotherApp();
  const elsewhere = join(folder, 'elsewhere.node');
  fs.renameSync(join(place, binary), elsewhere);
  assert.deepEqual(runModule(app, useIt(), { env: { MOIRAI_BINARY: elsewhere } }), works);
  const { code, message } = importError(app, { env: { MOIRAI_BINARY: `${elsewhere}x` } });
  assert.equal(code, 'ERR_MOIRAI_NO_BINARY');
  assert.ok(
    message.startsWith(`There is no file ${elsewhere}x, which MOIRAI_BINARY names.`),
    message,
  );
});

test('the path may have spaces, quotes and letters of any script', () => {
  const { app } = anotherApp("mein Ordner 'ü' 目录 %41 #?");
  assert.deepEqual(runModule(app, useIt()), works);
});

test('node_modules that nobody may write to is enough', () => {
  const { app } = anotherApp();
  fs.writeFileSync(join(app, 'program.mjs'), useIt());
  execFileSync('chmod', ['-R', 'a-w,a+rX', app]);
  const nobody = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
  const program = join(app, 'program.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
    cwd: app,
    encoding: 'utf8',
    ...nobody,
  });
  execFileSync('chmod', ['-R', 'u+w', app]);
  assert.equal(stderr, '');
  assert.deepEqual({ status, stdout }, { status: 0, stdout: '42\n' });
});

test('two copies in one process, of different versions, each work and know their own things only', () => {
  const { app, package: place } = anotherApp();
  const old = join(app, 'node_modules/moirai-old');
  fs.cpSync(place, old, { recursive: true });
  const about = JSON.parse(fs.readFileSync(join(old, 'package.json'), 'utf8'));
  fs.writeFileSync(join(old, 'package.json'), JSON.stringify({ ...about, version: '0.0.9' }));
  const { text, ...ended } = runModule(
    app,
    `import * as one from 'moirai';
     import * as two from 'moirai-old';
     const sums = await Promise.all([one, two].map(async ({ Executor, Mutex, createChannel, f64 }) => {
       const { sender, receiver } = createChannel({ codec: f64() });
       sender.trySend(1);
       const executor = await Executor.start({ threads: 1 });
       const mutex = new Mutex();
       const guard = mutex.lock();
       const sum = await executor.call((a, b) => a + b, 1, receiver.tryReceive());
       guard.unlock();
       await executor.close();
       return sum;
     }));
     const refusal = (run) => { try { run(); return 'none'; } catch ({ code }) { return code; } };
     const mutex = new one.Mutex();
     console.log(sums.join(), one.MoiraiError === two.MoiraiError);
     two.share(new two.Mutex()); // so that this copy has a handle out, too
     console.log(refusal(() => two.attach(one.share(mutex))));
     console.log(refusal(() => two.share(mutex)));`,
  );
  assert.deepEqual(ended, { status: 0, signal: null }, text);
  assert.deepEqual(text.split('\n'), [
    '2,2 false',
    'ERR_MOIRAI_CLOSED',
    'ERR_MOIRAI_INVALID_ARGUMENT',
  ]);
});

test('a Node that is too old is told so', () => {
  const old = join(folder, 'old-node');
  fs.mkdirSync(old);
  const wanted = `node-linux-${process.arch}@18`;
  execFileSync('npm', ['install', '--prefix', old, '--ignore-scripts', '--no-audit', wanted], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const node = join(old, `node_modules/node-linux-${process.arch}/bin/node`);
  const { code, message } = importError(join(folder, 'app'), { node });
  const { engines } = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8'));
  const needed = engines.node.replace('>=', '');
  assert.equal(code, 'ERR_MOIRAI_NOT_SUPPORTED');
  assert.ok(message.startsWith(`moirai needs Node.js ${needed} or later; this is v18.`), message);
});

test('bundled, it says what to do; with its binary named and its workers beside it works', () => {
  const { app, package: place } = anotherApp();
  const out = join(app, 'bundled/out');
  fs.writeFileSync(join(app, 'main.mjs'), useIt());
  const esbuild = join(root, 'node_modules/.bin/esbuild');
  const words = ['main.mjs', '--bundle', '--platform=node', '--format=esm', `--outdir=${out}`];
  execFileSync(esbuild, [...words, '--out-extension:.js=.mjs', '--log-level=error'], { cwd: app });
  const moved = (env) =>
    spawnSync(process.execPath, [join(out, 'main.mjs')], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
  const alone = moved({});
  assert.equal(alone.status, 1);
  assert.match(alone.stderr, /ERR_MOIRAI_NO_BINARY/);
  assert.match(alone.stderr, /let MOIRAI_BINARY name the binary that .*prebuilds\/linux-/);
  for (const name of fs.readdirSync(join(place, 'dist')).filter((file) => file.endsWith('.js')))
    fs.copyFileSync(join(place, 'dist', name), join(out, name));
  fs.writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
  const named = moved({ MOIRAI_BINARY: join(place, binary) });
  assert.deepEqual([named.stdout, named.stderr, named.status], ['42\n', '', 0]);
  fs.copyFileSync(join(place, binary), join(out, 'moirai.node'));
  assert.equal(moved({}).stdout, '42\n');
});
