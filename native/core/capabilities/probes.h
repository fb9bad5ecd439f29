// What the kernel grants to this process, found out by making each call. Probes run in a forked
// child (probe_process.h) and may change it as they like; they use nothing but system calls.
#pragma once

#include <cstddef>

namespace moirai {

struct ProbeResult {
  // 0, the errno of the call, or -1 where the child died in it.
  int error;
  // The errno of the same system call with arguments that the kernel refuses before it looks at
  // permissions. EPERM or ENOSYS here can only come from a filter in front of the kernel, or from a
  // kernel without the call. 0 where there is no such test.
  int control;
  // The signal that ended the child here: SIGSYS from a filter that kills.
  int signal;
  // What the call returned where that tells more than success.
  long value;
};

struct ProbeContext {
  // A NUMA node that this process may use.
  unsigned node;
};

struct Probe {
  const char* name;
  void (*run)(const ProbeContext& context, ProbeResult* result);
};

extern const Probe kProbes[];
extern const size_t kProbeCount;

}  // namespace moirai
