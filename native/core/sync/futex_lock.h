// A lock for a few instructions between threads of one process, without the C++ runtime library.
// The three-state lock of Drepper, "Futexes Are Tricky" (2011), with a short spin before it sleeps.
//
// state  meaning                          leaves by
// 0      free                             Lock: 1
// 1      held, nobody sleeps              Unlock: 0 | a waiter: 2
// 2      held, somebody may be sleeping   Unlock: 0, and wakes one, which takes it as 2
//
// Requires: Unlock by the thread that locked; not recursive. A thread that ends while it holds the
// lock would leave it held: nothing that can end a worker's JavaScript interrupts native code.
// Memory ordering: the exchange or compare-exchange that takes the lock acquires, Unlock's exchange
// releases; ThreadSanitizer sees both.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"

namespace moirai {

class FutexLock {
 public:
  FutexLock() = default;
  FutexLock(const FutexLock&) = delete;
  FutexLock& operator=(const FutexLock&) = delete;

  void Lock() {
    for (int i = 0; i < kSpins; i++) {
      uint32_t free = 0;
      if (state_.compare_exchange_weak(free, 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return;
      }
      CpuRelax();
    }
    while (state_.exchange(2, std::memory_order_acquire) != 0) {
      syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, 2, nullptr, nullptr, 0);
    }
  }

  // Without waiting, also for who spins.
  bool TryLock() {
    uint32_t free = 0;
    return state_.compare_exchange_strong(free, 1, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  void Unlock() {
    if (state_.exchange(0, std::memory_order_release) == 2) {
      syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
  }

 private:
  static constexpr int kSpins = 64;  // about as long as the lock is held
  std::atomic<uint32_t> state_{0};
};

// Holds a lock for the length of a scope.
class FutexLockGuard {
 public:
  explicit FutexLockGuard(FutexLock& lock) : lock_(lock) { lock_.Lock(); }
  FutexLockGuard(const FutexLockGuard&) = delete;
  FutexLockGuard& operator=(const FutexLockGuard&) = delete;
  ~FutexLockGuard() { lock_.Unlock(); }

 private:
  FutexLock& lock_;
};

}  // namespace moirai
