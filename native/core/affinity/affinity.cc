#include "core/affinity/affinity.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace moirai {
namespace {

// glibc has getcpu since 2.29 and musl does not, so it is looked up instead of linked. Where it is
// there it needs no system call on x86. Written once, while the binary is loaded.
using Getcpu = int (*)(unsigned* cpu, unsigned* node);
const Getcpu libc_getcpu = reinterpret_cast<Getcpu>(dlsym(RTLD_DEFAULT, "getcpu"));

}  // namespace

// The raw calls: the libc wrappers of sched_*affinity are the same, but for cpu_set_t.
int GetAffinity(pid_t thread, CpuSet* cpus) {
  *cpus = CpuSet();
  return syscall(SYS_sched_getaffinity, thread, CpuSet::bytes(), cpus->data()) < 0 ? errno : 0;
}

int SetAffinity(const CpuSet& cpus) {
  return syscall(SYS_sched_setaffinity, 0, CpuSet::bytes(), cpus.data()) < 0 ? errno : 0;
}

unsigned CurrentCpu() {
  const int cpu = sched_getcpu();
  return cpu < 0 ? 0 : static_cast<unsigned>(cpu);
}

Position CurrentPosition() {
  Position position = {0, 0};
  if (libc_getcpu != nullptr) {
    libc_getcpu(&position.cpu, &position.node);
  } else {
    syscall(SYS_getcpu, &position.cpu, &position.node, nullptr);
  }
  return position;
}

}  // namespace moirai
