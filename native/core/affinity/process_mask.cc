#include "core/affinity/process_mask.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "core/affinity/affinity.h"

namespace moirai {
namespace {

// Held for the copy of a kilobyte, a few times in a process's life. Sleeps between attempts: a
// real-time thread that spun or yielded could keep the holder off the CPU for ever.
class Lock {
 public:
  void Take() {
    // Acquire pairs with the release in Give: the last holder's writes are seen.
    while (taken_.test_and_set(std::memory_order_acquire)) usleep(50);
  }
  void Give() { taken_.clear(std::memory_order_release); }

 private:
  std::atomic_flag taken_;
};

// One per process on purpose: the main thread's mask belongs to the process. `remembered` is
// guarded by `lock`.
Lock lock;
ProcessMask remembered;

bool OnMainThread() { return syscall(SYS_gettid) == getpid(); }

}  // namespace

int GetProcessMask(ProcessMask* mask) {
  lock.Take();
  *mask = remembered;
  lock.Give();
  if (mask->pinned) return 0;
  mask->unrestricted = false;
  return GetAffinity(getpid(), &mask->cpus);
}

void RememberProcessMask(const CpuSet& cpus, bool unrestricted) {
  if (!OnMainThread()) return;
  lock.Take();
  remembered = ProcessMask{cpus, true, unrestricted};
  lock.Give();
}

void ForgetProcessMask() {
  if (!OnMainThread()) return;
  lock.Take();
  remembered.pinned = false;
  lock.Give();
}

}  // namespace moirai
