// The order of what waits: by priority, within one the earliest deadline, then first come first
// served; nobody starves, and every task is given to exactly one consumer.
#include "core/executor/band_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace moirai {
namespace {

constexpr uint32_t kSlots = 256;

std::unique_ptr<BandQueue> Queue(uint32_t slots = kSlots) {
  auto queue = std::make_unique<BandQueue>();
  EXPECT_TRUE(queue->Init(slots));
  return queue;
}

uint32_t One(BandQueue& queue) {
  uint32_t slot = UINT32_MAX;
  return queue.Claim(&slot, 1) == 1 ? slot : UINT32_MAX;
}

TEST(BandQueue, OrdersByPriorityThenDeadlineThenArrival) {
  const auto queue = Queue();
  EXPECT_TRUE(queue->Empty());
  queue->Push(0, layout::kPriorityIdle);
  queue->Push(1, layout::kPriorityNormal);
  queue->Push(2, layout::kPriorityNormal);
  queue->PushBefore(3, layout::kPriorityNormal, 900);
  queue->PushBefore(4, layout::kPriorityNormal, 500);
  queue->PushBefore(5, layout::kPriorityNormal, 900);
  queue->PushBefore(6, layout::kPriorityLow, 1);
  queue->Push(7, layout::kPriorityCritical);
  queue->PushBefore(8, layout::kPriorityHigh, 10'000);
  EXPECT_EQ(queue->Size(), 9U);
  for (const uint32_t expected : {7U, 8U, 4U, 3U, 5U, 1U, 2U, 6U, 0U}) {
    EXPECT_EQ(One(*queue), expected);
  }
  EXPECT_TRUE(queue->Empty());
  EXPECT_EQ(queue->Size(), 0U);
}

TEST(BandQueue, AClaimTakesOfOneClassOnly) {
  const auto queue = Queue();
  for (uint32_t i = 0; i < 3; i++) queue->Push(i, layout::kPriorityHigh);
  for (uint32_t i = 3; i < 6; i++) queue->PushBefore(i, layout::kPriorityHigh, 100 - i);
  uint32_t out[8];
  ASSERT_EQ(queue->Claim(out, 8), 3U);
  EXPECT_EQ(out[0], 5U);
  EXPECT_EQ(queue->First(), BandQueue::ClassOf(layout::kPriorityHigh, false));
  EXPECT_EQ(queue->ClaimAbove(queue->First(), out, 8), 0U);
  EXPECT_EQ(queue->ClaimAbove(queue->First() + 1, out, 2), 2U);
  ASSERT_EQ(queue->Claim(out, 8), 1U);
  EXPECT_EQ(out[0], 2U);
}

// Something critical waits at every claim; of 16 claims one is for those below, in turn.
TEST(BandQueue, GivesThoseBelowASteadyLoadTheirShare) {
  const auto queue = Queue();
  const uint32_t below[] = {layout::kPriorityHigh, layout::kPriorityLow, layout::kPriorityIdle};
  for (uint32_t i = 0; i < 60; i++) queue->Push(i, below[i % 3]);
  for (uint32_t i = 60; i < 80; i++) queue->PushBefore(i, layout::kPriorityIdle, i);
  uint32_t free = 100;
  uint32_t served[4] = {};
  queue->Push(free, layout::kPriorityCritical);
  for (uint32_t claim = 1; claim <= 16 * 12; claim++) {
    uint32_t out[2];
    ASSERT_GE(queue->Claim(out, 2), 1U);
    if (out[0] >= 100) {
      EXPECT_NE(claim % 16, 0U);
      queue->Push(free ^= 1, layout::kPriorityCritical);
    } else {
      EXPECT_EQ(claim % 16, 0U);
      served[out[0] >= 60 ? 3 : out[0] % 3]++;
    }
  }
  for (const uint32_t count : served) EXPECT_EQ(count, 3U);
}

TEST(BandQueue, DoesNotCountClaimsThatPassOverNobody) {
  const auto queue = Queue();
  for (uint32_t i = 0; i < 100; i++) {
    queue->Push(i, layout::kPriorityNormal);
    EXPECT_EQ(One(*queue), i);
  }
  queue->Push(200, layout::kPriorityIdle);
  for (uint32_t i = 0; i < 15; i++) {
    queue->Push(i, layout::kPriorityNormal);
    EXPECT_EQ(One(*queue), i);
  }
  queue->Push(15, layout::kPriorityNormal);
  EXPECT_EQ(One(*queue), 200U);
}

// What the queue should do, written down a second time and plainly.
class Model {
 public:
  void Push(uint32_t slot, uint32_t of, uint64_t deadline) {
    auto& list = classes_[of];
    auto at = list.end();
    if (of % 2 == 0) {
      at = std::find_if(list.begin(), list.end(), [&](auto& e) { return e.first > deadline; });
    }
    list.insert(at, {deadline, slot});
  }

  std::vector<uint32_t> Claim(uint32_t max) {
    std::vector<uint32_t> waiting;
    for (uint32_t of = 0; of < BandQueue::kClasses; of++) {
      if (!classes_[of].empty()) waiting.push_back(of);
    }
    if (waiting.empty()) return {};
    uint32_t from = waiting[0];
    if (waiting.size() > 1 && ++passed_over_ % BandQueue::kAgeing == 0) {
      waiting.erase(waiting.begin());
      const auto next =
          std::find_if(waiting.begin(), waiting.end(), [this](uint32_t of) { return of > aged_; });
      from = aged_ = next == waiting.end() ? waiting[0] : *next;
    }
    std::vector<uint32_t> out;
    for (auto& list = classes_[from]; out.size() < max && !list.empty(); list.pop_front()) {
      out.push_back(list.front().second);
    }
    return out;
  }

  std::vector<uint32_t> Remove(const std::vector<bool>& gone) {
    std::vector<uint32_t> out;
    for (auto& list : classes_) {
      std::erase_if(list, [&](auto& entry) {
        if (gone[entry.second]) out.push_back(entry.second);
        return gone[entry.second];
      });
    }
    return out;
  }

 private:
  std::deque<std::pair<uint64_t, uint32_t>> classes_[BandQueue::kClasses];
  uint32_t passed_over_ = 0;
  uint32_t aged_ = BandQueue::kClasses;
};

TEST(BandQueue, DoesWhatTheModelDoes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  std::minstd_rand random(seed);
  const auto queue = Queue();
  Model model;
  std::vector<uint32_t> free(kSlots);
  for (uint32_t i = 0; i < kSlots; i++) free[i] = i;
  std::vector<bool> gone(kSlots);
  for (uint32_t round = 0; round < 50'000; round++) {
    const uint32_t what = random() % 100;
    if (what < 60 && !free.empty()) {
      const uint32_t slot = free.back();
      free.pop_back();
      gone[slot] = random() % 8 == 0;
      const uint32_t priority = random() % layout::kPriorities;
      const uint64_t deadline = random() % 3 == 0 ? 1 + random() % 50 : 0;
      if (deadline == 0) {
        queue->Push(slot, priority);
      } else {
        queue->PushBefore(slot, priority, deadline);
      }
      model.Push(slot, BandQueue::ClassOf(priority, deadline != 0), deadline);
    } else if (what < 99) {
      uint32_t out[8];
      const uint32_t max = 1 + random() % 8;
      const std::vector<uint32_t> claimed(out, out + queue->Claim(out, max));
      ASSERT_EQ(claimed, model.Claim(max)) << "round " << round;
      free.insert(free.end(), claimed.begin(), claimed.end());
    } else {
      uint32_t out[kSlots + BandQueue::kSweepRun];
      const uint32_t count =
          queue->Sweep([&](uint32_t slot) { return gone[slot]; }, out, std::size(out));
      std::vector<uint32_t> swept(out, out + count);
      std::vector<uint32_t> expected = model.Remove(gone);
      free.insert(free.end(), swept.begin(), swept.end());
      std::sort(swept.begin(), swept.end());
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(swept, expected) << "round " << round;
    }
    ASSERT_EQ(queue->Size(), kSlots - free.size());
    ASSERT_EQ(queue->Empty(), free.size() == kSlots);
  }
}

TEST(BandQueue, GivesEachTaskToExactlyOneConsumerAndKeepsABandsOrder) {
  constexpr uint32_t kTasks = 60'000;
  constexpr uint32_t kConsumers = 2;
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  const auto queue = Queue(kTasks);
  std::vector<std::atomic<uint8_t>> taken(kTasks);
  std::atomic<uint32_t> total{0};
  std::atomic<uint32_t> disorder{0};
  std::vector<std::thread> consumers;
  for (uint32_t t = 0; t < kConsumers; t++) {
    consumers.emplace_back([&] {
      // Tasks without a deadline: slot % 8 is the priority, and slots of one only grow.
      uint32_t last[layout::kPriorities] = {};
      while (total.load(std::memory_order_relaxed) < kTasks) {
        uint32_t out[16];
        const uint32_t count = queue->Claim(out, 16);
        for (uint32_t i = 0; i < count; i++) {
          taken[out[i]].fetch_add(1, std::memory_order_relaxed);
          const uint32_t priority = out[i] % 8;
          if (priority >= layout::kPriorities) continue;
          if (out[i] < last[priority]) disorder.fetch_add(1, std::memory_order_relaxed);
          last[priority] = out[i];
        }
        total.fetch_add(count, std::memory_order_relaxed);
      }
    });
  }
  std::minstd_rand random(seed);
  for (uint32_t slot = 0; slot < kTasks; slot++) {
    if (slot % 8 < layout::kPriorities) {
      queue->Push(slot, slot % 8);
    } else {
      queue->PushBefore(slot, slot % 8 - layout::kPriorities, 1 + random() % 1000);
    }
  }
  for (std::thread& consumer : consumers) consumer.join();
  EXPECT_EQ(disorder.load(), 0U);
  for (uint32_t slot = 0; slot < kTasks; slot++) ASSERT_EQ(taken[slot].load(), 1U) << slot;
  EXPECT_TRUE(queue->Empty());
}

}  // namespace
}  // namespace moirai
