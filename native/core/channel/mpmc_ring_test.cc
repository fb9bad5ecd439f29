#include "core/channel/mpmc_ring.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace moirai {
namespace {

constexpr uint32_t kSlotBytes = 16;

class MpmcRingTest : public testing::Test {
 protected:
  void Make(uint32_t capacity) {
    control_ = std::make_unique<MpmcControl>();
    slots_.assign(capacity * uint64_t{kSlotBytes} / sizeof(uint64_t), 0);
    capacity_ = capacity;
    ring().Format();
  }
  MpmcRing ring() {
    return {*control_, reinterpret_cast<uint8_t*>(slots_.data()), capacity_, kSlotBytes};
  }
  static bool Send(MpmcRing& ring, uint32_t owner, uint64_t value) {
    const MpmcRing::Slot slot = ring.Claim(owner);
    if (slot.message == nullptr) return false;
    std::memcpy(slot.message, &value, sizeof(value));
    ring.Commit(slot.position);
    return true;
  }
  static MpmcRing::Slot Take(MpmcRing& ring, uint32_t owner) {
    uint32_t freed = 0;
    return ring.Take(owner, &freed);
  }
  static bool Receive(MpmcRing& ring, uint32_t owner, uint64_t* value) {
    const MpmcRing::Slot slot = Take(ring, owner);
    if (slot.message == nullptr) return false;
    std::memcpy(value, slot.message, sizeof(*value));
    ring.Release(slot.position);
    return true;
  }
  std::unique_ptr<MpmcControl> control_;
  std::vector<uint64_t> slots_;
  uint32_t capacity_ = 0;
};

TEST_F(MpmcRingTest, TakesAsManyAsItHoldsAndGivesThemBackInOrder) {
  for (const uint32_t capacity : {1U, 2U, 8U}) {
    Make(capacity);
    MpmcRing ring = this->ring();
    uint64_t value;
    for (uint64_t lap = 0; lap < 5; lap++) {
      for (uint64_t i = 0; i < capacity; i++) ASSERT_TRUE(Send(ring, 1, lap * capacity + i));
      EXPECT_FALSE(Send(ring, 1, 0));
      for (uint64_t i = 0; i < capacity; i++) {
        ASSERT_TRUE(Receive(ring, 2, &value));
        EXPECT_EQ(value, lap * capacity + i);
      }
      EXPECT_FALSE(Receive(ring, 2, &value));
    }
    EXPECT_FALSE(ring.corrupt());
  }
}

TEST_F(MpmcRingTest, AnAbortedClaimIsPassedOver) {
  Make(4);
  MpmcRing ring = this->ring();
  const MpmcRing::Slot slot = ring.Claim(1);
  ASSERT_TRUE(Send(ring, 2, 22));
  uint64_t value = 0;
  EXPECT_FALSE(Receive(ring, 3, &value)) << "what comes first is still being written";
  ring.Abort(slot.position);
  ASSERT_TRUE(Receive(ring, 3, &value));
  EXPECT_EQ(value, 22U);
  EXPECT_FALSE(Receive(ring, 3, &value));
  for (int i = 0; i < 4; i++) EXPECT_TRUE(Send(ring, 1, 1));
  EXPECT_FALSE(Send(ring, 1, 1));
}

TEST_F(MpmcRingTest, WhatADeadOwnerHeldIsSetRight) {
  Make(4);
  MpmcRing ring = this->ring();
  ASSERT_TRUE(Send(ring, 1, 11));
  ASSERT_NE(ring.Claim(7).message, nullptr);
  ASSERT_TRUE(Send(ring, 1, 12));
  ASSERT_NE(Take(ring, 7).message, nullptr);
  const MpmcRing::Recovered recovered = ring.Recover(7);
  EXPECT_EQ(recovered.aborted, 1U);
  EXPECT_EQ(recovered.lost, 1U);
  uint64_t value = 0;
  ASSERT_TRUE(Receive(ring, 2, &value));
  EXPECT_EQ(value, 12U);
  EXPECT_FALSE(Receive(ring, 2, &value));
  for (uint64_t i = 0; i < 4; i++) EXPECT_TRUE(Send(ring, 1, i));
}

// A sender or receiver may end between its step in the slot and its step of the position.
TEST_F(MpmcRingTest, PositionsThatLagAreMovedOn) {
  Make(4);
  MpmcRing ring = this->ring();
  uint64_t value = 0;
  for (uint64_t i = 0; i < 3; i++) ASSERT_TRUE(Send(ring, 1, i));
  control_->sent.store(0, std::memory_order_relaxed);
  ASSERT_TRUE(Send(ring, 1, 3));
  EXPECT_FALSE(Send(ring, 1, 4));
  for (uint64_t i = 0; i < 3; i++) ASSERT_TRUE(Receive(ring, 1, &value));
  control_->received.store(1, std::memory_order_relaxed);
  ASSERT_TRUE(Receive(ring, 1, &value));
  EXPECT_EQ(value, 3U);
  control_->sent.store(2, std::memory_order_relaxed);
  for (uint64_t i = 0; i < 4; i++) ASSERT_TRUE(Send(ring, 1, i));
  EXPECT_FALSE(Send(ring, 1, 4));
  EXPECT_FALSE(ring.corrupt());
}

// Each side knows by itself where to begin, and falls behind when it is idle.
TEST_F(MpmcRingTest, ASideThatWasIdleFindsItsPlace) {
  for (const uint32_t capacity : {1U, 2U, 8U, 128U}) {
    Make(capacity);
    MpmcRing busy = ring();
    MpmcRing idle = ring();
    uint64_t value = 0;
    uint64_t next = 0;
    for (const uint64_t meanwhile : {1U, 3U, 7U, 64U, 1000U}) {
      for (uint64_t i = 0; i < meanwhile; i++) {
        ASSERT_TRUE(Send(busy, 1, next));
        ASSERT_TRUE(Receive(busy, 1, &value));
        ASSERT_EQ(value, next++);
      }
      EXPECT_FALSE(idle.HasMessage());
      EXPECT_TRUE(idle.HasRoom());
      ASSERT_TRUE(Send(idle, 2, next));
      EXPECT_TRUE(idle.HasMessage());
      ASSERT_TRUE(Receive(idle, 2, &value));
      ASSERT_EQ(value, next++);
      // And who comes new, whatever it can know from the shared positions.
      MpmcRing newcomer = ring();
      ASSERT_TRUE(Send(newcomer, 3, next));
      ASSERT_TRUE(Receive(newcomer, 3, &value));
      ASSERT_EQ(value, next++);
    }
    EXPECT_FALSE(busy.corrupt());
    EXPECT_FALSE(idle.corrupt());
  }
}

TEST_F(MpmcRingTest, WordsThatCannotBeAreNotBelieved) {
  const uint64_t words[] = {
      uint64_t{3} << 14,       // another slot's
      uint64_t{8} << 14 | 5,   // no such phase
      ~uint64_t{0} << 18 | 1,  // two laps behind
  };
  for (const uint64_t nonsense : words) {
    Make(8);
    MpmcRing sender = ring();
    MpmcRing receiver = ring();
    slots_[0] = nonsense;
    uint64_t value = 0;
    EXPECT_FALSE(Send(sender, 1, 0));
    EXPECT_TRUE(sender.corrupt());
    EXPECT_TRUE(sender.HasRoom()) << "a claim says more";
    EXPECT_FALSE(Receive(receiver, 2, &value));
    EXPECT_TRUE(receiver.corrupt());
    EXPECT_TRUE(receiver.HasMessage()) << "taking says more";
  }
}

// Each word is what it may be after a long time, and leads on to a later one, round and round.
TEST_F(MpmcRingTest, WordsThatLeadInACircleEndEveryCall) {
  for (const uint64_t phase : {1U, 2U, 4U}) {  // claimed, ready, taken
    Make(4);
    MpmcRing sender = ring();
    MpmcRing receiver = ring();
    for (uint64_t i = 0; i < 4; i++) slots_[2 * i] = ((i << 48) + i) << 14 | phase;
    uint64_t value = 0;
    EXPECT_FALSE(Send(sender, 1, 0)) << phase;
    EXPECT_TRUE(sender.corrupt()) << phase;
    while (!receiver.corrupt() && Receive(receiver, 2, &value)) {
    }
    EXPECT_EQ(receiver.corrupt(), phase != 1) << phase;
  }
}

TEST_F(MpmcRingTest, NonsenseInMemoryEndsEveryCall) {
  const uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  RecordProperty("seed", std::to_string(seed));
  for (int round = 0; round < 2000; round++) {
    Make(8);
    MpmcRing ring = this->ring();
    for (uint64_t& word : slots_) {
      // Words near what could be, and any.
      const uint64_t near = (random() % 32) << 14 | random() % 8 | (random() % 4) << 3;
      word = random() % 3 == 0 ? random() : near;
    }
    control_->sent.store(random() % 24, std::memory_order_relaxed);
    control_->received.store(random() % 3 == 0 ? random() : random() % 24,
                             std::memory_order_relaxed);
    uint64_t value;
    for (int i = 0; i < 40; i++) {
      Send(ring, 1, 0);
      Receive(ring, 1, &value);
    }
    ring.Recover(1);
  }
}

TEST_F(MpmcRingTest, EveryMessageComesOnceWhileSidesDie) {
  constexpr uint32_t kSenders = 2;
  constexpr uint32_t kReceivers = 2;
  constexpr uint64_t kEach = 30'000;
  Make(32);
  const uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::vector<std::thread> threads;
  std::vector<std::vector<uint64_t>> got(kReceivers);
  std::vector<uint64_t> lost(kReceivers, 0);
  std::atomic<uint64_t> left{kSenders * kEach};
  for (uint32_t s = 0; s < kSenders; s++) {
    threads.emplace_back([this, s, seed] {
      std::mt19937 random(static_cast<uint32_t>(seed) + s);
      MpmcRing ring = this->ring();
      for (uint64_t i = 0; i < kEach;) {
        if (random() % 50 == 0) {  // dies with a claim
          if (ring.Claim(s).message != nullptr) ring.Recover(s);
          continue;
        }
        if (Send(ring, s, s * kEach + i)) {
          i++;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (uint32_t r = 0; r < kReceivers; r++) {
    threads.emplace_back([this, r, seed, &got, &lost, &left] {
      std::mt19937 random(static_cast<uint32_t>(seed) + 100 + r);
      MpmcRing ring = this->ring();
      uint64_t value;
      while (left.load(std::memory_order_relaxed) > 0) {
        if (random() % 50 == 0) {  // dies while it reads
          if (Take(ring, kSenders + r).message == nullptr) continue;
          lost[r] += ring.Recover(kSenders + r).lost;
          left.fetch_sub(1, std::memory_order_relaxed);
        } else if (Receive(ring, kSenders + r, &value)) {
          got[r].push_back(value);
          left.fetch_sub(1, std::memory_order_relaxed);
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<uint32_t> seen(kSenders * kEach, 0);
  uint64_t count = lost[0] + lost[1];
  for (const auto& values : got) {
    std::vector<int64_t> last(kSenders, -1);
    for (const uint64_t value : values) {
      ASSERT_LT(value, seen.size());
      seen[value]++;
      const uint64_t sender = value / kEach;
      EXPECT_GT(static_cast<int64_t>(value), last[sender]) << "of one sender, in order";
      last[sender] = static_cast<int64_t>(value);
    }
    count += values.size();
  }
  EXPECT_EQ(count, kSenders * kEach);
  for (const uint32_t times : seen) ASSERT_LE(times, 1U);
}

}  // namespace
}  // namespace moirai
