// The futex calls that waits on shared memory are made of. Each takes "private": the word is of
// this process alone, which saves the kernel a look at the page. Both sides of a word say the same.
#pragma once

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace moirai {

using FutexWord = std::atomic<uint32_t>;

inline timespec TimespecOf(uint64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

// Sleeps while the word holds `expected`, at most so long. 0: woken, which may be for nothing; else
// the errno: EAGAIN another value, ETIMEDOUT, EINTR.
inline int FutexWait(const FutexWord& word, uint32_t expected, uint64_t ns, bool is_private) {
  const timespec limit = TimespecOf(ns);
  const int op = is_private ? FUTEX_WAIT_PRIVATE : FUTEX_WAIT;
  return syscall(SYS_futex, &word, op, expected, &limit, nullptr, 0) == 0 ? 0 : errno;
}

// The same on two words at once (futex_waitv(2), Linux 5.16); ENOSYS where there is none.
inline int FutexWaitTwo(const FutexWord& one, uint32_t expected_one, bool one_private,
                        const FutexWord& two, uint32_t expected_two, bool two_private,
                        uint64_t ns) {
  struct Wait {  // the kernel's struct futex_waitv, which older headers lack
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
  };
  constexpr uint32_t k32Bits = 2;
  constexpr uint32_t kPrivate = 128;
  constexpr long kCall = 449;  // on every architecture
  const Wait waits[2] = {
      {expected_one, reinterpret_cast<uintptr_t>(&one), k32Bits | (one_private ? kPrivate : 0), 0},
      {expected_two, reinterpret_cast<uintptr_t>(&two), k32Bits | (two_private ? kPrivate : 0), 0}};
  timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  const uint64_t now =
      static_cast<uint64_t>(until.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(until.tv_nsec);
  until = TimespecOf(now + ns);
  return syscall(kCall, waits, 2, 0, &until, CLOCK_MONOTONIC) >= 0 ? 0 : errno;
}

// How many were woken.
inline int FutexWake(const FutexWord& word, int count, bool is_private) {
  const int op = is_private ? FUTEX_WAKE_PRIVATE : FUTEX_WAKE;
  const long woken = syscall(SYS_futex, &word, op, count, nullptr, nullptr, 0);
  return woken < 0 ? 0 : static_cast<int>(woken);
}

}  // namespace moirai
