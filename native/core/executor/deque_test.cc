// Every index pushed is returned by exactly one Pop or Steal.
#include "core/executor/deque.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace moirai {
namespace {

TEST(Deque, PopsTheNewestAndStealsTheOldest) {
  Deque deque;
  for (uint32_t i = 0; i < 3; i++) ASSERT_TRUE(deque.Push(i));
  EXPECT_EQ(deque.Size(), 3);
  uint32_t slot = 99;
  ASSERT_TRUE(deque.Pop(&slot));
  EXPECT_EQ(slot, 2U);
  ASSERT_EQ(deque.Steal(&slot), Deque::StealResult::kTaken);
  EXPECT_EQ(slot, 0U);
  ASSERT_TRUE(deque.Pop(&slot));
  EXPECT_EQ(slot, 1U);
  EXPECT_FALSE(deque.Pop(&slot));
  EXPECT_EQ(deque.Steal(&slot), Deque::StealResult::kEmpty);
  EXPECT_EQ(deque.Size(), 0);
}

TEST(Deque, RefusesWhenFullAndGoesOnWhenDrained) {
  Deque deque;
  for (int64_t i = 0; i < Deque::kCapacity; i++) {
    ASSERT_TRUE(deque.Push(static_cast<uint32_t>(i)));
  }
  EXPECT_FALSE(deque.Push(7));
  uint32_t slot = 0;
  ASSERT_EQ(deque.Steal(&slot), Deque::StealResult::kTaken);
  EXPECT_TRUE(deque.Push(7));
  ASSERT_TRUE(deque.Pop(&slot));
  EXPECT_EQ(slot, 7U);
}

// The owner pushes and pops at random while thieves steal; a count per index finds what was lost or
// given twice. Near-empty deques are the hard case, so the owner pops a little more than it pushes.
TEST(Deque, GivesEachIndexToExactlyOneThread) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  constexpr uint32_t kIndices = 200'000;
  constexpr int kThieves = 3;
  Deque deque;
  std::vector<std::atomic<uint8_t>> taken(kIndices);
  std::atomic<bool> done{false};
  std::vector<std::thread> thieves;
  thieves.reserve(kThieves);
  for (int t = 0; t < kThieves; t++) {
    thieves.emplace_back([&] {
      uint32_t slot = 0;
      while (!done.load(std::memory_order_acquire) || deque.Size() > 0) {
        if (deque.Steal(&slot) == Deque::StealResult::kTaken) {
          taken[slot].fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  }
  std::minstd_rand random(seed);
  uint32_t next = 0;
  uint32_t slot = 0;
  while (next < kIndices) {
    for (uint32_t n = random() % 4; n > 0 && next < kIndices; n--) {
      if (deque.Push(next)) next++;
    }
    for (uint32_t n = random() % 5; n > 0; n--) {
      if (deque.Pop(&slot)) taken[slot].fetch_add(1, std::memory_order_relaxed);
    }
  }
  while (deque.Pop(&slot)) taken[slot].fetch_add(1, std::memory_order_relaxed);
  done.store(true, std::memory_order_release);
  for (std::thread& thief : thieves) thief.join();
  for (uint32_t i = 0; i < kIndices; i++) {
    ASSERT_EQ(taken[i].load(std::memory_order_relaxed), 1) << "index " << i;
  }
}

}  // namespace
}  // namespace moirai
