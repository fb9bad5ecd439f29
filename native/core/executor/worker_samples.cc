#include "core/executor/worker_samples.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "core/executor/scheduler.h"

namespace moirai {

namespace {

uint64_t Ns(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(time.tv_nsec);
}

// Release: whoever sees what a thread has left behind also sees that it is gone.
void Add(std::atomic<uint64_t>& value, uint64_t by) {
  value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_release);
}

// Only the status file has it of a thread that is not one's own.
uint64_t PreemptionsOf(int32_t thread) {
  static constexpr char kField[] = "nonvoluntary_ctxt_switches:";
  char path[48];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/status", static_cast<int>(thread));
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[4096];
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  const char* field = std::strstr(text, kField);
  if (field == nullptr) return 0;
  field += sizeof kField - 1;
  while (*field == ' ' || *field == '\t') field++;
  uint64_t count = 0;
  for (; *field >= '0' && *field <= '9'; field++) {
    count = count * 10 + static_cast<uint64_t>(*field - '0');
  }
  return count;
}

}  // namespace

void AddUseOfThisThread(SeatStats* stats) {
  timespec cpu;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) == 0) Add(stats->past_cpu_ns, Ns(cpu));
  rusage usage;
  if (getrusage(RUSAGE_THREAD, &usage) == 0) {
    Add(stats->past_preemptions, static_cast<uint64_t>(usage.ru_nivcsw));
  }
}

ThreadUse UseOf(const SeatStats& stats) {
  ThreadUse use{stats.past_cpu_ns.load(std::memory_order_acquire),
                stats.past_preemptions.load(std::memory_order_acquire)};
  const int32_t thread = stats.thread.load(std::memory_order_acquire);
  if (thread == 0) return use;
  // The kernel's encoding of the CPU clock of a thread (include/linux/posix-timers_types.h).
  const auto clock = static_cast<clockid_t>((~static_cast<uint32_t>(thread) << 3U) | 6U);
  timespec time;
  if (clock_gettime(clock, &time) == 0) use.cpu_ns += Ns(time);
  use.preemptions += PreemptionsOf(thread);
  return use;
}

}  // namespace moirai
