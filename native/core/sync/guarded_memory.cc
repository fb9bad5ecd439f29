#include "core/sync/guarded_memory.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "core/sync/futex_lock.h"

namespace moirai {
namespace {

struct Guarded {
  std::atomic<uintptr_t> start{0};  // 0: nobody's
  std::atomic<std::size_t> bytes{0};
  std::atomic<bool> lost{false};
};

constinit Guarded guarded[GuardedMemory::kMax];
constinit FutexLock lock;
bool installed = false;     // under the lock
struct sigaction previous;  // written before the handler is there

bool Replace(uintptr_t address) {
  for (Guarded& one : guarded) {
    const uintptr_t start = one.start.load(std::memory_order_acquire);
    const std::size_t bytes = one.bytes.load(std::memory_order_relaxed);
    if (start == 0 || address - start >= bytes) continue;
    one.lost.store(true, std::memory_order_relaxed);
    // The system call itself: a signal handler should enter no wrapper, nor a sanitizer's.
    return syscall(SYS_mmap, start, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != -1;
  }
  return false;
}

void OnBusError(int signal, siginfo_t* info, void* context) {
  const int before = errno;
  // Positive: raised by the kernel for an access, and not sent by a process.
  const bool replaced = info->si_code > 0 && Replace(reinterpret_cast<uintptr_t>(info->si_addr));
  errno = before;
  if (replaced) return;
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // The instruction is run again, and ends the process as if this handler were not there.
    sigaction(SIGBUS, &previous, nullptr);
    if (info->si_code <= 0 && previous.sa_handler == SIG_DFL) kill(getpid(), signal);
  }
}

bool Install() {
  if (installed) return true;
  struct sigaction action = {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  // In two steps, so that the handler never runs before it knows its predecessor.
  if (sigaction(SIGBUS, nullptr, &previous) != 0) return false;
  installed = sigaction(SIGBUS, &action, nullptr) == 0;
  return installed;
}

}  // namespace

int GuardedMemory::Add(void* start, std::size_t bytes) {
  const FutexLockGuard guard(lock);
  if (!Install()) return -1;
  for (int number = 0; number < kMax; number++) {
    Guarded& one = guarded[number];
    if (one.start.load(std::memory_order_relaxed) != 0) continue;
    one.bytes.store(bytes, std::memory_order_relaxed);
    one.lost.store(false, std::memory_order_relaxed);
    one.start.store(reinterpret_cast<uintptr_t>(start), std::memory_order_release);
    return number;
  }
  return -1;
}

void GuardedMemory::Remove(int number) {
  if (number >= 0) guarded[number].start.store(0, std::memory_order_release);
}

bool GuardedMemory::IsLost(int number) {
  return number >= 0 && guarded[number].lost.load(std::memory_order_relaxed);
}

}  // namespace moirai
