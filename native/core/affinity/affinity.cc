#include "core/affinity/affinity.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc has getcpu since 2.29 and musl does not: weak, so that the binary loads without it. Where
// it is there it needs no system call on x86.
extern "C" int MoiraiLibcGetcpu(unsigned* cpu, unsigned* node) __asm__("getcpu")
    __attribute__((weak));

namespace moirai {

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
  if (MoiraiLibcGetcpu != nullptr) {
    MoiraiLibcGetcpu(&position.cpu, &position.node);
  } else {
    syscall(SYS_getcpu, &position.cpu, &position.node, nullptr);
  }
  return position;
}

}  // namespace moirai
