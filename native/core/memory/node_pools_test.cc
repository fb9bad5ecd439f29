// Pools of several nodes: the order in which they are asked, and that no block is lost between
// threads.
#include "core/memory/node_pools.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "core/memory/pool_region_test.h"

namespace moirai {
namespace {

TEST(NodePools, FallBackInTheOrderOfTheHome) {
  constexpr uint32_t kBlocks = 2;
  const Region a(kBlocks);
  const Region b(kBlocks);
  const Region c(kBlocks);
  // Three pools; homes 0 to 2 have one each, home 3 has none.
  const uint32_t orders[] = {0, 1, 2, 1, 2, 0, 2, 1, 0, 1, 0, 2};
  NodePools pools;
  ASSERT_TRUE(pools.Init(3, kBlocks, 4, orders));
  uint32_t position = 0;
  for (const Region* region : {&a, &b, &c}) {
    ASSERT_TRUE(
        pools.pool(position++).Create(region->memory, region->layout.bytes, kBlockBytes, kBlocks));
  }
  std::vector<int32_t> positions(5);
  for (int32_t& each : positions) each = pools.Acquire(1, true, 1).slot / 2;
  EXPECT_EQ(positions, (std::vector<int32_t>{1, 1, 2, 2, 0}));
  EXPECT_EQ(pools.pool(1).stats().overflows, 3U);
  EXPECT_EQ(pools.pool(2).stats().guests, 2U);
  const NodePools::Taken last = pools.Acquire(3, false, 1);
  EXPECT_EQ(last.slot / 2, 0);
  EXPECT_EQ(pools.pool(0).stats().guests, 2U);
  EXPECT_EQ(pools.Acquire(0, true, 1).slot, NodePools::kExhausted);
  EXPECT_TRUE(pools.Release(static_cast<uint32_t>(last.slot), last.generation));
  EXPECT_FALSE(pools.Release(static_cast<uint32_t>(last.slot), last.generation));
  EXPECT_FALSE(pools.Release(3 * kBlocks, 1));
  EXPECT_TRUE(pools.Close());
  EXPECT_FALSE(pools.Close());
  EXPECT_EQ(pools.Acquire(0, true, 1).slot, NodePools::kClosed);
}

TEST(NodePools, RefusesOrdersThatNameNoPool) {
  NodePools pools;
  const uint32_t wrong[] = {0, 2};
  EXPECT_FALSE(pools.Init(2, 8, 1, wrong));
  const uint32_t right[] = {0, 1};
  EXPECT_FALSE(pools.Init(2, NodePools::kMaxSlots, 1, right));
  EXPECT_TRUE(pools.Init(2, 8, 1, right));
}

// Threads acquire, release, hand over and end with blocks in their hands, which are reclaimed.
TEST(NodePools, EveryBlockIsHeldOnceAndNoneIsLost) {
  constexpr uint32_t kBlocks = 13;
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kTurns = 40'000;
  const uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  const Region a(kBlocks);
  const Region b(kBlocks);
  const uint32_t orders[] = {0, 1, 1, 0};
  NodePools pools;
  ASSERT_TRUE(pools.Init(2, kBlocks, 2, orders));
  ASSERT_TRUE(pools.pool(0).Create(a.memory, a.layout.bytes, kBlockBytes, kBlocks));
  ASSERT_TRUE(pools.pool(1).Create(b.memory, b.layout.bytes, kBlockBytes, kBlocks));
  std::vector<std::atomic<uint32_t>> holder(std::size_t{2} * kBlocks);
  std::vector<std::atomic<uint64_t>> letters(4);  // slot + 1 << 32 | generation, on their way
  std::atomic<uint32_t> wrong{0};
  const auto expect = [&](bool right) {
    wrong.fetch_add(right ? 0 : 1, std::memory_order_relaxed);
  };
  std::vector<std::thread> threads;
  for (uint32_t t = 1; t <= kThreads; t++) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(seed + t);
      struct Block {
        uint32_t slot;
        uint32_t generation;
      };
      std::vector<Block> held;
      std::vector<Block> stale;
      const auto enter = [&](Block block) {
        expect(holder[block.slot].exchange(t, std::memory_order_relaxed) == 0);
        held.push_back(block);
      };
      const auto leave = [&] {
        std::swap(held.back(), held[random() % held.size()]);
        const Block block = held.back();
        held.pop_back();
        expect(holder[block.slot].exchange(0, std::memory_order_relaxed) == t);
        if (stale.size() < 100) stale.push_back(block);
        return block;
      };
      for (uint32_t turn = 0; turn < kTurns; turn++) {
        switch (random() % 6) {
          case 0:
          case 1: {
            const NodePools::Taken taken = pools.Acquire(random() % 2, true, t);
            if (taken.slot >= 0) enter({static_cast<uint32_t>(taken.slot), taken.generation});
            break;
          }
          case 2:
          case 3: {
            if (held.empty()) break;
            const Block block = leave();
            expect(pools.Release(block.slot, block.generation));
            break;
          }
          case 4: {
            std::atomic<uint64_t>& letter = letters[random() % letters.size()];
            uint64_t old = 0;
            if (!held.empty()) {
              Block block = leave();
              expect(pools.Detach(block.slot, &block.generation));
              old = letter.exchange((uint64_t{block.slot} + 1) << 32 | block.generation,
                                    std::memory_order_acq_rel);
            } else {
              old = letter.exchange(0, std::memory_order_acq_rel);
            }
            if (old == 0) break;
            Block block{static_cast<uint32_t>(old >> 32) - 1, static_cast<uint32_t>(old)};
            expect(pools.Adopt(block.slot, &block.generation, t));
            enter(block);
            break;
          }
          default:
            if (stale.empty()) break;
            const Block block = stale[random() % stale.size()];
            expect(!pools.Release(block.slot, block.generation));
        }
      }
      for (const Block& block : held) holder[block.slot].store(0, std::memory_order_relaxed);
      pools.Reclaim(t);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(std::memory_order_relaxed), 0U);
  uint32_t moving = 0;
  for (const std::atomic<uint64_t>& letter : letters) {
    const uint64_t words = letter.load(std::memory_order_relaxed);
    if (words == 0) continue;
    moving++;
    EXPECT_TRUE(
        pools.Release(static_cast<uint32_t>(words >> 32) - 1, static_cast<uint32_t>(words)));
  }
  std::printf("%u blocks were on their way\n", moving);
  EXPECT_EQ(pools.pool(0).stats().in_use + pools.pool(1).stats().in_use, 0U);
  std::set<int32_t> all;
  for (uint32_t i = 0; i < 2 * kBlocks; i++) all.insert(pools.Acquire(0, true, 9).slot);
  EXPECT_EQ(all.size(), std::size_t{2} * kBlocks);
  EXPECT_EQ(*all.begin(), 0);
}

}  // namespace
}  // namespace moirai
