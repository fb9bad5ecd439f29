#include "core/base/fence.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace moirai {
namespace {

// Store buffering: each stores and then looks at what the other stores. One side has a fence for
// the compiler only. Where FenceAllThreads does nothing, both miss the other in some rounds of a
// thousand.
TEST(FenceTest, OneOfTwoSeesTheOthersStore) {
  constexpr uint32_t kRounds = 20'000;
  alignas(128) std::atomic<uint32_t> here{0};
  alignas(128) std::atomic<uint32_t> there{0};
  alignas(128) std::atomic<uint32_t> round{0};
  alignas(128) std::atomic<uint32_t> missed{0};  // the round in which the other thread did; 0: none
  std::atomic<uint32_t> answered{0};
  std::thread other([&] {
    for (uint32_t i = 1; i <= kRounds; i++) {
      while (round.load(std::memory_order_acquire) < i) continue;
      there.store(i, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (here.load(std::memory_order_relaxed) < i) missed.store(i, std::memory_order_relaxed);
      answered.store(i, std::memory_order_release);
    }
  });
  uint32_t both = 0;
  for (uint32_t i = 1; i <= kRounds; i++) {
    round.store(i, std::memory_order_release);
    for (uint32_t wait = i % 64; wait > 0; wait--)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    here.store(i, std::memory_order_relaxed);
    FenceAllThreads();
    const bool saw = there.load(std::memory_order_relaxed) >= i;
    while (answered.load(std::memory_order_acquire) < i) std::this_thread::yield();
    both += !saw && missed.load(std::memory_order_relaxed) == i ? 1 : 0;
  }
  other.join();
  EXPECT_EQ(both, 0U);
}

}  // namespace
}  // namespace moirai
