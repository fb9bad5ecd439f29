// Reads a built addon with readelf and holds it to what docs/decisions/0012 promises: it needs no
// library, asks for nothing that an old glibc or musl or Node lacks, shows only its entry points, and
// is for the machine that its folder names.
//
//   node scripts/check-elf.mjs [FILE.node …]     exit 1 and one line for each violation
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dynamicSymbols, readElf } from './elf.mjs';

const exported = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

// Node's own, by prefix: Node-API, and the libuv that is linked into Node.
const nodePrefixes = /^(?:napi|node_api|uv)_/;

// libc functions we may use: each is in glibc 2.28 and in musl 1.2.2, under this name, and works in both.
// Add one only when that holds. Not here, with the way round: stat and fstat (2.33) and statx (musl
// 1.2.5; the system call), getcpu (2.29; a weak reference), gettid (2.30; the system call), pthread_create
// (uv_thread_create, which knows Node's stack sizes), arc4random (2.36; getrandom),
// sched_setscheduler and its kin (ENOSYS in musl; the system call), the __*_chk functions of
// _FORTIFY_SOURCE, __isoc99_* and __sched_cpualloc (not in musl).
const libc = new Set(
  `abort atexit calloc free malloc aligned_alloc posix_memalign realloc getenv qsort strtol strtoul
   strtoll strtoull
   memchr memcmp memcpy memmove memset strchr strcmp strcpy strlen strncmp strncpy strnlen strrchr
   strstr strerror snprintf vsnprintf
   __errno_location __stack_chk_fail dlsym dlopen dlerror dladdr dl_iterate_phdr
   open openat close read write pread pwrite readv writev lseek fcntl ioctl ftruncate unlink rename
   fallocate fchmod fstatfs linkat
   readlink opendir readdir closedir poll ppoll pipe2 eventfd epoll_create1 epoll_ctl epoll_wait
   timerfd_create timerfd_settime timerfd_gettime
   fopen fclose fgets fread fileno
   mmap munmap mprotect madvise mremap msync mlock munlock memfd_create shm_open shm_unlink
   getrandom
   socket bind listen accept4 connect sendmsg recvmsg socketpair shutdown setsockopt getsockopt
   syscall sysconf getpagesize prctl getrusage getrlimit setrlimit getpid getppid getuid geteuid
   getegid kill fork _exit waitpid sigaction sigemptyset sigfillset sigaddset sigprocmask
   pthread_sigmask
   sched_yield sched_getcpu sched_getaffinity sched_setaffinity sched_get_priority_min
   sched_get_priority_max sched_rr_get_interval __sched_cpucount
   clock_gettime clock_getres clock_nanosleep nanosleep time usleep
   pthread_mutex_lock pthread_mutex_unlock pthread_self pthread_equal pthread_once pthread_detach
   pthread_getaffinity_np pthread_setaffinity_np
   pthread_setname_np pthread_getattr_np pthread_attr_getstack pthread_attr_destroy
   pthread_getcpuclockid`.split(/\s+/),
);

// node-gyp defines _FILE_OFFSET_BITS=64, which makes mmap into mmap64; musl's loader knows both.
const isLibc = (name) => libc.has(name) || (name.endsWith('64') && libc.has(name.slice(0, -2)));

const oldestGlibc = [2, 28];
const compare = (a, b) => a[0] - b[0] || a[1] - b[1];

/** First glibc version that has each function, as far as this machine's own C library tells. */
function glibcVersions() {
  const first = new Map();
  const libraries = process.report
    .getReport()
    .sharedObjects.filter((path) => /\/libc\.so/.test(path));
  for (const { name, version, defined } of libraries.flatMap(dynamicSymbols)) {
    const [, digits] = /^GLIBC_([\d.]+)$/.exec(version ?? '') ?? [];
    if (!defined || digits === undefined) continue;
    const found = digits.split('.').map(Number);
    if (!first.has(name) || compare(found, first.get(name)) < 0) first.set(name, found);
  }
  return first;
}

/** What a file defines; undefined where there is none. */
const definedIn = (path) =>
  existsSync(path)
    ? new Set(
        dynamicSymbols(path)
          .filter((symbol) => symbol.defined)
          .map(({ name }) => name),
      )
    : undefined;

// Debian's packages musl and musl-dev put it into either place.
const muslPlaces = ['/lib/ld-musl-x86_64.so.1', '/lib/ld-musl-aarch64.so.1'];

const machines = new Map([
  ['x64', { machine: 'Advanced Micro Devices X86-64', alignment: 0x1000 }],
  ['arm64', { machine: 'AArch64', alignment: 0x10000 }], // kernels with pages of 64 KiB are about
]);

/** The architecture a file ought to be for: its folder's, or for a local build this one. */
function architectureOf(file) {
  const [, arch] = /linux-(\w+)$/.exec(dirname(file)) ?? [];
  return arch ?? (/\bbuild\/Release$/.test(dirname(file)) ? process.arch : undefined);
}

function* violationsOf(file, elf, world) {
  const arch = architectureOf(file);
  const [, wanted] = [...machines].find(([, { machine }]) => machine === elf.machine) ?? [];
  if (wanted === undefined) yield `is for ${elf.machine}, which we know nothing about`;
  else if (arch !== undefined && machines.get(arch) !== wanted)
    yield `is for ${elf.machine}, in the place of one for ${arch}`;
  else if (elf.alignment < wanted.alignment) yield `is aligned to ${elf.alignment} bytes only`;
  for (const library of elf.needed) yield `needs the library ${library}`;
  if (elf.textRelocations) yield 'has relocations in its code (TEXTREL)';
  if (elf.executableStack) yield 'wants an executable stack';
  if (/\bprebuilds\//.test(file) && !elf.stripped) yield 'is not stripped';
  for (const symbol of elf.imported) yield* importProblems(symbol, world);
  for (const { name } of elf.exported) if (!exported.includes(name)) yield `exports ${name}`;
  const names = new Set(elf.exported.map(({ name }) => name));
  for (const name of exported) if (!names.has(name)) yield `does not export ${name}`;
}

function* importProblems({ name, version, binding }, { glibc, musl, node }) {
  if (version !== undefined) yield `asks for ${name} in version ${version}`;
  const since = glibc.get(name);
  if (/^(?:_Z|__cxa_|__gxx_|_Unwind_)/.test(name)) {
    yield `uses ${name} of the C++ runtime`;
  } else if (binding === 'WEAK') {
    return; // the code looks whether it is there: null where it is not
  } else if (nodePrefixes.test(name)) {
    if (!node().has(name)) yield `uses ${name}, which Node ${process.version} does not export`;
  } else if (since !== undefined && compare(since, oldestGlibc) > 0) {
    yield `uses ${name}, which glibc has since ${since.join('.')} only`;
  } else if (!isLibc(name)) {
    yield `uses ${name}, which is not on the list of libc functions`;
  } else if (musl !== undefined && !musl.has(name) && !musl.has(name.replace(/64$/, ''))) {
    yield `uses ${name}, which this machine's musl does not have`;
  }
}

/** What npm builds and ships: the local build and every prebuild there is. */
function ownBinaries() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const prebuilds = `${root}prebuilds`;
  const shipped = existsSync(prebuilds)
    ? readdirSync(prebuilds, { recursive: true }).map((name) => `${prebuilds}/${String(name)}`)
    : [];
  return [`${root}build/Release/moirai.node`, ...shipped.filter((path) => path.endsWith('.node'))];
}

/** The newest glibc that a function was new in, among those used. */
function newestGlibc(imported, glibc) {
  const all = imported.flatMap(({ name }) => (glibc.has(name) ? [glibc.get(name)] : []));
  return all.length === 0 ? 'none' : all.reduce((a, b) => (compare(a, b) < 0 ? b : a)).join('.');
}

/** The gate's table: a row for each file, and what is wrong with any of them. */
export function checkBinaries(files) {
  const glibc = glibcVersions();
  const musl = definedIn(muslPlaces.find((path) => existsSync(path)) ?? '');
  let symbols;
  const node = () => (symbols ??= definedIn(process.execPath)); // takes a second
  const notes = [];
  if (glibc.size === 0)
    notes.push('skipped: comparison with glibc versions (this Node has no glibc)');
  if (musl === undefined) notes.push('skipped: comparison with musl (Debian package musl)');
  const rows = files.map((file) => {
    const elf = readElf(file);
    return {
      file,
      bytes: elf.bytes,
      machine: elf.machine,
      needed: elf.needed.join(' ') || 'none',
      versions:
        [...new Set(elf.imported.flatMap(({ version }) => version ?? []))].join(' ') || 'none',
      newestGlibc: newestGlibc(elf.imported, glibc),
      alignment: elf.alignment,
      violations: [...violationsOf(file, elf, { glibc, musl, node })],
    };
  });
  return { rows, notes };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows, notes } = checkBinaries(
    process.argv.length > 2 ? process.argv.slice(2) : ownBinaries(),
  );
  for (const note of notes) console.log(note);
  for (const { file, violations, ...row } of rows) {
    for (const violation of violations) console.error(`${file} ${violation}`);
    console.log(
      `elf: ${file}: ${violations.length} violations; ${row.machine}, ${row.bytes} bytes, ` +
        `libraries ${row.needed}, symbol versions ${row.versions}, ` +
        `newest function of glibc ${row.newestGlibc}, pages ${row.alignment / 1024} KiB`,
    );
    if (violations.length > 0) process.exitCode = 1;
  }
}
