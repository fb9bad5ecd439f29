// Where threads may run and where this one runs now. Every function may be called from any thread.
#pragma once

#include <sys/types.h>

#include "core/affinity/cpu_set.h"

namespace moirai {

// Thread 0 is the caller; the process id names the main thread. 0, or the errno.
int GetAffinity(pid_t thread, CpuSet* cpus);

// Sets the caller's mask. The kernel keeps only what the cpuset allows and fails (EINVAL) when
// nothing is left. 0, or the errno.
int SetAffinity(const CpuSet& cpus);

struct Position {
  unsigned cpu;
  unsigned node;
};

unsigned CurrentCpu();
Position CurrentPosition();

}  // namespace moirai
