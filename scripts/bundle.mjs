// Joins the package's own modules to few files: each public entry, the command and the entries of threads, and
// what they have in common. Every module costs a thread about half a millisecond to find and link.
//
//   node scripts/bundle.mjs      after tsc, whose modules stay beside it for the tests of single modules
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('../', import.meta.url);
const { exports, engines } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

const entryPoints = {
  'worker-entry': 'src/executor/worker-entry.ts',
  'realtime-entry': 'src/realtime/realtime-entry.ts',
  'watchdog-entry': 'src/realtime/watchdog-entry.ts',
  cli: 'src/cli/main.ts',
  'cli-ticks': 'src/cli/cli-ticks.ts',
};
for (const target of Object.values(exports)) {
  const name = /^\.\/dist\/(\S+)\.js$/.exec(target.default ?? '')?.[1];
  if (name !== undefined) entryPoints[name] = `src/${name}.ts`;
}

for (const name of readdirSync(new URL('dist', root))) {
  if (name.startsWith('common-')) rmSync(new URL(`dist/${name}`, root));
}
const { metafile } = await build({
  absWorkingDir: root.pathname,
  entryPoints,
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'common-[hash]',
  format: 'esm',
  platform: 'node',
  target: `node${engines.node.replace(/^>=/, '')}`,
  packages: 'external',
  logLevel: 'warning',
  metafile: true,
});

// THIRD-PARTY.md promises that nothing of others is in these files.
const foreign = Object.keys(metafile.inputs).filter((path) => !path.startsWith('src/'));
if (foreign.length > 0) throw new Error(`not our own, and bundled: ${foreign.join(', ')}`);

// A class that speaks of itself has become `var Name = class _Name`, and users would see the second name.
// (esbuild's `keepNames` names every function anew, closures each time that they are made.)
for (const path of Object.keys(metafile.outputs)) {
  const file = new URL(path, root);
  const code = readFileSync(file, 'utf8');
  const named = code.replace(
    /^var (\w+) = class _\w*[^{\n]*\{\n/gmu,
    (head, name) =>
      `${head}  static {\n    Object.defineProperty(this, "name", { value: "${name}", configurable: true });\n  }\n`,
  );
  if (named !== code) writeFileSync(file, named);
}

// Installers do that; here it is for `npx moirai` in a clone.
chmodSync(new URL('dist/cli.js', root), 0o755);
