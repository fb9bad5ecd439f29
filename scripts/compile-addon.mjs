// Compiles the addon with nothing but a compiler: no make, no Python, no node-gyp, no network, and any
// path will do, also one with spaces, which make cannot have. Sources are those of native/sources.txt,
// flags those of binding.gyp, so there is one list of each.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** binding.gyp is Python's notation; ours is JSON but for comments and commas before a bracket. */
function readGyp(path) {
  const text = readFileSync(path, 'utf8')
    .replace(/("(?:[^"\\]|\\.)*")|#.*$/gm, '$1')
    .replace(/,(\s*[\]}])/g, '$1');
  return JSON.parse(text);
}

/** What g++ is called with for an architecture, besides files. */
export function flagsFor(arch) {
  const [target] = readGyp(join(root, 'binding.gyp')).targets;
  const conditions = target.conditions.filter(([when]) => when === `target_arch=='${arch}'`);
  return {
    // What node-gyp adds is -fPIC and -pthread; _FILE_OFFSET_BITS=64 changes nothing on 64 bits but the
    // names of functions, to ones that musl has for old binaries only.
    compile: [
      '-fPIC',
      '-pthread',
      ...target.cflags_cc,
      ...conditions.flatMap(([, { cflags_cc: more = [] }]) => more),
      ...target.defines.map((define) => `-D${define}`),
      ...(process.env.MOIRAI_WERROR ? ['-Werror'] : []),
    ],
    link: [
      '-shared',
      '-Wl,-soname=moirai.node',
      ...target.ldflags.map((flag) => flag.replace('<(module_root_dir)', root.replace(/\/$/, ''))),
    ],
  };
}

/** Runs a command; what it said is in the error when it fails. */
function execute(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => (said += data));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')}\n${said}`));
    });
  });
}

/**
 * Compiles and links `output`, which is there whole or not at all. `headers`: the folder with node_api.h;
 * `strip`: the program that takes out what only debuggers read, if it is to be done.
 */
export async function compileAddon({ output, headers, arch = process.arch, compiler, strip }) {
  const { compile, link } = flagsFor(arch);
  const sources = readFileSync(join(root, 'native/sources.txt'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const objects = mkdtempSync(join(tmpdir(), 'moirai-build-'));
  try {
    const names = sources.map((source) => join(objects, `${source.replaceAll('/', '-')}.o`));
    const left = sources.map((source, i) => ['-c', join(root, 'native', source), '-o', names[i]]);
    const includes = [`-I${join(root, 'native')}`, `-isystem${headers}`];
    const compiling = async () => {
      for (let files = left.shift(); files !== undefined; files = left.shift()) {
        await execute(compiler, [...compile, ...includes, ...files]);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, compiling));
    mkdirSync(dirname(output), { recursive: true });
    const linked = `${output}.${process.pid}`;
    await execute(compiler, [...link, ...names, '-o', linked]);
    if (strip !== undefined) await execute(strip, ['--strip-unneeded', linked]);
    renameSync(linked, output);
  } finally {
    rmSync(objects, { recursive: true });
  }
}
