// Finds the addon's binary and loads it, or says in one error what was looked for, what there is, what
// the loader said and what helps. The first that is there is the one: a binary that does not load is never
// passed over in secret for another.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MoiraiError } from '../base/index.js';
import { faultOfBinary } from './elf.js';

/** As `engines` in package.json. */
const oldestNode = [20, 19] as const;

export interface LoadedAddon {
  readonly path: string;
  readonly addon: unknown;
}

/** `from`: the URL of the module that asks; it lies in a folder of the package's root, unless bundled. */
export function loadAddon(from: string): LoadedAddon {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    const needed = oldestNode.join('.');
    throw new MoiraiError(
      'ERR_MOIRAI_NOT_SUPPORTED',
      `moirai needs Node.js ${needed} or later; this is ${process.version}`,
    );
  }
  const root = fileURLToPath(new URL('..', from));
  const path = findBinary(root, from);
  try {
    const fault = faultOfBinary(path, process.arch);
    if (fault !== undefined) throw new Error(fault);
    return { path, addon: createRequire(from)(path) };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw noBinary(root, `The binary ${path} does not load on ${thisPlatform()}: ${said}.`, error);
  }
}

function findBinary(root: string, from: string): string {
  const { MOIRAI_BINARY: named } = process.env;
  if (named) {
    if (existsSync(named)) return named;
    throw noBinary(root, `There is no file ${named}, which MOIRAI_BINARY names.`);
  }
  const places = [
    join(root, 'build/Release/moirai.node'), // built from source, here
    join(root, `prebuilds/${process.platform}-${process.arch}/moirai.node`),
    fileURLToPath(new URL('moirai.node', from)), // beside a bundle
  ];
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const there = prebuilt(root).join(', ') || 'none';
  throw noBinary(
    root,
    `There is no binary for ${thisPlatform()}; this package has: ${there}. Looked for ${places.join(', ')}.`,
  );
}

function prebuilt(root: string): string[] {
  const folder = join(root, 'prebuilds');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, 'moirai.node')));
}

/** Like 'linux-x64, glibc 2.36, Node.js v20.20.2'. */
function thisPlatform(): string {
  const { header } = process.report.getReport() as {
    readonly header: { readonly glibcVersionRuntime?: string };
  };
  const libc = header.glibcVersionRuntime ? `glibc ${header.glibcVersionRuntime}` : 'no glibc';
  return `${process.platform}-${process.arch}, ${libc}, Node.js ${process.version}`;
}

function noBinary(root: string, what: string, cause?: unknown): MoiraiError {
  const script = join(root, 'scripts/build-addon.mjs');
  const help = existsSync(script)
    ? `To build it from source: node ${quoted(script)}`
    : `If a bundler moved the files of moirai, let MOIRAI_BINARY name the binary that ${join('node_modules/moirai/prebuilds', `${process.platform}-${process.arch}`)}${sep} has`;
  return new MoiraiError(
    'ERR_MOIRAI_NO_BINARY',
    `${what} ${help}`,
    cause === undefined ? {} : { cause },
  );
}

const quoted = (path: string): string => (/^[\w./@+-]+$/.test(path) ? path : `'${path}'`);
