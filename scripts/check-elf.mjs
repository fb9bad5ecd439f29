// Reads a built addon with readelf and holds it to what docs/decisions/0012 promises: it needs no
// library, asks for nothing that an old glibc or musl lacks, and shows only its entry points.
//
//   node scripts/check-elf.mjs [FILE.node …]     exit 1 and one line for each violation
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const exported = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

// Node's own, by prefix: Node-API, and the libuv that is linked into Node.
const nodePrefixes = /^(?:napi|node_api|uv)_/;

// libc functions we may use: each is in glibc 2.28 and in musl, under this name, and works in both.
// Add one only when that holds. Not here, with the way round: stat and fstat (2.33; statx or
// uv_fs_stat), getcpu (2.29; a weak reference), gettid (2.30; the system call), pthread_create
// (uv_thread_create, which knows Node's stack sizes), arc4random (2.36; getrandom),
// sched_setscheduler and its kin (ENOSYS in musl; the system call), the __*_chk functions of
// _FORTIFY_SOURCE, __isoc99_* and __sched_cpualloc (not in musl).
const libc = new Set(
  `abort atexit calloc free malloc aligned_alloc posix_memalign realloc getenv qsort strtol strtoul
   strtoll strtoull
   memchr memcmp memcpy memmove memset strchr strcmp strcpy strlen strncmp strncpy strnlen strrchr
   strstr strerror snprintf vsnprintf
   __errno_location __stack_chk_fail dlsym dlopen dlerror dl_iterate_phdr
   open openat close read write pread pwrite readv writev lseek fcntl ioctl ftruncate unlink rename
   fallocate fchmod fstatfs linkat
   readlink opendir readdir closedir poll ppoll pipe2 eventfd epoll_create1 epoll_ctl epoll_wait
   timerfd_create timerfd_settime timerfd_gettime statx
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
   pthread_mutex_lock pthread_mutex_unlock pthread_self pthread_equal pthread_once
   pthread_getaffinity_np pthread_setaffinity_np
   pthread_setname_np pthread_getattr_np pthread_attr_getstack pthread_attr_destroy
   pthread_getcpuclockid`.split(/\s+/),
);

// node-gyp defines _FILE_OFFSET_BITS=64, which makes mmap into mmap64; musl's loader knows both.
const isLibc = (name) => libc.has(name) || (name.endsWith('64') && libc.has(name.slice(0, -2)));

const readelf = (...args) => execFileSync('readelf', args, { encoding: 'utf8' });

/** Name, version, whether it is defined, and LOCAL, GLOBAL or WEAK, of each dynamic symbol. */
function dynamicSymbols(file) {
  return readelf('--dyn-syms', '-W', file)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([number, , , , , , , name]) => /^\d+:$/.test(number) && name !== undefined)
    .map(([, , , , binding, , section, symbol]) => {
      const [name, version] = symbol.split(/@@?/);
      return { name, version, defined: section !== 'UND', binding };
    });
}

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

function violationsOf(file, glibc) {
  const violations = [];
  const dynamic = readelf('-dW', file);
  for (const [, library] of dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)) {
    violations.push(`needs the library ${library}`);
  }
  if (/\(TEXTREL\)/.test(dynamic)) violations.push('has relocations in its code (TEXTREL)');
  if (/GNU_STACK\s.*\bRWE\b/.test(readelf('-lW', file)))
    violations.push('wants an executable stack');
  for (const { name, version, defined, binding } of dynamicSymbols(file)) {
    if (binding === 'LOCAL') continue;
    if (defined) {
      if (!exported.includes(name)) violations.push(`exports ${name}`);
      continue;
    }
    if (version !== undefined) violations.push(`asks for ${name} in version ${version}`);
    const since = glibc.get(name);
    if (/^(?:_Z|__cxa_|__gxx_|_Unwind_)/.test(name)) {
      violations.push(`uses ${name} of the C++ runtime`);
    } else if (binding === 'WEAK') {
      continue; // the code looks whether it is there: null where it is not
    } else if (since !== undefined && compare(since, oldestGlibc) > 0) {
      violations.push(`uses ${name}, which glibc has since ${since.join('.')} only`);
    } else if (!nodePrefixes.test(name) && !isLibc(name)) {
      violations.push(`uses ${name}, which is not on the list of libc functions`);
    }
  }
  const names = new Set(
    dynamicSymbols(file)
      .filter((symbol) => symbol.defined)
      .map(({ name }) => name),
  );
  for (const name of exported) if (!names.has(name)) violations.push(`does not export ${name}`);
  return violations;
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

const glibc = glibcVersions();
if (glibc.size === 0)
  console.log('skipped: comparison with glibc versions (this Node has no glibc)');
const files = process.argv.length > 2 ? process.argv.slice(2) : ownBinaries();
for (const file of files) {
  const violations = violationsOf(file, glibc);
  for (const violation of violations) console.error(`${file} ${violation}`);
  console.log(`elf: ${file}: ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}
