#include "core/realtime/sched_policy.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace moirai {
namespace {

// struct sched_attr, first version: the C library has none.
struct Attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;  // also the slice of ordinary threads
  uint64_t deadline;
  uint64_t period;
};
static_assert(sizeof(Attributes) == 48);  // SCHED_ATTR_SIZE_VER0

constexpr uint64_t kResetOnFork = 1;

}  // namespace

int SetSchedPolicy(const SchedPolicy& policy) {
  Attributes attributes = {};
  attributes.size = sizeof(attributes);
  attributes.policy = policy.policy;
  attributes.flags = policy.policy == SchedPolicy::kOther ? 0 : kResetOnFork;
  attributes.nice = policy.nice;
  attributes.priority = policy.priority;
  attributes.runtime = policy.runtime;
  attributes.deadline = policy.deadline;
  attributes.period = policy.period;
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0 ? 0 : errno;
}

int GetSchedPolicy(pid_t thread, SchedPolicy* policy) {
  Attributes attributes = {};
  if (syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0) != 0) return errno;
  *policy = SchedPolicy();
  policy->policy = attributes.policy;
  policy->nice = attributes.nice;
  policy->priority = attributes.priority;
  policy->reset_on_fork = (attributes.flags & kResetOnFork) != 0;
  if (attributes.policy == SchedPolicy::kDeadline) {
    policy->runtime = attributes.runtime;
    policy->deadline = attributes.deadline;
    policy->period = attributes.period;
  } else {
    policy->slice = attributes.runtime;
  }
  return 0;
}

int GetRoundRobinSlice(uint64_t* ns) {
  timespec slice = {};
  if (sched_rr_get_interval(0, &slice) != 0) return errno;
  *ns = static_cast<uint64_t>(slice.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(slice.tv_nsec);
  return 0;
}

}  // namespace moirai
