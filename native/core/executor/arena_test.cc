// Blocks are large enough, do not overlap, and come back.
#include "core/executor/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

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

}  // namespace
}  // namespace moirai
