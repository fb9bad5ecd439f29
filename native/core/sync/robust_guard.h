// A lock for a few instructions between threads of any processes, which survives that its owner is
// killed: the next one gets it, is told, and puts right what the dead one left.
//
// owner               meaning           leaves by
// 0                   free              Lock: the caller's token
// token of a thread   held              Unlock: 0 | its thread is dead, Lock: the caller's token
//
// `sleepers` counts those who sleep or are about to. It is a hint: one that dies asleep leaves it
// too high for ever, which costs a system call an Unlock, and nobody sleeps longer than kNapMs.
// glibc's robust mutexes let the kernel mark what a dying thread held, but each thread has one list
// for that, which is glibc's; here who waits looks whether the owner lives, and no one else has to.
//
// All zero bytes are a free lock. A caller waits for at most kPatienceMs: the owner may be stopped
// (SIGSTOP), and a thread that sleeps in native code can neither be terminated nor exit.
//
// Memory ordering: the compare-exchange that takes it acquires, Unlock's store releases. Unlock
// stores `owner` and then reads `sleepers`, a sleeper adds to `sleepers` and then has the kernel
// read `owner`: all four are seq_cst, so one of the two sees the other.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "core/base/clock.h"
#include "core/base/cpu.h"
#include "core/sync/thread_token.h"

namespace moirai {

// The lower half of a 64-bit word as the kernel's futex word: what differs between threads is
// there.
inline uint32_t* LowerHalf(std::atomic<uint64_t>& word) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  return reinterpret_cast<uint32_t*>(&word);
}

class RobustGuard {
 public:
  enum class Taken : uint8_t {
    kYes,
    kAfterDeath,  // taken; its owner before was killed while holding it
    kBusy,        // not taken: its owner lives and does not give it up
  };

  Taken Lock(ThreadToken self) {
    for (int i = 0; i < kSpins; i++) {
      if (TryLock(self)) return Taken::kYes;
      CpuRelax();
    }
    return LockSlowly(self);
  }

  bool TryLock(ThreadToken self) {
    uint64_t nobody = 0;
    return owner_.load(std::memory_order_relaxed) == 0 &&
           owner_.compare_exchange_strong(nobody, self, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  // By somebody, who may be dead.
  bool IsHeld() const { return owner_.load(std::memory_order_relaxed) != 0; }

  void Unlock() {
    owner_.store(0, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) != 0) {
      syscall(SYS_futex, LowerHalf(owner_), FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
  }

 private:
  static constexpr int kSpins = 64;
  static constexpr int kNapMs = 5;
  static constexpr uint64_t kPatienceMs = 40;

  // Apart, so that the fast path is small where it is inlined.
  [[gnu::noinline]] Taken LockSlowly(ThreadToken self) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    Taken taken = Taken::kBusy;
    const uint64_t end = NowNs() + kPatienceMs * 1'000'000U;
    do {
      uint64_t owner = owner_.load(std::memory_order_seq_cst);
      if (owner == 0) {
        if (!TryLock(self)) continue;
        taken = Taken::kYes;
        break;
      }
      const timespec nap{0, kNapMs * 1'000'000L};
      // Not private: the other one may be another process's.
      syscall(SYS_futex, LowerHalf(owner_), FUTEX_WAIT, static_cast<uint32_t>(owner), &nap, nullptr,
              0);
      if (owner_.load(std::memory_order_relaxed) != owner || IsThreadAlive(owner)) continue;
      if (owner_.compare_exchange_strong(owner, self, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
        taken = Taken::kAfterDeath;
        break;
      }
    } while (NowNs() < end);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
    return taken;
  }

  std::atomic<uint64_t> owner_;
  std::atomic<uint32_t> sleepers_;
  uint32_t unused_;
};
static_assert(sizeof(RobustGuard) == 16);

}  // namespace moirai
