// The import check finds what it is there to find: each case plants one file in an empty tree.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/check-imports.mjs', import.meta.url));
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'moirai-imports-'));
  plant('package.json', '{ "devDependencies": { "vitest": "4" } }');
});
afterEach(() => rmSync(root, { recursive: true }));

function plant(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function check(): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
}

test('this project has no import against the direction', () => {
  expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toContain(', 0 against');
});

describe('refused', () => {
  test.each([
    ['upwards', 'src/base/x.ts', `import { y } from '../executor/index.js';`],
    ['sideways', 'src/topology/x.ts', `import { y } from '../codec/index.js';`],
    ['upwards, types only', 'src/sync/x.ts', `import type {\n  Y,\n} from '../channel/index.js';`],
    ['upwards by export', 'src/sync/x.ts', `export * from '../channel/index.js';`],
    ['upwards by import()', 'src/sync/x.ts', `const y = await import('../channel/index.js');`],
    ['past the door', 'src/executor/x.ts', `import { y } from '../base/errors.js';`],
    ['past the door by URL', 'src/executor/x.ts', `new URL('../base/errors.js', import.meta.url);`],
    ['past the door from the barrel', 'src/index.ts', `export { y } from './base/errors.js';`],
    ['the barrel from a module', 'src/sync/x.ts', `import { y } from '../index.js';`],
    ['inner modules from a reader', 'src/cli/x.ts', `import { y } from '../executor/index.js';`],
    ['the addon from a reader', 'src/cli/x.ts', `import { native } from '../native.js';`],
    ['higher modules from the border', 'src/native.ts', `import './executor/index.js';`],
    ['the loader elsewhere', 'src/codec/x.ts', `import { y } from '../platform/index.js';`],
    ['a development dependency', 'src/base/x.ts', `import { test } from 'vitest';`],
    ['files outside src', 'src/base/x.ts', `import { y } from '../../scripts/y.mjs';`],
    ['a module without a level', 'src/helpers/x.ts', ''],
    ['upwards in C++', 'native/core/sync/x.h', `#include "core/executor/y.h"`],
    ['Node in the core', 'native/core/sync/x.h', `#include <node_api.h>`],
    ['libuv in the core', 'native/core/sync/x.h', `#  include <uv.h>`],
    ['the addon in the core', 'native/core/sync/x.cc', `#include "addon/y.h"`],
    ['relative includes', 'native/core/sync/x.cc', `#include "y.h"`],
    ['GoogleTest outside tests', 'native/core/sync/x.cc', `#include <gtest/gtest.h>`],
    ['a core module without a level', 'native/core/helpers/x.h', ''],
    [
      'another file of topology from the doctor',
      'src/doctor/x.ts',
      `import '../topology/live.js';`,
    ],
  ])('%s', (_name, path, text) => {
    plant(path, `// first line\n${text}\n`);
    const { status, stderr } = check();
    expect(stderr).toMatch(new RegExp(`^${path}:\\d+ `));
    expect(status).toBe(1);
  });
});

test('a violation is named by file, line and both levels', () => {
  plant('src/base/x.ts', `\n\nimport { y } from '../executor/index.js';\n`);
  expect(check().stderr).toBe(
    "src/base/x.ts:3 imports '../executor/index.js': base (level 0) may not know executor (level 4)\n",
  );
});

describe('allowed', () => {
  test.each([
    ['downwards', 'src/executor/x.ts', `import { y } from '../codec/index.js';`],
    ['within a module', 'src/executor/x.ts', `import { y } from './y/z.js';`],
    ['a named sibling', 'src/affinity/x.ts', `import { y } from '../topology/index.js';`],
    ['the border', 'src/base/x.ts', `import { native } from '../native.js';`],
    ['built-in modules', 'src/base/x.ts', `import { y } from 'node:fs';`],
    ['the loader at the border', 'src/native.ts', `import { y } from './platform/index.js';`],
    ['doors from the barrel', 'src/index.ts', `export { y } from './executor/index.js';`],
    ['the public API from a reader', 'src/cli/x.ts', `import { y } from '../index.js';`],
    [
      'some files of topology from the doctor',
      'src/doctor/x.ts',
      `import '../topology/limits.js';`,
    ],
    ['examples in comments', 'src/base/x.ts', `/**\n * import { y } from 'moirai';\n */`],
    ['downwards in C++', 'native/core/executor/x.h', `#include "core/sync/y.h"\n#include <new>`],
    ['anything of ours in the addon', 'native/addon/x.cc', `#include "core/sync/y.h"`],
    ['Node in the addon', 'native/addon/x.cc', `#include <node_api.h>\n#include <uv.h>`],
    ['GoogleTest in tests', 'native/core/sync/x_test.cc', `#include <gtest/gtest.h>`],
  ])('%s', (_name, path, text) => {
    plant(path, `${text}\n`);
    expect(check()).toMatchObject({ status: 0, stderr: '' });
  });
});
