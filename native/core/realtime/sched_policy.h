// The scheduling policy of one thread, as the kernel keeps it: sched_setattr(2), sched_getattr(2).
//
// A deadline thread may run on every CPU of its root domain: the kernel refuses the policy to a
// thread that is pinned (EPERM) and pinning afterwards (EBUSY). Threads and processes that a
// real-time thread starts have the ordinary policy, since every Set resets on fork: nothing else in
// the process changes, and SCHED_DEADLINE could not be inherited at all.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace moirai {

struct SchedPolicy {
  // Numbers of the kernel's.
  static constexpr uint32_t kOther = 0;
  static constexpr uint32_t kFifo = 1;
  static constexpr uint32_t kRoundRobin = 2;
  static constexpr uint32_t kDeadline = 6;

  uint32_t policy = kOther;
  int32_t nice = 0;       // of kOther
  uint32_t priority = 0;  // of kFifo and kRoundRobin: 1 to 99, the highest
  // Of kDeadline, in nanoseconds.
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
  // A time slice: read from kOther (the kernel's own choice since 6.12), never written.
  uint64_t slice = 0;
  bool reset_on_fork = false;  // read only; every Set asks for it
};

// 0 or the errno. `thread` 0: the calling one; else a thread of any process that one may look at.
int SetSchedPolicy(const SchedPolicy& policy);
int GetSchedPolicy(pid_t thread, SchedPolicy* policy);

// The length of a turn among equals under kRoundRobin, which is one for the whole machine
// (/proc/sys/kernel/sched_rr_timeslice_ms). Asked of the calling thread, which has the policy.
int GetRoundRobinSlice(uint64_t* ns);

}  // namespace moirai
