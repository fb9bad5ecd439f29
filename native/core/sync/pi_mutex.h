// A mutex with priority inheritance: who waits lends its priority to who holds it, by the kernel's
// PI futexes (futex(2), Documentation/locking/pi-futex.rst). The word is the kernel's; its fast
// path is the same compare-exchange as MutexWord's.
//
//   word                       meaning                         leaves by
//   0                          free                            taking: TID
//   TID                        held                            Unlock: 0 | the kernel: + WAITERS
//   TID + WAITERS              held, somebody waits in the     Unlock: the kernel gives it to the
//                              kernel, or did                  first by priority, or 0
//   TID of a dead one          its owner died                  robust: the next one's TID + DIED
//   TID + DIED (± WAITERS)     as in MutexWord                 as in MutexWord
//   DIED                       closed while it was held,       robust: the next one's TID + DIED
//                              and nobody waited in the kernel
//   BROKEN                     given up, or closed while held  never
//
// When an owner dies for whom somebody waits, the kernel gives the lock to the first of them, with
// DIED. When nobody did, the next one is told that there is no such thread (ESRCH), or knows it
// from the table of lives, should the number belong to another thread by now.
//
// A wait is cut into slices; between two of them nothing is lent, for the time of a system call. A
// mutex that is given up is noticed at the end of a slice by who waits for it. Owners are known by
// their numbers, so all processes must be of one PID namespace.
//
// The kernel gives a number again when it has been through all of them (pid_max). A dead owner
// whose number is another thread's by then is still found, as the table does not have that thread:
// unless it uses these locks itself, or somebody had waited for the dead one and gone, whose
// WAITERS sends the next one to the kernel, which knows the number and no more. Such a wait lasts
// until the other thread ends. The table alone must not decide there: a thread that has just left
// it may be on its way out, and the kernel about to pass on what it holds.
//
// Requires, threads and memory ordering: as MutexWord; the kernel's own changes of the word are
// full barriers.
#pragma once

#include "core/sync/mutex_word.h"

namespace moirai {

class PiMutex {
 public:
  // Results beyond LockResult's: minus an errno. EDEADLK: the chain of owners leads back to here.
  PiMutex(MutexMemory& memory, const LifeTable& lives)
      : m_(memory), lives_(lives), private_(lives.in_process() ? FUTEX_PRIVATE_FLAG : 0) {}

  bool TryLock(uint32_t tid) {
    uint32_t free = 0;
    return m_.word.compare_exchange_strong(free, tid, std::memory_order_acquire,
                                           std::memory_order_relaxed);
  }

  int LockFor(uint32_t tid, uint64_t limit_ns) {
    const uint64_t until = NowNs() + limit_ns;
    for (;;) {
      uint32_t seen = m_.word.load(std::memory_order_acquire);
      const uint32_t owner = seen & FUTEX_TID_MASK;
      if (owner == kLifeIdMask) return static_cast<int>(LockResult::kRefused);
      if (owner == 0) {
        // Whatever else it says stays: the kernel cares for its own.
        if (!m_.word.compare_exchange_strong(seen, seen | tid, std::memory_order_acquire)) continue;
        const bool died = (seen & FUTEX_OWNER_DIED) != 0;
        return static_cast<int>(died ? LockResult::kOwnerDied : LockResult::kLocked);
      }
      const bool is_known = lives_.AliveThread(owner);
      bool is_dead = !is_known && (seen & FUTEX_WAITERS) == 0;
      if (is_known && limit_ns == 0) return static_cast<int>(LockResult::kTimedOut);
      if (!is_dead) {
        const int error = limit_ns == 0 ? TryInKernel() : LockInKernel(until);
        if (error == 0) return Granted();
        // EINVAL: the owner is dying, and word and kernel do not agree yet on who is next.
        const bool not_now = limit_ns == 0 && (error == EAGAIN || error == EINVAL);
        if (error == ETIMEDOUT || not_now) {
          return static_cast<int>(LockResult::kTimedOut);
        }
        is_dead = error == ESRCH;
        if (!is_dead && error != EAGAIN && error != EINTR) return -error;
      }
      if (!is_dead) continue;
      if (!IsRobust()) return static_cast<int>(LockResult::kRefused);
      if (m_.word.compare_exchange_strong(seen, tid | FUTEX_OWNER_DIED,
                                          std::memory_order_acquire)) {
        return static_cast<int>(LockResult::kOwnerDied);
      }
    }
  }

  // 0, or EPERM: somebody else's.
  int Unlock(uint32_t tid) {
    uint32_t seen = tid;
    if (m_.word.compare_exchange_strong(seen, 0, std::memory_order_release,
                                        std::memory_order_relaxed)) {
      return 0;
    }
    if ((seen & FUTEX_TID_MASK) != tid) return EPERM;
    if ((seen & FUTEX_OWNER_DIED) != 0) {
      m_.word.store(MutexMemory::kBroken, std::memory_order_release);
      return 0;
    }
    const long result =
        syscall(SYS_futex, &m_.word, FUTEX_UNLOCK_PI | private_, 0, nullptr, nullptr, 0);
    return result == 0 ? 0 : errno;
  }

  // As of MutexWord. The kernel's waiters take nothing from one that lives: where there are some,
  // or were, the mutex is given up.
  void Abandon(uint32_t tid) {
    uint32_t seen = m_.word.load(std::memory_order_relaxed);
    if ((seen & FUTEX_TID_MASK) != tid) return;
    const bool passes_on = IsRobust() && (seen & FUTEX_WAITERS) == 0;
    if (passes_on &&
        m_.word.compare_exchange_strong(seen, FUTEX_OWNER_DIED, std::memory_order_release)) {
      return;
    }
    m_.word.store(MutexMemory::kBroken, std::memory_order_release);
  }

 private:
  static constexpr int kLockPi2 = 13;  // FUTEX_LOCK_PI2, Linux 5.14: by CLOCK_MONOTONIC

  bool IsRobust() const {
    return (m_.flags.load(std::memory_order_relaxed) & MutexMemory::kRobust) != 0;
  }

  // For a word that says that somebody waits: whether the kernel still knows of one.
  int TryInKernel() {
    const long result =
        syscall(SYS_futex, &m_.word, FUTEX_TRYLOCK_PI | private_, 0, nullptr, nullptr, 0);
    return result == 0 ? 0 : errno;
  }

  int LockInKernel(uint64_t until) {
    timespec limit = TimespecOf(until);
    if (syscall(SYS_futex, &m_.word, kLockPi2 | private_, 0, &limit, nullptr, 0) == 0) return 0;
    if (errno != ENOSYS) return errno;
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t monotonic = NowNs();
    const uint64_t left = until > monotonic ? until - monotonic : 0;
    limit = TimespecOf(static_cast<uint64_t>(now.tv_sec) * 1'000'000'000U +
                       static_cast<uint64_t>(now.tv_nsec) + left);
    const long result =
        syscall(SYS_futex, &m_.word, FUTEX_LOCK_PI | private_, 0, &limit, nullptr, 0);
    return result == 0 ? 0 : errno;
  }

  int Granted() {
    if ((m_.word.load(std::memory_order_acquire) & FUTEX_OWNER_DIED) == 0) {
      return static_cast<int>(LockResult::kLocked);
    }
    if (IsRobust()) return static_cast<int>(LockResult::kOwnerDied);
    m_.word.store(MutexMemory::kBroken, std::memory_order_release);
    return static_cast<int>(LockResult::kRefused);
  }

  MutexMemory& m_;
  const LifeTable& lives_;
  const int private_;
};

}  // namespace moirai
