// What the kernel grants to and knows of the calling thread, beside its policy.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moirai {

struct RealtimeUse {
  uint64_t cpu_ns = 0;
  uint64_t minor_faults = 0;
  uint64_t major_faults = 0;
  uint64_t preemptions = 0;  // involuntary context switches
  uint64_t waits = 0;        // voluntary ones: it waited for something
};
// Two system calls, some 300 ns.
RealtimeUse UseOfThisThread();

// Sleeps until that time of CLOCK_MONOTONIC, through signals. No unbounded sleeps: the caller says
// how long a thread may be deaf.
void SleepUntil(uint64_t ns);

// The same awake; for short times, and nothing else gets this CPU meanwhile.
void SpinUntil(uint64_t ns);

// By how much the kernel may delay this thread's wake-ups to join them with others (prctl(2));
// real- time policies are not delayed at all. 0 or the errno.
int SetTimerSlack(uint64_t ns);
uint64_t GetTimerSlack();

// Brings in and locks `bytes` of this thread's stack from here on down; gives the address of the
// lowest one, for UnlockStack. 0 or the errno.
int LockStack(size_t bytes, void** from);
void UnlockStack(void* from, size_t bytes);

}  // namespace moirai
