// Every arrow points down: checks who imports whom in src/ and who includes whom in native/.
//
//   node scripts/check-imports.mjs [ROOT]     exit 1 and one line for each violation
import { readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// A module may import what stands in a row above its own, and itself.
const levels = [
  ['base', 'platform', 'share'],
  ['topology', 'affinity', 'memory', 'capabilities', 'codec', 'doctor'],
  ['sync'],
  ['channel'],
  ['executor', 'realtime'],
  ['scope', 'pipeline', 'parallel', 'transport', 'cluster'],
  ['metrics', 'cli', 'dashboard', 'piscina'], // these see the public API only: src/*.ts
];

// The few neighbours on one level that may be known.
const siblings = {
  platform: ['base'],
  share: ['base'],
  affinity: ['topology'],
  memory: ['topology'],
  capabilities: ['topology', 'affinity'], // a probe says what of the machine it could not have
  doctor: ['topology', 'capabilities'], // of capabilities the types only
};

// A module's door is its index.ts. Named here: who takes which files besides it.
const doors = {
  // Loaded into every worker: a few small files, not the whole executor.
  'src/worker.ts': {
    executor: [
      'options.ts',
      'transferred.ts',
      'worker-context.ts',
      'caller-context.ts',
      'current-task.ts',
    ],
  },
  // Reads the files that topology reads, also where the addon cannot be loaded, as the whole of it wants.
  'src/doctor/': {
    topology: ['cgroups.ts', 'cpu-list.ts', 'limits.ts', 'system-files.ts'],
  },
};

const isDoor = (path, module, file) =>
  Object.entries(doors).some(
    ([from, files]) => path.startsWith(from) && files[module]?.includes(file),
  );

const publicOnly = new Set(levels.at(-1));
const levelOf = new Map(levels.flatMap((names, level) => names.map((name) => [name, level])));

/** The problem with module `from` knowing module `to`, or undefined. */
function direction(from, to) {
  if (from === to) return undefined;
  if (!levelOf.has(to)) return `module ${to} is not in the table of levels`;
  if (levelOf.get(to) < levelOf.get(from)) return undefined;
  if (siblings[from]?.includes(to)) return undefined;
  return `${from} (level ${levelOf.get(from)}) may not know ${to} (level ${levelOf.get(to)})`;
}

// --- TypeScript ---

const builtins = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));

/** Specifiers of static, dynamic and require imports, and of `new URL(…, import.meta.url)`. */
function* importsOf(text) {
  // Blank out comments first (examples in TSDoc import things), leaving line numbers as they are.
  const code = text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (match, string) => string ?? match.replace(/[^\n]/g, ' '),
  );
  const forms = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require(?:\.resolve)?)\s*\(\s*['"]([^'"]+)['"]/g,
    /\bnew URL\(\s*['"](\.[^'"]+)['"]\s*,\s*import\.meta\.url/g,
  ];
  for (const form of forms) {
    for (const match of code.matchAll(form)) {
      const at = match.index + match[0].lastIndexOf(match[1]);
      yield { specifier: match[1], line: code.slice(0, at).split('\n').length };
    }
  }
}

/** What is wrong with the file at `path` (like src/sync/mutex.ts) importing `specifier`. */
function importProblem(path, specifier, dependencies) {
  const [module, rest] = split(path, 'src');
  if (!specifier.startsWith('.')) {
    if (builtins.has(specifier)) return undefined;
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    return dependencies.has(name) ? undefined : `${name} is not a dependency of the package`;
  }
  const target = posix.join(dirname(path), specifier).replace(/\.(?:js|mjs)$/, '.ts');
  if (!target.startsWith('src/')) {
    const isRoot = /^(?:\.|package\.json)?\/?$/.test(target); // where binary and version are looked for
    return isRoot ? undefined : 'leaves src/';
  }
  const [other, otherRest] = split(target, 'src');
  if (other === 'platform' && module !== other && path !== 'src/native.ts')
    return 'only src/native.ts loads the addon';
  if (module !== undefined && module === other) return undefined;
  if (module !== undefined && publicOnly.has(module)) {
    return other === undefined && otherRest !== 'native.ts'
      ? undefined
      : `${module} sees the public API only (src/index.ts)`;
  }
  if (other === undefined) {
    if (otherRest === 'native.ts') return undefined;
    return module === undefined ? undefined : `a module may not import the public ${target}`;
  }
  if (otherRest !== 'index.ts' && !isDoor(path, other, otherRest)) {
    return `only src/${other}/index.ts may be imported from outside`;
  }
  if (module !== undefined) return direction(module, other);
  if (rest === 'native.ts' && levelOf.get(other) !== 0) return 'src/native.ts stands on level 0';
  return levelOf.has(other) ? undefined : `module ${other} is not in the table of levels`;
}

// --- C++ ---

// What belongs to Node, libuv, V8: the core knows no JavaScript.
const nodeHeader =
  /^(?:node(?:_\w+)?|js_native_api(?:_\w+)?|napi(?:-inl)?|uv|v8(?:-[\w-]+)?)\.h$|^(?:uv|cppgc|node)\//;
const testHeader = /^(?:gtest|gmock|benchmark|tbb|oneapi)\//;

/** What is wrong with the file at `path` (like native/core/sync/parker.h) including `header`. */
function includeProblem(path, header, quoted) {
  const inCore = path.startsWith('native/core/');
  if (!quoted) {
    if (inCore && nodeHeader.test(header)) return 'native/core knows no Node headers';
    if (testHeader.test(header) && !/_(?:test|bench)\.(?:cc|h)$/.test(path))
      return 'belongs into a test';
    return undefined;
  }
  if (header.startsWith('addon/'))
    return inCore ? 'native/core knows nothing of native/addon' : undefined;
  if (header.startsWith('include/')) return undefined; // what other addons include: plain C
  if (!header.startsWith('core/')) return 'is written from native/ on: "core/…" or "addon/…"';
  const [other] = split(header, 'core');
  if (!inCore)
    return levelOf.has(other) ? undefined : `module ${other} is not in the table of levels`;
  const [module] = split(path, 'native/core');
  return direction(module, other);
}

// --- Walking ---

/** 'src/sync/mutex.ts' → ['sync', 'mutex.ts']; a file directly in `top` has no module. */
function split(path, top) {
  const parts = path.slice(top.length + 1).split('/');
  return parts.length === 1 ? [undefined, parts[0]] : [parts[0], parts.slice(1).join('/')];
}

function filesUnder(root, folder, extension) {
  try {
    return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && extension.test(entry.name))
      .map((entry) => posix.relative(root, posix.join(entry.parentPath ?? entry.path, entry.name)))
      .filter((path) => !path.startsWith('native/build/'))
      .toSorted();
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** All violations in the tree at `root`, and how much was looked at. */
export function checkImports(root) {
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const known = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
  const violations = [];
  let files = 0;
  let edges = 0;
  const report = (path, line, what, problem) => {
    edges++;
    if (problem !== undefined) violations.push(`${path}:${line} ${what}: ${problem}`);
  };
  const unknown = (path, module) => {
    if (module !== undefined && !levelOf.has(module)) {
      violations.push(`${path}:1 module ${module} is not in the table of levels`);
    }
  };
  for (const path of filesUnder(root, 'src', /\.m?ts$/)) {
    files++;
    unknown(path, split(path, 'src')[0]);
    for (const { specifier, line } of importsOf(readFileSync(join(root, path), 'utf8'))) {
      report(path, line, `imports '${specifier}'`, importProblem(path, specifier, known));
    }
  }
  for (const path of filesUnder(root, 'native', /\.(?:cc|h)$/)) {
    files++;
    if (path.startsWith('native/core/')) unknown(path, split(path, 'native/core')[0]);
    const lines = readFileSync(join(root, path), 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      const match = /^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)/.exec(line);
      if (match === null) continue;
      const header = match[1] ?? match[2];
      const problem = includeProblem(path, header, match[1] !== undefined);
      report(path, index + 1, `includes ${header}`, problem);
    }
  }
  return { files, edges, violations };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
  const { files, edges, violations } = checkImports(root);
  for (const violation of violations) console.error(violation);
  console.log(
    `imports: ${files} files, ${edges} imports, ${violations.length} against the direction`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
