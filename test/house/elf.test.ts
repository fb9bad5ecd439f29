// The ELF check finds what it is there to find, in binaries built wrongly on purpose.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  return judge(file);
}

/** What the check says of a file, without paths. */
function judge(file: string): { found: string[]; status: number | null } {
  const { status, stderr } = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
  const found = stderr.split('\n').flatMap((line) => line.split(`${file} `)[1] ?? []);
  return { found, status };
}

const entryPoint =
  'extern "C" void* napi_register_module_v1(void*, void* exports) { return exports; }';

/** Builds what is without fault, writes AArch64 into it as its machine, and puts it into a folder. */
function disguised(place: string): string {
  expect(check(entryPoint, '-nostdlib').found).toEqual([]);
  const binary = readFileSync(join(folder, 'planted.node'));
  binary.writeUInt16LE(183, 18);
  const file = join(folder, place, 'planted.node');
  mkdirSync(join(folder, place), { recursive: true });
  writeFileSync(file, binary);
  return file;
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
     extern "C" int napi_create_object(), node_api_get_module_file_name(), uv_now(), getpid();
     extern "C" void* napi_register_module_v1(void*, void* exports) {
       arc4random(); stat("", exports); strange_function();
       napi_create_object(); node_api_get_module_file_name(); uv_now(); getpid();
       return exports;
     }`,
    '-nostdlib',
  );
  const names = found.map((line) => line.replace(/^uses (\w+),.*$/, '$1'));
  expect(names.toSorted()).toEqual(['arc4random', 'stat', 'strange_function']);
});

test('a weak reference may be to what is not there everywhere', () => {
  const { found } = check(
    `extern "C" int getcpu(void*, void*) __attribute__((weak));
     extern "C" void* napi_register_module_v1(void*, void* exports) {
       if (getcpu) getcpu(exports, exports);
       return exports;
     }`,
    '-nostdlib',
  );
  expect(found).toEqual([]);
});

test('a binary without the entry points is refused', () => {
  const { found } = check('', '-nostdlib');
  expect(found).toEqual(['does not export napi_register_module_v1']);
});

test('a binary for another machine than its folder says is refused', () => {
  const { found, status } = judge(disguised('linux-x64'));
  expect(found).toEqual(['is for AArch64, in the place of one for x64']);
  expect(status).toBe(1);
});

test('a binary for arm64 that asks for pages of 4 KiB is refused', () => {
  expect(judge(disguised('linux-arm64')).found).toEqual(['is aligned to 4096 bytes only']);
});

test('a prebuilt binary with its symbols left in is refused', () => {
  const file = disguised('prebuilds/linux-arm64');
  expect(judge(file).found).toContain('is not stripped');
});

test('what is new in glibc is refused by its version as well', () => {
  const { found, status } = check(`
    extern "C" unsigned arc4random();
    extern "C" void* napi_register_module_v1(void*, void* exports) {
      return arc4random() == 0 ? nullptr : exports;
    }
  `);
  expect(found).toContain('needs the library libc.so.6');
  expect(found).toContain('asks for arc4random in version GLIBC_2.36');
  expect(found).toContain('uses arc4random, which glibc has since 2.36 only');
  expect(status).toBe(1);
});

test('a stack that runs and code that the loader writes into are refused', () => {
  const stack = check(entryPoint, '-nostdlib', '-z', 'execstack');
  expect(stack.found).toEqual(['wants an executable stack']);
  const text = check(
    `extern "C" int getpid();
     extern "C" void* napi_register_module_v1(void*, void* exports) {
       return getpid() == 0 ? nullptr : exports;
     }`,
    '-nostdlib',
    '-fno-pic',
    '-mcmodel=large',
    '-z',
    'notext',
  );
  expect(text.found).toEqual(['has relocations in its code (TEXTREL)']);
});

test('what Node does not export is refused', () => {
  const { found } = check(
    `extern "C" int napi_of_the_future();
     extern "C" void* napi_register_module_v1(void*, void* exports) {
       return napi_of_the_future() == 0 ? nullptr : exports;
     }`,
    '-nostdlib',
  );
  expect(found).toEqual([`uses napi_of_the_future, which Node ${process.version} does not export`]);
});
