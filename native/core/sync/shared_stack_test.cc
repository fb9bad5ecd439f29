#include "core/sync/shared_stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "core/sync/shared_memory_test.h"

namespace moirai {
namespace {

using Result = SharedStack::Result;

struct Opened {
  explicit Opened(uint32_t capacity, uint32_t value_bytes = 8)
      : memory(SharedStack::BytesFor(capacity, value_bytes)) {
    EXPECT_TRUE(stack.Open(memory.data(), memory.bytes(), capacity, value_bytes));
  }
  bool Push(uint64_t value) { return stack.Push(&value, sizeof(value)) == Result::kDone; }
  bool Pop(uint64_t* value) {
    uint32_t bytes = 0;
    return stack.Pop(value, &bytes) == Result::kDone && bytes == sizeof(*value);
  }
  SharedMemory memory;
  SharedStack stack;
};

TEST(SharedStack, GivesTheLastFirstAndRefusesWhatDoesNotFit) {
  Opened opened(3);
  for (uint64_t i = 1; i <= 3; i++) EXPECT_TRUE(opened.Push(i));
  EXPECT_FALSE(opened.Push(4));
  EXPECT_EQ(opened.stack.Size(), 3U);
  uint64_t value = 0;
  for (uint64_t i = 3; i >= 1; i--) {
    EXPECT_TRUE(opened.Pop(&value));
    EXPECT_EQ(value, i);
  }
  EXPECT_FALSE(opened.Pop(&value));
  EXPECT_EQ(opened.stack.Size(), 0U);
}

TEST(SharedStack, KeepsTheLengthOfAValue) {
  Opened opened(2, 5);
  ASSERT_EQ(opened.stack.Push("abc", 3), Result::kDone);
  char out[8] = {};
  uint32_t bytes = 0;
  ASSERT_EQ(opened.stack.Pop(out, &bytes), Result::kDone);
  EXPECT_EQ(std::string(out, bytes), "abc");
}

TEST(SharedStack, OpensOnlyWhatIsOfItsShape) {
  const Opened opened(8);
  SharedStack other;
  auto* const data = opened.memory.data();
  EXPECT_TRUE(other.Open(data, opened.memory.bytes(), 8, 8));
  EXPECT_FALSE(other.Open(data, opened.memory.bytes(), 7, 8));
  EXPECT_FALSE(other.Open(data, opened.memory.bytes(), 8, 7));
  EXPECT_FALSE(other.Open(data, opened.memory.bytes() - 1, 8, 8));
  EXPECT_FALSE(other.Open(data + 8, opened.memory.bytes(), 8, 8));
  EXPECT_EQ(SharedStack::BytesFor(0, 8), 0U);
  EXPECT_EQ(SharedStack::BytesFor(SharedStack::kMaxCapacity + 1, 8), 0U);
}

// Every value arrives exactly once, whoever pushes and whoever pops.
TEST(SharedStack, LosesAndDoublesNothingBetweenThreads) {
  constexpr uint64_t kEach = 20'000;
  constexpr uint32_t kThreads = 4;
  Opened opened(64);
  std::vector<std::vector<uint64_t>> popped(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (uint32_t t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      uint64_t value = 0;
      for (uint64_t i = 0; i < kEach; i++) {
        while (!opened.Push(t * kEach + i)) {
          if (opened.Pop(&value)) popped[t].push_back(value);
        }
        if (i % 2 == 1 && opened.Pop(&value)) popped[t].push_back(value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t value = 0;
  while (opened.Pop(&value)) popped[0].push_back(value);
  std::vector<uint64_t> all;
  for (const auto& some : popped) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  std::vector<uint64_t> expected(kThreads * kEach);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

TEST(SharedStack, SurvivesTheDeathOfProcessesAtTheCostOfANodeEach) {
  constexpr uint32_t kCapacity = 256;
  constexpr uint32_t kKills = 40;
  const auto seed = std::random_device{}();
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Opened opened(kCapacity, 64);
  for (uint32_t i = 0; i < kKills; i++) {
    RunAndKill(random() % 1'000'000, [&] {
      for (uint64_t n = 0;; n++) {
        uint64_t value[8];
        uint32_t bytes = 0;
        std::fill(value, value + 8, n);
        opened.stack.Push(value, sizeof(value));
        if (n % 3 != 0) opened.stack.Pop(value, &bytes);
      }
    });
  }
  uint32_t left = 0;
  uint64_t value[8];
  uint32_t bytes = 0;
  while (opened.stack.Pop(value, &bytes) == Result::kDone) {
    ASSERT_EQ(bytes, sizeof(value));
    for (const uint64_t word : value) ASSERT_EQ(word, value[0]);  // no half of one
    left++;
  }
  EXPECT_LE(left, kCapacity);
  uint32_t room = 0;
  while (opened.stack.Push(value, sizeof(value)) == Result::kDone) room++;
  EXPECT_GE(room, kCapacity - kKills);
}

TEST(SharedStack, SurvivesNonsenseInItsMemory) {
  const auto seed = std::random_device{}();
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; round++) {
    Opened opened(16, 24);
    uint8_t value[24] = {};
    uint32_t bytes = 0;
    for (int i = 0; i < 10; i++) opened.stack.Push(value, sizeof(value));
    for (int i = 0; i < 20; i++) {
      opened.memory.data()[random() % opened.memory.bytes()] = static_cast<uint8_t>(random());
    }
    for (int i = 0; i < 60; i++) {
      if (random() % 2 == 0) {
        opened.stack.Push(value, sizeof(value));
      } else if (opened.stack.Pop(value, &bytes) == Result::kDone) {
        ASSERT_LE(bytes, sizeof(value));
      }
    }
    ASSERT_LE(opened.stack.Size(), 16U);
  }
}

}  // namespace
}  // namespace moirai
