// Blocks change hands one hand at a time: whoever comes twice, late or with a wrong number is
// refused.
#include "core/memory/block_pool.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <set>

#include "core/memory/pool_region_test.h"

namespace moirai {
namespace {

class BlockPoolTest : public testing::Test {
 protected:
  static constexpr uint32_t kBlocks = 5;
  void SetUp() override {
    ASSERT_TRUE(pool_.Create(region_.memory, region_.layout.bytes, kBlockBytes, kBlocks));
  }
  Region region_{kBlocks};
  BlockPool pool_;
};

TEST_F(BlockPoolTest, BlocksLieInTheRegionApartFromEachOther) {
  const BlockPool::Layout& layout = region_.layout;
  EXPECT_EQ(layout.stride % BlockPool::kAlignment, 0U);
  EXPECT_GE(layout.stride, kBlockBytes);
  EXPECT_EQ(layout.first_block % 4096, 0U);
  EXPECT_EQ(layout.bytes, layout.first_block + kBlocks * layout.stride);
  EXPECT_EQ(BlockPool::LayoutOf(0, 1).bytes, 0U);
  EXPECT_EQ(BlockPool::LayoutOf(64, 0).bytes, 0U);
  EXPECT_EQ(BlockPool::LayoutOf(64, BlockPool::kMaxBlocks + 1).bytes, 0U);
  EXPECT_EQ(BlockPool::LayoutOf(BlockPool::kMaxBlockBytes + 1, 1).bytes, 0U);
  EXPECT_GT(BlockPool::LayoutOf(BlockPool::kMaxBlockBytes, BlockPool::kMaxBlocks).bytes,
            BlockPool::kMaxBlockBytes * BlockPool::kMaxBlocks);
}

TEST_F(BlockPoolTest, GivesEachBlockOnceThenNone) {
  std::set<uint32_t> numbers;
  for (uint32_t i = 0; i < kBlocks; i++) numbers.insert(pool_.Acquire(1).number);
  EXPECT_EQ(numbers.size(), kBlocks);
  EXPECT_EQ(*numbers.begin(), 1U);
  EXPECT_EQ(*numbers.rbegin(), kBlocks);
  EXPECT_EQ(pool_.Acquire(1).number, BlockPool::kNone);
  EXPECT_EQ(pool_.stats().in_use, kBlocks);
  EXPECT_EQ(pool_.stats().high_water, kBlocks);
}

TEST_F(BlockPoolTest, RefusesASecondReleaseAndAStaleOne) {
  const BlockPool::Held first = pool_.Acquire(1);
  EXPECT_TRUE(pool_.Release(first.number, first.generation));
  EXPECT_FALSE(pool_.Release(first.number, first.generation));
  const BlockPool::Held second = pool_.Acquire(1);
  ASSERT_EQ(second.number, first.number);
  EXPECT_NE(second.generation, first.generation);
  EXPECT_FALSE(pool_.Release(first.number, first.generation));
  EXPECT_TRUE(pool_.Release(second.number, second.generation));
  EXPECT_EQ(pool_.stats().in_use, 0U);
}

TEST_F(BlockPoolTest, RefusesWhatIsNoHeldBlock) {
  const BlockPool::Held held = pool_.Acquire(1);
  EXPECT_FALSE(pool_.Release(0, held.generation));
  EXPECT_FALSE(pool_.Release(kBlocks + 1, held.generation));
  EXPECT_FALSE(pool_.Release(~0U, held.generation));
  EXPECT_FALSE(pool_.Release(held.number + 1, 0));  // free, and 0 is its state
  EXPECT_FALSE(pool_.Release(held.number, held.generation + 1));
}

TEST_F(BlockPoolTest, ADetachedBlockIsAdoptedOnceAndGoneFromWhoDetachedIt) {
  const BlockPool::Held held = pool_.Acquire(1);
  uint32_t moving = held.generation;
  ASSERT_TRUE(pool_.Detach(held.number, &moving));
  EXPECT_FALSE(pool_.Release(held.number, held.generation));
  uint32_t adopted = moving;
  ASSERT_TRUE(pool_.Adopt(held.number, &adopted, 2));
  uint32_t again = moving;
  EXPECT_FALSE(pool_.Adopt(held.number, &again, 3));
  EXPECT_EQ(pool_.Reclaim(1), 0U);
  EXPECT_TRUE(pool_.Release(held.number, adopted));
}

TEST_F(BlockPoolTest, ReclaimGivesBackWhatTheOwnerHoldsAndNothingElse) {
  const BlockPool::Held mine = pool_.Acquire(1);
  const BlockPool::Held other = pool_.Acquire(2);
  const BlockPool::Held moving = pool_.Acquire(1);
  uint32_t generation = moving.generation;
  ASSERT_TRUE(pool_.Detach(moving.number, &generation));
  const BlockPool::Held returned = pool_.Acquire(1);
  ASSERT_TRUE(pool_.Release(returned.number, returned.generation));
  EXPECT_EQ(pool_.Reclaim(1), 1U);
  EXPECT_FALSE(pool_.Release(mine.number, mine.generation));
  EXPECT_TRUE(pool_.Release(other.number, other.generation));
  EXPECT_TRUE(pool_.Release(moving.number, generation));
  EXPECT_EQ(pool_.stats().in_use, 0U);
  EXPECT_EQ(pool_.stats().reclaimed, 1U);
}

TEST_F(BlockPoolTest, OnlyWhatCreateHasMadeCanBeAttachedTo) {
  BlockPool other;
  const uint64_t bytes = region_.layout.bytes;
  EXPECT_TRUE(other.Attach(region_.memory, bytes, kBlockBytes, kBlocks));
  EXPECT_FALSE(other.Attach(region_.memory, bytes - 1, kBlockBytes, kBlocks));
  EXPECT_FALSE(other.Attach(region_.memory, bytes, kBlockBytes, kBlocks - 1));
  EXPECT_FALSE(other.Attach(region_.memory, bytes, kBlockBytes - 1, kBlocks));
  EXPECT_FALSE(other.Attach(region_.memory + 8, bytes, kBlockBytes, kBlocks));
  const Region blank(kBlocks);
  EXPECT_FALSE(other.Attach(blank.memory, bytes, kBlockBytes, kBlocks));
  region_.memory[8]++;  // the version
  EXPECT_FALSE(other.Attach(region_.memory, bytes, kBlockBytes, kBlocks));
}

// The region full of random bytes behind a header that looks right: calls refuse or say corrupt,
// and nothing outside of the region is touched (AddressSanitizer watches).
TEST_F(BlockPoolTest, RandomBytesInTheRegionDoNoHarm) {
  const uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::minstd_rand random(seed);
  for (int turn = 0; turn < 300; turn++) {
    for (uint64_t at = 32; at < region_.layout.first_block; at++) {
      region_.memory[at] = static_cast<uint8_t>(random());
    }
    for (int i = 0; i < 10; i++) {
      const BlockPool::Held held = pool_.Acquire(1);
      if (held.number == BlockPool::kCorrupt) continue;
      EXPECT_LE(held.number, kBlocks);
      pool_.Release(held.number, held.generation);
    }
    pool_.Release(random(), random());
    pool_.Reclaim(1);
  }
}

}  // namespace
}  // namespace moirai
