#include "core/affinity/process_mask.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/affinity/affinity.h"

namespace moirai {
namespace {

// One per process on purpose: the main thread's mask belongs to the process. `remembered` is
// guarded by `lock`.
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
ProcessMask remembered;

bool OnMainThread() { return syscall(SYS_gettid) == getpid(); }

}  // namespace

int GetProcessMask(ProcessMask* mask) {
  pthread_mutex_lock(&lock);
  *mask = remembered;
  pthread_mutex_unlock(&lock);
  if (mask->pinned) return 0;
  mask->unrestricted = false;
  return GetAffinity(getpid(), &mask->cpus);
}

void RememberProcessMask(const CpuSet& cpus, bool unrestricted) {
  if (!OnMainThread()) return;
  pthread_mutex_lock(&lock);
  remembered = ProcessMask{cpus, true, unrestricted};
  pthread_mutex_unlock(&lock);
}

void ForgetProcessMask() {
  if (!OnMainThread()) return;
  pthread_mutex_lock(&lock);
  remembered.pinned = false;
  pthread_mutex_unlock(&lock);
}

}  // namespace moirai
