#include "core/capabilities/probe_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

namespace moirai {
namespace {

// Written by the child, read by the parent after wait4, which orders the two.
struct Shared {
  size_t current;
  ProbeResult results[kMaxProbes];
};

[[noreturn]] void Child(const ProbeContext& context, Shared* shared, size_t first) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // SIGSYS dumps core, and the probes are not worth one.
  prctl(PR_SET_DUMPABLE, 0);
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGSYS, &standard, nullptr);
  for (size_t i = first; i < kProbeCount; i++) {
    shared->current = i;
    kProbes[i].run(context, &shared->results[i]);
  }
  for (;;) syscall(SYS_exit_group, 0);
}

// A copy of the address space, not a share of it: older kernels dump core for everyone who shares
// it. The plain system call, without an exit signal: no fork handlers run, and libuv sees no
// SIGCHLD.
pid_t Fork() { return static_cast<pid_t>(syscall(SYS_clone, 0, nullptr, nullptr, nullptr, 0)); }

int RunAll(const ProbeContext& context, Shared* shared) {
  static_assert(sizeof(Shared) <= 4096);
  for (size_t first = 0; first < kProbeCount;) {
    const pid_t child = Fork();
    if (child < 0) return errno;
    if (child == 0) Child(context, shared, first);
    int status = 0;
    while (syscall(SYS_wait4, child, &status, __WALL, nullptr) < 0 && errno == EINTR) {
    }
    if (!WIFSIGNALED(status)) break;
    shared->results[shared->current].error = -1;
    shared->results[shared->current].signal = WTERMSIG(status);
    first = shared->current + 1;
  }
  return 0;
}

}  // namespace

int RunProbes(const ProbeContext& context, ProbeResult (&results)[kMaxProbes]) {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  Shared* shared = static_cast<Shared*>(memory);
  // The child begins with every signal blocked, so that no handler of the host runs in it.
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
  const int error = RunAll(context, shared);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof(before));
  for (size_t i = 0; i < kProbeCount; i++) results[i] = shared->results[i];
  munmap(memory, sizeof(Shared));
  return error;
}

}  // namespace moirai
