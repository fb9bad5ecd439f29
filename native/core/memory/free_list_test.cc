// No block is in two hands, none is lost, and whoever ends gives back what it had.
#include "core/memory/free_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "core/memory/block_cache.h"

namespace moirai {
namespace {

struct Memory {
  explicit Memory(uint32_t blocks)
      : links(std::make_unique<FreeList::Link[]>(blocks)), list(&head, links.get(), blocks) {}
  FreeList::Head head{};
  std::unique_ptr<FreeList::Link[]> links;
  FreeList list;

  // Takes whatever is left, one by one.
  std::vector<uint32_t> Rest() {
    std::vector<uint32_t> numbers;
    uint32_t number;
    while (list.Take(&number, 1) == 1) numbers.push_back(number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }
};

std::vector<uint32_t> AllOf(uint32_t blocks) {
  std::vector<uint32_t> numbers(blocks);
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

TEST(FreeList, ZeroedMemoryHasEveryBlockOnce) {
  Memory memory(100);
  EXPECT_EQ(memory.list.EverTaken(), 0U);
  EXPECT_EQ(memory.Rest(), AllOf(100));
  EXPECT_EQ(memory.list.EverTaken(), 100U);
  uint32_t number;
  EXPECT_EQ(memory.list.Take(&number, 1), 0U);
}

TEST(FreeList, TakesWhatWasGivenLast) {
  Memory memory(8);
  uint32_t taken[3];
  ASSERT_EQ(memory.list.Take(taken, 3), 3U);
  const uint32_t given[] = {taken[1], taken[0], taken[2]};
  memory.list.Give(given, 3);
  uint32_t again[8];
  ASSERT_EQ(memory.list.Take(again, 8), 3U);  // linked blocks first, without fresh ones
  EXPECT_EQ(again[0], taken[2]);
  EXPECT_EQ(again[1], taken[0]);
  EXPECT_EQ(again[2], taken[1]);
  EXPECT_EQ(memory.Rest().size(), 5U);
}

// A takes 1 off the stack 1, 2 and is slow; meanwhile others take both and give 1 back. To the slow
// one the top is 1 as before, but 2 must not come to the top.
TEST(FreeList, AnExchangeFromBeforeFailsThoughTheSameBlockIsOnTop) {
  Memory memory(2);
  uint32_t both[2];
  ASSERT_EQ(memory.list.Take(both, 2), 2U);
  memory.list.Give(both, 2);
  uint64_t seen = memory.head.top.load(std::memory_order_relaxed);
  uint32_t others[2];
  ASSERT_EQ(memory.list.Take(others, 2), 2U);
  memory.list.Give(&others[0], 1);
  const uint64_t now = memory.head.top.load(std::memory_order_relaxed);
  EXPECT_EQ(seen & FreeList::kMaxBlocks, now & FreeList::kMaxBlocks);
  EXPECT_FALSE(memory.head.top.compare_exchange_strong(seen, others[1], std::memory_order_relaxed,
                                                       std::memory_order_relaxed));
}

TEST(FreeList, ANumberOutOfRangeIsToldAndNotFollowed) {
  Memory memory(4);
  uint32_t taken[4];
  ASSERT_EQ(memory.list.Take(taken, 4), 4U);
  memory.list.Give(taken, 4);
  memory.links[1].store(77, std::memory_order_relaxed);
  uint32_t out[4];
  EXPECT_EQ(memory.list.Take(out, 4), FreeList::kCorrupt);
  memory.head.top.store(5, std::memory_order_relaxed);
  EXPECT_EQ(memory.list.Take(out, 1), FreeList::kCorrupt);
}

TEST(BlockCache, TheEndOfACacheGivesItsBlocksBack) {
  Memory memory(1000);
  {
    BlockCache cache(memory.list);
    std::vector<uint32_t> held(300);
    for (uint32_t& number : held) number = cache.Take();
    for (const uint32_t number : held) cache.Give(number);
  }
  EXPECT_EQ(memory.Rest(), AllOf(1000));
}

TEST(BlockCache, KeepsAtMostTwoBatches) {
  Memory memory(1000);
  BlockCache cache(memory.list, 16);
  std::vector<uint32_t> held(500);
  for (uint32_t& number : held) number = cache.Take();
  for (const uint32_t number : held) cache.Give(number);
  EXPECT_GE(memory.Rest().size(), 1000U - 32U);
}

TEST(BlockCache, OfAFewBlocksItKeepsFew) {
  Memory memory(5);
  BlockCache first(memory.list);
  BlockCache second(memory.list);
  const uint32_t one = first.Take();
  EXPECT_NE(one, FreeList::kNone);
  EXPECT_NE(second.Take(), FreeList::kNone);
  EXPECT_EQ(memory.Rest().size(), 3U);
  EXPECT_EQ(first.Take(), FreeList::kNone);
  first.Give(one);
  EXPECT_EQ(first.Take(), one);
}

// Threads take, hold, swap and give at random, alone and in batches, some through a cache. Each
// block says by a flag whether somebody has it, and is written to, so that ThreadSanitizer sees
// whether giving happens before the next taking.
TEST(FreeList, EveryBlockIsInOneHandAndNoneIsLost) {
  constexpr uint32_t kBlocks = 97;
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kTurns = 60'000;
  const uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  Memory memory(kBlocks);
  std::vector<std::atomic<uint8_t>> taken(kBlocks + 1);
  std::vector<uint64_t> contents(kBlocks + 1);
  std::atomic<uint32_t> doubles{0};
  const auto check_in = [&](uint32_t number) {
    doubles.fetch_add(taken[number].exchange(1, std::memory_order_relaxed),
                      std::memory_order_relaxed);
    contents[number]++;
  };
  const auto check_out = [&](uint32_t number) {
    contents[number]++;
    taken[number].store(0, std::memory_order_relaxed);
  };
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(seed + t);
      FreeList list = memory.list;
      BlockCache cache(list, 4);
      std::vector<uint32_t> held;
      for (uint32_t turn = 0; turn < kTurns; turn++) {
        const uint32_t choice = random() % 8;
        const auto count = static_cast<uint32_t>(1 + random() % 6);
        if (choice < 2) {
          uint32_t numbers[6];
          const uint32_t got = list.Take(numbers, count);
          for (uint32_t i = 0; i < got; i++) check_in(numbers[i]);
          held.insert(held.end(), numbers, numbers + got);
        } else if (choice < 4) {
          const uint32_t number = cache.Take();
          if (number == FreeList::kNone) continue;
          check_in(number);
          held.push_back(number);
        } else if (!held.empty()) {
          std::swap(held.back(), held[random() % held.size()]);
          const uint32_t most = std::min(count, static_cast<uint32_t>(held.size()));
          const uint32_t giving = choice < 6 ? most : 1;
          const uint32_t* const numbers = held.data() + (held.size() - giving);
          for (uint32_t i = 0; i < giving; i++) check_out(numbers[i]);
          if (choice < 6) {
            list.Give(numbers, giving);
          } else {
            cache.Give(numbers[0]);
          }
          held.resize(held.size() - giving);
        }
      }
      for (const uint32_t number : held) {
        check_out(number);
        cache.Give(number);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(doubles.load(std::memory_order_relaxed), 0U);
  EXPECT_EQ(memory.Rest(), AllOf(kBlocks));
  EXPECT_GT(std::accumulate(contents.begin(), contents.end(), uint64_t{0}), uint64_t{kTurns});
}

}  // namespace
}  // namespace moirai
