#include "core/realtime/thread_use.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/cpu.h"

// Linux's; the C library hides it without its extensions.
#ifndef RUSAGE_THREAD
#define RUSAGE_THREAD 1
#endif

namespace moirai {

RealtimeUse UseOfThisThread() {
  rusage usage = {};
  RealtimeUse use;
  if (getrusage(RUSAGE_THREAD, &usage) != 0) return use;
  // The CPU time in `usage` is that of the kernel's last timer tick, milliseconds old.
  timespec cpu = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  use.cpu_ns =
      static_cast<uint64_t>(cpu.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(cpu.tv_nsec);
  use.minor_faults = static_cast<uint64_t>(usage.ru_minflt);
  use.major_faults = static_cast<uint64_t>(usage.ru_majflt);
  use.preemptions = static_cast<uint64_t>(usage.ru_nivcsw);
  use.waits = static_cast<uint64_t>(usage.ru_nvcsw);
  return use;
}

void SleepUntil(uint64_t ns) {
  timespec at;
  at.tv_sec = static_cast<time_t>(ns / 1'000'000'000U);
  at.tv_nsec = static_cast<long>(ns % 1'000'000'000U);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

void SpinUntil(uint64_t ns) {
  while (NowNs() < ns) CpuRelax();
}

int SetTimerSlack(uint64_t ns) {
  return prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(ns), 0, 0, 0) == 0 ? 0 : errno;
}

uint64_t GetTimerSlack() {
  const int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
  return slack < 0 ? 0 : static_cast<uint64_t>(slack);
}

int LockStack(size_t bytes, void** from) {
  // An address of this frame; what lies below it is what later calls will use. mlock touches it.
  char* const here = static_cast<char*>(__builtin_frame_address(0));
  *from = here - bytes;
  return mlock(*from, bytes) == 0 ? 0 : errno;
}

void UnlockStack(void* from, size_t bytes) { munlock(from, bytes); }

}  // namespace moirai
