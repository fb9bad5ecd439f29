// The ELF check finds what it is there to find, in binaries built wrongly on purpose.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/check-elf.mjs', import.meta.url));
const entryPoints = `
  extern "C" void* napi_register_module_v1(void*, void* exports);
  extern "C" int node_api_module_get_api_version_v1() { return 9; }
`;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moirai-elf-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Builds a shared object from `source` and returns what the check says about it, without paths. */
function check(source: string, ...flags: string[]): { found: string[]; status: number | null } {
  const file = join(folder, 'planted.node');
  writeFileSync(join(folder, 'planted.cc'), entryPoints + source);
  execFileSync('g++', [
    '-shared',
    '-fPIC',
    '-O1',
    ...flags,
    join(folder, 'planted.cc'),
    '-o',
    file,
  ]);
  const { status, stderr } = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
  const found = stderr.split('\n').flatMap((line) => line.split(`${file} `)[1] ?? []);
  return { found, status };
}

test('our own binary needs no library, no new symbol and exports its entry points only', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toContain('moirai.node: 0 violations');
  expect(status).toBe(0);
});

test('an ordinary link with the C++ runtime is refused', () => {
  const { found, status } = check(`
    #include <stdexcept>
    extern "C" void* napi_register_module_v1(void*, void* exports) {
      if (!exports) throw std::runtime_error("no");
      return exports;
    }
    extern "C" void stray() {}
  `);
  expect(found).toContain('needs the library libstdc++.so.6');
  expect(found).toContain('exports stray');
  expect(found).toContainEqual(expect.stringMatching(/^asks for __cxa_\w+ in version CXXABI_/));
  expect(found).toContainEqual(expect.stringMatching(/^uses __cxa_throw of the C\+\+ runtime/));
  expect(found).toContainEqual(expect.stringMatching(/^uses _ZNSt\w+ of the C\+\+ runtime/));
  expect(status).toBe(1);
});

test('functions outside the list are refused, those that only newer C libraries have among them', () => {
  const { found } = check(
    `extern "C" unsigned arc4random();
     extern "C" int stat(const char*, void*);
     extern "C" int strange_function();
     extern "C" int napi_something(), node_api_something(), uv_something(), getpid();
     extern "C" void* napi_register_module_v1(void*, void* exports) {
       arc4random(); stat("", exports); strange_function();
       napi_something(); node_api_something(); uv_something(); getpid();
       return exports;
     }`,
    '-nostdlib',
  );
  const names = found.map((line) => line.replace(/^uses (\w+),.*$/, '$1'));
  expect(names.toSorted()).toEqual(['arc4random', 'stat', 'strange_function']);
});

test('a binary without the entry points is refused', () => {
  const { found } = check('', '-nostdlib');
  expect(found).toEqual(['does not export napi_register_module_v1']);
});
