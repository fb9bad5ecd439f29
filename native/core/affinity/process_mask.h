// The CPUs that were given to this process: the affinity of its main thread. While the main thread
// is pinned, its mask says where it wants to be, not what the process has; so whoever pins it
// leaves the mask from before here, for every thread to read.
#pragma once

#include "core/affinity/cpu_set.h"

namespace moirai {

struct ProcessMask {
  CpuSet cpus;
  // The main thread is pinned and `cpus` is from before that.
  bool pinned;
  // Nothing but the cpuset bounded the main thread then, so the cpuset of today is what it has.
  bool unrestricted;
};

// 0, or the errno.
int GetProcessMask(ProcessMask* mask);

// No-ops on every thread but the main one.
void RememberProcessMask(const CpuSet& cpus, bool unrestricted);
void ForgetProcessMask();

}  // namespace moirai
