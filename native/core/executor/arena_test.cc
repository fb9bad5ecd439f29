// Blocks are large enough, do not overlap, and come back.
#include "core/executor/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace moirai {
namespace {

struct Region {
  static constexpr uint64_t kBytes = 64U << 20;
  uint8_t* base = static_cast<uint8_t*>(
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ~Region() { munmap(base, kBytes); }
};

TEST(Arena, GivesAtLeastWhatWasAskedAndWastesLittle) {
  const Region region;
  Arena arena;
  arena.Init(region.base, 0, Region::kBytes, Region::kBytes);
  for (uint64_t bytes = 1; bytes < 3'000'000; bytes += 1 + bytes / 7) {
    const Arena::Allocation allocation = arena.Allocate(bytes);
    ASSERT_NE(allocation.block, Arena::kNone) << bytes;
    EXPECT_GE(arena.Capacity(allocation.block), bytes);
    EXPECT_LE(arena.Capacity(allocation.block), bytes + bytes / 4 + uint64_t{3} * Arena::kUnit)
        << bytes;
    arena.Free(allocation.block);
  }
  EXPECT_EQ(arena.BytesInUse(), 0U);
}

TEST(Arena, ReusesWhatWasFreed) {
  const Region region;
  Arena arena;
  arena.Init(region.base, 4096, Region::kBytes, Region::kBytes);
  const uint32_t first = arena.Allocate(100).block;
  const uint32_t second = arena.Allocate(100).block;
  EXPECT_NE(first, second);
  EXPECT_GE(uint64_t{first} * Arena::kUnit, 4096U);
  arena.Free(first);
  EXPECT_EQ(arena.Allocate(100).block, first);
}

TEST(Arena, SaysHowFarTheRegionMustGrowAndWhenItNeverCan) {
  const Region region;
  Arena arena;
  arena.Init(region.base, 0, 1024, 4096);
  const Arena::Allocation refused = arena.Allocate(2000);
  EXPECT_EQ(refused.block, Arena::kNone);
  EXPECT_GT(refused.shortfall, 1024U);
  EXPECT_LE(refused.shortfall, 4096U);
  arena.Grow(refused.shortfall);
  EXPECT_NE(arena.Allocate(2000).block, Arena::kNone);
  EXPECT_EQ(arena.Allocate(1U << 20).shortfall, 0U);
}

TEST(Arena, GivesTheSystemTheMemoryOfLargeFreeBlocks) {
  const Region region;
  Arena arena;
  arena.Init(region.base, 0, Region::kBytes, Region::kBytes);
  const uint32_t block = arena.Allocate(4U << 20).block;
  std::memset(arena.Payload(block), 0xff, 4U << 20);
  arena.Free(block);
  unsigned char resident[1024];
  auto* const page = reinterpret_cast<uint8_t*>(
      (reinterpret_cast<uintptr_t>(arena.Payload(block)) + 8191) / 4096 * 4096);
  ASSERT_EQ(mincore(page, sizeof(resident) * 2048, resident), 0);
  int pages = 0;
  for (int i = 0; i < 512; i++) pages += resident[i] & 1;
  EXPECT_EQ(pages, 0);
}

// Each thread fills its blocks with its own byte and finds it unchanged: blocks never overlap and
// are never in two hands (ABA on the free lists).
TEST(Arena, BlocksAreInOneHandOnly) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const Region region;
  Arena arena;
  arena.Init(region.base, 0, Region::kBytes, Region::kBytes);
  std::vector<std::thread> threads;
  for (uint8_t id = 1; id <= 4; id++) {
    threads.emplace_back([&arena, seed, id] {
      std::minstd_rand random(seed + id);
      struct Held {
        uint32_t block;
        uint64_t bytes;
      };
      std::vector<Held> held;
      for (int i = 0; i < 20'000; i++) {
        if (held.size() < 8 && random() % 2 == 0) {
          const uint64_t bytes = 1 + random() % 300;
          const uint32_t block = arena.Allocate(bytes).block;
          ASSERT_NE(block, Arena::kNone);
          std::memset(arena.Payload(block), id, bytes);
          held.push_back({block, bytes});
        } else if (!held.empty()) {
          const Held last = held.back();
          held.pop_back();
          for (uint64_t at = 0; at < last.bytes; at++) {
            ASSERT_EQ(arena.Payload(last.block)[at], id);
          }
          arena.Free(last.block);
        }
      }
      for (const Held& last : held) arena.Free(last.block);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(arena.BytesInUse(), 0U);
}

// Two nodes by index; the machine of the test may have one, so both are its node 0.
class ArenaOfNodesTest : public testing::Test {
 protected:
  static constexpr uint64_t kChunk = 256U << 10;
  static constexpr uint64_t kSize = 16U << 20;

  void SetUp() override {
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    const int32_t nodes[] = {0, 0, -1};
    arena_.Init(memory_, 4096, kSize, kSize);
    ASSERT_TRUE(arena_.SpreadOver(nodes, 3));
  }
  void TearDown() override { munmap(memory_, kSize); }

  uint8_t* memory_ = nullptr;
  Arena arena_;
};

TEST_F(ArenaOfNodesTest, ABlockIsOfTheNodeItWasAskedFor) {
  std::mt19937 random(7);
  for (uint32_t i = 0; i < 3'000; i++) {
    const uint32_t node = random() % 3;
    const Arena::Allocation got = arena_.Allocate(random() % 6'000, node);
    ASSERT_NE(got.block, Arena::kNone);
    ASSERT_EQ(arena_.NodeOf(got.block), node);
    if (random() % 4 != 0) arena_.Free(got.block);
  }
}

TEST_F(ArenaOfNodesTest, AFreedBlockComesBackOnItsNodeOnly) {
  const uint32_t first = arena_.Allocate(1'000, 0).block;
  arena_.Free(first);
  const uint32_t other = arena_.Allocate(1'000, 1).block;
  EXPECT_NE(other, first);
  EXPECT_EQ(arena_.Allocate(1'000, 0).block, first);
}

TEST_F(ArenaOfNodesTest, BlocksLargerThanAChunkDoNotOverlapAndLeaveLittleUnused) {
  uint64_t asked = 0;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (uint32_t i = 0;; i++) {
    const uint64_t bytes = 300'000 + i % 5 * 200'000;
    const Arena::Allocation got = arena_.Allocate(bytes, i % 2);
    if (got.block == Arena::kNone) {
      EXPECT_EQ(got.shortfall, 0U);
      break;
    }
    EXPECT_EQ(arena_.NodeOf(got.block), i % 2);
    const uint64_t start = uint64_t{got.block} * Arena::kUnit;
    ranges.emplace_back(start, start + arena_.Capacity(got.block) + layout::kBlockHeaderBytes);
    asked += arena_.Capacity(got.block);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); i++) ASSERT_LE(ranges[i - 1].second, ranges[i].first);
  EXPECT_GT(asked, kSize * 3 / 4);
}

TEST_F(ArenaOfNodesTest, WhenAllIsUsedUpABlockOfAnotherNodeIsGiven) {
  std::vector<uint32_t> blocks;
  for (;;) {
    const Arena::Allocation got = arena_.Allocate(200'000, 0);
    if (got.block == Arena::kNone) break;
    blocks.push_back(got.block);
  }
  EXPECT_EQ(arena_.Allocate(200'000, 1).block, Arena::kNone);
  arena_.Free(blocks.back());
  EXPECT_EQ(arena_.Allocate(200'000, 1).block, blocks.back());
  EXPECT_EQ(arena_.NodeOf(blocks.back()), 0U);
}

TEST_F(ArenaOfNodesTest, AShortfallIsToldWhileTheRegionMayGrow) {
  Arena arena;
  const int32_t nodes[] = {0, 0};
  arena.Init(memory_, 4096, 3 * kChunk, kSize);
  ASSERT_TRUE(arena.SpreadOver(nodes, 2));
  ASSERT_NE(arena.Allocate(100, 0).block, Arena::kNone);
  ASSERT_NE(arena.Allocate(100, 1).block, Arena::kNone);
  const Arena::Allocation got = arena.Allocate(kChunk, 0);
  EXPECT_EQ(got.block, Arena::kNone);
  EXPECT_GT(got.shortfall, 3 * kChunk);
  arena.Grow(got.shortfall);
  EXPECT_NE(arena.Allocate(kChunk, 0).block, Arena::kNone);
}

TEST_F(ArenaOfNodesTest, ThreadsNeverShareABlock) {
  std::vector<std::thread> threads;
  std::atomic<uint32_t> wrong{0};
  for (uint32_t id = 1; id <= 4; id++) {
    threads.emplace_back([&, id] {
      std::minstd_rand random(id);
      std::vector<uint32_t> mine;
      for (uint32_t i = 0; i < 20'000; i++) {
        if (mine.size() < 16 && random() % 2 == 0) {
          const uint32_t node = random() % 3;
          const uint32_t block = arena_.Allocate(8 + random() % 2'000, node).block;
          if (block == Arena::kNone) continue;
          if (arena_.NodeOf(block) != node) wrong.fetch_add(1);
          std::memcpy(arena_.Payload(block), &id, sizeof(id));
          mine.push_back(block);
        } else if (!mine.empty()) {
          uint32_t found;
          std::memcpy(&found, arena_.Payload(mine.back()), sizeof(found));
          if (found != id) wrong.fetch_add(1);
          arena_.Free(mine.back());
          mine.pop_back();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0U);
}

}  // namespace
}  // namespace moirai
