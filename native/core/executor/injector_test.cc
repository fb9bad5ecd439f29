// First in, first out, and every entry to exactly one consumer, over many turns of the ring.
#include "core/executor/injector.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/executor/completion_ring.h"

namespace moirai {
namespace {

TEST(Injector, ClaimsTheOldestFirst) {
  Injector injector;
  ASSERT_TRUE(injector.Init(8));
  uint32_t out[8];
  EXPECT_EQ(injector.Claim(out, 8), 0U);
  for (uint32_t i = 0; i < 5; i++) injector.Push(i);
  EXPECT_EQ(injector.Size(), 5U);
  ASSERT_EQ(injector.Claim(out, 3), 3U);
  EXPECT_EQ(out[0], 0U);
  EXPECT_EQ(out[2], 2U);
  ASSERT_EQ(injector.Claim(out, 8), 2U);
  EXPECT_EQ(out[1], 4U);
}

TEST(Injector, GivesEachEntryToExactlyOneConsumer) {
  constexpr uint32_t kCapacity = 64;
  constexpr uint32_t kEntries = 300'000;
  constexpr uint32_t kConsumers = 3;
  Injector injector;
  ASSERT_TRUE(injector.Init(kCapacity));
  std::vector<std::atomic<uint8_t>> taken(kEntries);
  std::atomic<uint32_t> total{0};
  std::vector<std::thread> consumers;
  for (uint32_t t = 0; t < kConsumers; t++) {
    consumers.emplace_back([&, t] {
      uint32_t out[8];
      uint32_t last = 0;
      while (total.load(std::memory_order_acquire) < kEntries) {
        const uint32_t count = injector.Claim(out, t + 1);
        for (uint32_t i = 0; i < count; i++) {
          EXPECT_GE(out[i], last);  // FIFO: what one consumer sees only grows
          last = out[i];
          taken[out[i]].fetch_add(1, std::memory_order_relaxed);
        }
        total.fetch_add(count, std::memory_order_release);
      }
    });
  }
  // As in the executor, no more than the ring's capacity is ever outstanding.
  for (uint32_t i = 0; i < kEntries;) {
    if (i - total.load(std::memory_order_acquire) < kCapacity) injector.Push(i++);
  }
  for (std::thread& consumer : consumers) consumer.join();
  for (uint32_t i = 0; i < kEntries; i++) {
    ASSERT_EQ(taken[i].load(std::memory_order_relaxed), 1) << "entry " << i;
  }
}

TEST(CompletionRing, KeepsOrderOverManyTurns) {
  constexpr uint32_t kCapacity = 16;
  constexpr uint32_t kEntries = 200'000;
  CompletionRing ring;
  ASSERT_TRUE(ring.Init(kCapacity));
  std::atomic<uint32_t> popped{0};
  std::thread producer([&] {
    for (uint32_t i = 0; i < kEntries;) {
      if (i - popped.load(std::memory_order_acquire) < kCapacity) ring.Push(i++);
    }
  });
  uint32_t expected = 0;
  uint32_t out[8];
  while (expected < kEntries) {
    const uint32_t count = ring.Pop(out, 8);
    for (uint32_t i = 0; i < count; i++) EXPECT_EQ(out[i], expected++);
    popped.store(expected, std::memory_order_release);
  }
  producer.join();
  EXPECT_TRUE(ring.Empty());
}

}  // namespace
}  // namespace moirai
