// Nothing is lost under contention, also when holders are interrupted long enough that others
// sleep.
#include "core/sync/futex_lock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace moirai {
namespace {

TEST(FutexLock, LetsOneInAtATime) {
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kRounds = 20'000;
  FutexLock lock;
  uint64_t count = 0;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; t++) {
    threads.emplace_back([&] {
      for (uint32_t i = 0; i < kRounds; i++) {
        const FutexLockGuard guard(lock);
        // Held across a switch of threads now and then: the others go to sleep.
        if (++count % 256 == 0) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, uint64_t{kThreads} * kRounds);
}

}  // namespace
}  // namespace moirai
