#include "core/channel/segment_list.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <thread>
#include <vector>

namespace moirai {
namespace {

class SegmentListTest : public testing::Test {
 protected:
  void Make(uint64_t capacity, uint32_t stride = 8) {
    shape_ = SegmentShape::For(capacity, stride);
    memory_ = static_cast<uint8_t*>(mmap(nullptr, shape_.memory_bytes(), PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    ASSERT_NE(memory_, MAP_FAILED);
    list_ = std::make_unique<SegmentList>(shape_, memory_);
  }
  void TearDown() override { munmap(memory_, shape_.memory_bytes()); }

  static void Write(const SegmentList::Run& run, uint64_t value) {
    std::memcpy(run.slots.first, &value, sizeof(value));
  }
  static uint64_t Read(const SegmentList::Run& run) {
    uint64_t value = 0;
    std::memcpy(&value, run.slots.first, sizeof(value));
    return value;
  }
  bool Send(uint64_t value) {
    const SegmentList::Run run = list_->Claim(1);
    if (run.slots.count == 0) return false;
    Write(run, value);
    list_->Commit(run, 1);
    return true;
  }
  bool Receive(uint64_t* value) {
    const SegmentList::Run run = list_->Take(1);
    if (run.slots.count == 0) return false;
    *value = Read(run);
    list_->Release(run, 1);
    return true;
  }
  uint64_t PagesPresent() const {
    std::vector<int32_t> status(shape_.memory_bytes() / PageSize());
    EXPECT_EQ(PresentPages(memory_, status.size(), status.data()), 0);
    uint64_t present = 0;
    for (const int32_t one : status) present += one == 0 ? 1 : 0;
    return present;
  }

  SegmentShape shape_;
  uint8_t* memory_ = nullptr;
  std::unique_ptr<SegmentList> list_;
};

TEST_F(SegmentListTest, HoldsItsCapacityAtLeastAndThenHasNoMore) {
  for (const uint64_t capacity : {1, 7, 5000, 100'000}) {
    Make(capacity);
    uint64_t sent = 0;
    while (Send(sent)) sent++;
    EXPECT_GE(sent, capacity);
    EXPECT_LE(sent, uint64_t{shape_.blocks} * shape_.slots());
    EXPECT_EQ(list_->Claim(1).slots.count, 0U);
    uint64_t value = 0;
    for (uint64_t i = 0; i < sent; i++) {
      ASSERT_TRUE(Receive(&value));
      ASSERT_EQ(value, i);
    }
    EXPECT_FALSE(Receive(&value));
    EXPECT_TRUE(Send(1)) << "drained blocks are used again";
    munmap(memory_, shape_.memory_bytes());
  }
  Make(1);
}

TEST_F(SegmentListTest, DrainedBlocksGiveTheirPagesBack) {
  Make(1'000'000);
  uint64_t value = 0;
  for (uint64_t i = 0; i < 1'000'000; i++) ASSERT_TRUE(Send(i));
  const uint64_t full = PagesPresent();
  EXPECT_GT(full * PageSize(), 8'000'000U);
  while (Receive(&value)) continue;
  EXPECT_LT(PagesPresent(), full / 10);
  EXPECT_LE(list_->blocks_in_use(), 1U);
}

TEST_F(SegmentListTest, ASteadyRunStaysWhereItIs) {
  Make(1'000'000);
  uint64_t value = 0;
  for (uint64_t i = 0; i < 100'000; i++) ASSERT_TRUE(Send(i));
  for (uint64_t i = 100'000; i < 200'000; i++) ASSERT_TRUE(Send(i) && Receive(&value));
  const uint64_t early = PagesPresent();
  for (uint64_t i = 200'000; i < 2'000'000; i++) ASSERT_TRUE(Send(i) && Receive(&value));
  EXPECT_EQ(value, 1'899'999U);
  EXPECT_LE(PagesPresent(), early + 2 * shape_.block_bytes() / PageSize());
}

TEST_F(SegmentListTest, AClaimThatIsNotCommittedHoldsUpThoseBehindIt) {
  Make(100);
  const SegmentList::Run first = list_->Claim(1);
  EXPECT_TRUE(Send(2));
  uint64_t value = 0;
  EXPECT_FALSE(list_->HasMessage());
  EXPECT_FALSE(Receive(&value));
  list_->Commit(first, 0);
  EXPECT_TRUE(list_->HasMessage());
  EXPECT_TRUE(Receive(&value));
  EXPECT_EQ(value, 2U);
  EXPECT_FALSE(list_->HasMessage());
}

TEST_F(SegmentListTest, ARunIsCommittedAsFarAsItWasWritten) {
  Make(10'000);
  const SegmentList::Run run = list_->Claim(10);
  ASSERT_EQ(run.slots.count, 10U);
  for (uint64_t i = 0; i < 4; i++) std::memcpy(run.slots.first + i * 8, &i, 8);
  list_->Commit(run, 4);
  EXPECT_TRUE(Send(4));
  const SegmentList::Run taken = list_->Take(100);
  EXPECT_EQ(taken.slots.count, 4U);
  list_->Release(taken, 4);
  uint64_t value = 0;
  EXPECT_TRUE(Receive(&value));
  EXPECT_EQ(value, 4U);
}

// A message that is being read keeps its block while others go on.
TEST_F(SegmentListTest, ABlockThatIsReadIsNotUsedAgain) {
  Make(1);
  ASSERT_TRUE(Send(42));
  const SegmentList::Run held = list_->Take(1);
  ASSERT_EQ(held.slots.count, 1U);
  uint64_t value = 0;
  for (uint64_t i = 0; i < uint64_t{10} * shape_.slots(); i++)
    ASSERT_TRUE(Send(i) && Receive(&value));
  EXPECT_EQ(Read(held), 42U);
  list_->Release(held, 1);
}

TEST_F(SegmentListTest, ManyThreadsGiveEachMessageToOne) {
  constexpr uint64_t kEach = 60'000;
  constexpr int kThreads = 3;
  Make(2'000, 64);  // small blocks: chunks come and go
  std::atomic<uint64_t> received{0};
  std::atomic<uint64_t> sum{0};
  std::vector<std::thread> threads;
  threads.reserve(std::size_t{kThreads} * 2);
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([this, t] {
      for (uint64_t i = 0; i < kEach;) {
        const SegmentList::Run run = list_->Claim(1);
        if (run.slots.count == 0) {
          std::this_thread::yield();
          continue;
        }
        Write(run, i * kThreads + static_cast<uint64_t>(t));
        const bool gives_up = i % 7 == 3 && run.offset % 2 == 1;
        list_->Commit(run, gives_up ? 0 : 1);
        if (!gives_up) i++;
      }
    });
    threads.emplace_back([this, &received, &sum] {
      std::vector<uint64_t> last(kThreads, 0);
      while (received.load(std::memory_order_relaxed) < kEach * kThreads) {
        uint64_t value = 0;
        if (!Receive(&value)) {
          std::this_thread::yield();
          continue;
        }
        // Of each sender in its order.
        EXPECT_GE(value / kThreads + 1, last[value % kThreads]);
        last[value % kThreads] = value / kThreads + 1;
        sum.fetch_add(value, std::memory_order_relaxed);
        received.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  constexpr uint64_t kAll = kEach * kThreads;
  EXPECT_EQ(sum.load(std::memory_order_relaxed), kAll * (kAll - 1) / 2);
  EXPECT_FALSE(list_->HasMessage());
  EXPECT_LE(list_->blocks_in_use(), 1U);
}

}  // namespace
}  // namespace moirai
