#include "core/channel/spsc_ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace moirai {
namespace {

struct Memory {
  explicit Memory(uint32_t capacity) : slots(capacity * sizeof(uint64_t)), capacity(capacity) {}
  SpscSender sender() { return {control, slots.data(), capacity, sizeof(uint64_t)}; }
  SpscReceiver receiver() { return {control, slots.data(), capacity, sizeof(uint64_t)}; }
  SpscControl control;
  std::vector<uint8_t> slots;
  uint32_t capacity;
};

void Write(uint8_t* slot, uint64_t value) {
  if (slot == nullptr) {
    ADD_FAILURE() << "no slot";
    return;
  }
  std::memcpy(slot, &value, sizeof(value));
}
uint64_t Read(const uint8_t* slot) {
  uint64_t value;
  std::memcpy(&value, slot, sizeof(value));
  return value;
}

TEST(SpscRing, TakesAsManyAsItHoldsAndGivesThemBackInOrder) {
  Memory memory(4);
  SpscSender sender = memory.sender();
  SpscReceiver receiver = memory.receiver();
  for (uint64_t lap = 0; lap < 5; lap++) {
    for (uint64_t i = 0; i < 4; i++) {
      const SlotRun run = sender.Claim(1);
      ASSERT_EQ(run.count, 1U);
      Write(run.first, lap * 4 + i);
      sender.Commit(1);
    }
    EXPECT_EQ(sender.Claim(1).count, 0U);
    for (uint64_t i = 0; i < 4; i++) {
      const SlotRun run = receiver.Peek(1);
      ASSERT_EQ(run.count, 1U);
      EXPECT_EQ(Read(run.first), lap * 4 + i);
      receiver.Release(1);
    }
    EXPECT_EQ(receiver.Peek(1).count, 0U);
  }
}

TEST(SpscRing, AClaimThatIsNotCommittedIsNotSeen) {
  Memory memory(4);
  SpscSender sender = memory.sender();
  SpscReceiver receiver = memory.receiver();
  Write(sender.Claim(1).first, 1);
  EXPECT_EQ(receiver.Peek(1).count, 0U);
  SpscSender successor = memory.sender();
  Write(successor.Claim(1).first, 2);
  successor.Commit(1);
  EXPECT_EQ(Read(receiver.Peek(1).first), 2U);
}

TEST(SpscRing, RunsEndAtTheEndOfTheMemory) {
  Memory memory(8);
  SpscSender sender = memory.sender();
  SpscReceiver receiver = memory.receiver();
  ASSERT_EQ(sender.Claim(6).count, 6U);
  sender.Commit(6);
  ASSERT_EQ(receiver.Peek(100).count, 6U);
  receiver.Release(5);
  EXPECT_EQ(sender.Claim(100).count, 2U);
  sender.Commit(2);
  EXPECT_EQ(sender.Claim(100).count, 5U);
  sender.Commit(5);
  EXPECT_EQ(sender.Claim(100).count, 0U);
  EXPECT_EQ(receiver.Peek(100).count, 3U);
  receiver.Release(3);
  EXPECT_EQ(receiver.Peek(100).count, 5U);
}

TEST(SpscRing, PositionsWrap) {
  for (const uint32_t before : {1U, 2U, 3U, 4U}) {
    Memory memory(4);
    memory.control.sent.store(0U - before, std::memory_order_relaxed);
    memory.control.received.store(0U - before, std::memory_order_relaxed);
    SpscSender sender = memory.sender();
    SpscReceiver receiver = memory.receiver();
    for (uint64_t next = 0; next < 24; next += 4) {
      for (uint64_t i = 0; i < 4; i++) {
        Write(sender.Claim(1).first, next + i);
        sender.Commit(1);
      }
      EXPECT_EQ(sender.Claim(1).count, 0U);
      for (uint64_t i = 0; i < 4; i++) {
        const SlotRun run = receiver.Peek(1);
        ASSERT_EQ(run.count, 1U);
        EXPECT_EQ(Read(run.first), next + i);
        receiver.Release(1);
      }
      EXPECT_EQ(receiver.Peek(1).count, 0U);
    }
    EXPECT_FALSE(sender.corrupt());
    EXPECT_FALSE(receiver.corrupt());
  }
}

TEST(SpscRing, ASideCanBeTakenOver) {
  Memory memory(4);
  SpscSender sender = memory.sender();
  SpscReceiver receiver = memory.receiver();
  for (uint32_t lap = 1; lap <= 3; lap++) {
    // Somebody else has sent and received meanwhile.
    memory.control.sent.store(lap * 100 + 1, std::memory_order_relaxed);
    memory.control.received.store(lap * 100, std::memory_order_relaxed);
    sender.Resume();
    receiver.Resume();
    EXPECT_EQ(sender.Claim(10).count, 3U);
    sender.Commit(3);
    EXPECT_EQ(receiver.Peek(10).count, 4U);
    receiver.Release(4);
  }
}

TEST(SpscRing, PositionsThatCannotBeAreNotBelieved) {
  for (const uint32_t nonsense : {5U, ~0U, 1U << 31}) {
    Memory memory(4);
    SpscSender sender = memory.sender();
    SpscReceiver receiver = memory.receiver();
    memory.control.sent.store(nonsense, std::memory_order_relaxed);
    EXPECT_EQ(receiver.Peek(100).count, 0U);
    EXPECT_TRUE(receiver.corrupt());
    memory.control.received.store(nonsense, std::memory_order_relaxed);
    ASSERT_EQ(sender.Claim(4).count, 4U);
    sender.Commit(4);
    EXPECT_EQ(sender.Claim(1).count, 0U);
    EXPECT_TRUE(sender.corrupt());
  }
}

TEST(SpscRing, EveryMessageComesOnceAndInOrderBetweenThreads) {
  constexpr uint64_t kMessages = 300'000;
  Memory memory(64);
  std::thread thread([&memory] {
    SpscSender sender = memory.sender();
    for (uint64_t next = 0; next < kMessages;) {
      const SlotRun run = sender.Claim(static_cast<uint32_t>(next % 7 + 1));
      const uint64_t left = kMessages - next;
      const uint32_t count = run.count < left ? run.count : static_cast<uint32_t>(left);
      for (uint32_t i = 0; i < count; i++) Write(run.first + i * sizeof(uint64_t), next++);
      if (count > 0) sender.Commit(count);
      if (count == 0) std::this_thread::yield();
    }
  });
  SpscReceiver receiver = memory.receiver();
  uint64_t wrong = 0;
  for (uint64_t next = 0; next < kMessages;) {
    const SlotRun run = receiver.Peek(static_cast<uint32_t>(next % 5 + 1));
    for (uint32_t i = 0; i < run.count; i++) {
      if (Read(run.first + i * sizeof(uint64_t)) != next++) wrong++;
    }
    if (run.count > 0) receiver.Release(run.count);
    if (run.count == 0) std::this_thread::yield();
  }
  thread.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(receiver.Peek(1).count, 0U);
  EXPECT_FALSE(receiver.corrupt());
}

}  // namespace
}  // namespace moirai
