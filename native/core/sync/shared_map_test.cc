#include "core/sync/shared_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/sync/shared_memory_test.h"

namespace moirai {
namespace {

using Result = SharedMap::Result;

struct Opened {
  explicit Opened(SharedMap::Shape shape) : memory(SharedMap::BytesFor(shape)) {
    EXPECT_TRUE(map.Open(memory.data(), memory.bytes(), shape, CurrentThreadToken()));
    out.resize(map.room());
  }
  static SharedMap::Key KeyOf(uint64_t number) {
    SharedMap::Key key;
    key.Set(1, &number, sizeof(number));
    return key;
  }
  Result Set(uint64_t key, const std::string& text) {
    return map.Set(KeyOf(key), {reinterpret_cast<const uint8_t*>(text.data()),
                                static_cast<uint32_t>(text.size())});
  }
  std::string Get(uint64_t key) {
    uint32_t bytes = 0;
    return map.Get(KeyOf(key), out.data(), &bytes) == Result::kDone
               ? std::string(reinterpret_cast<const char*>(out.data()), bytes)
               : "?";
  }
  uint32_t Counted() {
    uint32_t count = 0;
    std::vector<uint8_t> entries(1 << 16);
    for (uint32_t bucket = 0; bucket < map.buckets(); bucket++) {
      uint64_t used = 0;
      EXPECT_EQ(map.Bucket(bucket, entries.data(), entries.size(), &used), Result::kDone);
      for (uint64_t at = 0; at < used; count++) {
        uint32_t head[4];
        std::memcpy(head, entries.data() + at, sizeof(head));
        at += 16 + (head[1] + 7) / 8 * 8 + (head[2] + 7) / 8 * 8;
      }
    }
    return count;
  }
  SharedMemory memory;
  SharedMap map;
  std::vector<uint8_t> out;
};

TEST(SharedMap, DoesWhatAMapDoes) {
  const auto seed = std::random_device{}();
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Opened opened({50, 8, 20});
  std::map<uint64_t, std::string> model;
  for (int i = 0; i < 20'000; i++) {
    const uint64_t key = random() % 80;
    const auto found = model.find(key);
    const std::string value(random() % 21, static_cast<char>('a' + random() % 26));
    switch (random() % 4) {
      case 0:
        ASSERT_EQ(opened.Get(key), found == model.end() ? "?" : found->second);
        break;
      case 1:
        ASSERT_EQ(opened.map.Delete(Opened::KeyOf(key)),
                  found == model.end() ? Result::kAbsent : Result::kDone);
        model.erase(key);
        break;
      default: {
        const bool full = found == model.end() && model.size() == 50;
        ASSERT_EQ(opened.Set(key, value), full ? Result::kFull : Result::kDone);
        if (!full) model[key] = value;
      }
    }
    ASSERT_EQ(opened.map.Size(), model.size());
  }
  EXPECT_EQ(opened.Counted(), model.size());
}

TEST(SharedMap, TellsKeysOfEqualBytesApartByTheirType) {
  Opened opened({4, 8, 8});
  SharedMap::Key text;
  text.Set(0, "abcdefgh", 8);
  SharedMap::Key number;
  number.Set(1, "abcdefgh", 8);
  ASSERT_EQ(opened.map.Set(text, {nullptr, 0}), Result::kDone);
  EXPECT_EQ(opened.map.Has(text), Result::kDone);
  EXPECT_EQ(opened.map.Has(number), Result::kAbsent);
}

TEST(SharedMap, ReplacesAlsoWhenItIsFull) {
  Opened opened({64, 8, 8});
  for (uint64_t key = 0; key < 64; key++) ASSERT_EQ(opened.Set(key, "a"), Result::kDone);
  EXPECT_EQ(opened.Set(64, "a"), Result::kFull);
  for (uint64_t key = 0; key < 64; key++) ASSERT_EQ(opened.Set(key, "b"), Result::kDone);
  EXPECT_EQ(opened.Get(63), "b");
}

TEST(SharedMap, ChangesOnlyWhatIsAsExpected) {
  Opened opened({4, 8, 8});
  const SharedMap::Value one{reinterpret_cast<const uint8_t*>("1"), 1};
  const SharedMap::Value two{reinterpret_cast<const uint8_t*>("22"), 2};
  const SharedMap::Key key = Opened::KeyOf(7);
  EXPECT_EQ(opened.map.CompareAndSet(key, &one, &two), Result::kDiffers);
  EXPECT_EQ(opened.map.CompareAndSet(key, nullptr, &one), Result::kDone);
  EXPECT_EQ(opened.map.CompareAndSet(key, nullptr, &two), Result::kDiffers);
  EXPECT_EQ(opened.map.CompareAndSet(key, &two, &one), Result::kDiffers);
  EXPECT_EQ(opened.map.CompareAndSet(key, &one, &two), Result::kDone);
  EXPECT_EQ(opened.Get(7), "22");
  EXPECT_EQ(opened.map.CompareAndSet(key, &two, nullptr), Result::kDone);
  EXPECT_EQ(opened.map.Has(key), Result::kAbsent);
}

// A value is 64 equal bytes at any time: a reader that sees two different ones saw it torn.
bool Whole(const std::string& value) {
  return value.size() == 64 && std::count(value.begin(), value.end(), value[0]) == 64;
}

TEST(SharedMap, ShowsNoTornValueBetweenThreads) {
  Opened opened({8, 8, 64});
  std::atomic<bool> stop{false};
  const auto write = [&](uint64_t from) {
    SharedMap own;
    ASSERT_TRUE(
        own.Open(opened.memory.data(), opened.memory.bytes(), {8, 8, 64}, CurrentThreadToken()));
    std::mt19937 random(static_cast<uint32_t>(from));
    for (int i = 0; i < 30'000; i++) {
      const std::string value(64, static_cast<char>(random()));
      const SharedMap::Key key = Opened::KeyOf(random() % 8);
      if (random() % 4 == 0) {
        own.Delete(key);
      } else {
        own.Set(key, {reinterpret_cast<const uint8_t*>(value.data()), 64});
      }
    }
  };
  std::thread reader([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      for (uint64_t key = 0; key < 8; key++) {
        const std::string value = opened.Get(key);
        ASSERT_TRUE(value == "?" || Whole(value));
      }
    }
  });
  std::thread a(write, 1);
  std::thread b(write, 2);
  a.join();
  b.join();
  stop.store(true, std::memory_order_relaxed);
  reader.join();
  EXPECT_EQ(opened.map.Size(), opened.Counted());
}

TEST(SharedMap, IsWholeAfterWritersWereKilledAtAnyInstant) {
  const auto seed = std::random_device{}();
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  constexpr SharedMap::Shape kShape{32, 8, 64};
  Opened opened(kShape);
  for (int i = 0; i < 60; i++) {
    const auto own_seed = random();
    RunAndKill(random() % 1'500'000, [&] {
      std::mt19937 mine(own_seed);
      SharedMap map;
      map.Open(opened.memory.data(), opened.memory.bytes(), kShape, CurrentThreadToken());
      for (;;) {
        const std::string value(64, static_cast<char>(mine()));
        const SharedMap::Key key = Opened::KeyOf(mine() % 40);
        if (mine() % 3 == 0) {
          map.Delete(key);
        } else {
          map.Set(key, {reinterpret_cast<const uint8_t*>(value.data()), 64});
        }
      }
    });
    for (uint64_t key = 0; key < 40; key++) {
      const std::string value = opened.Get(key);
      ASSERT_TRUE(value == "?" || Whole(value));
    }
    // Whatever was left locked is to be had, and no slot is lost for good.
    for (uint64_t key = 0; key < 40; key++) opened.map.Delete(Opened::KeyOf(key));
    ASSERT_EQ(opened.Counted(), 0U);
    for (uint64_t key = 0; key < 32; key++) {
      ASSERT_EQ(opened.Set(key, std::string(64, 'x')), Result::kDone) << "kill " << i;
    }
    ASSERT_EQ(opened.Set(99, "x"), Result::kFull);
    ASSERT_EQ(opened.map.Size(), 32U);
  }
}

TEST(SharedMap, SurvivesNonsenseInItsMemory) {
  const auto seed = std::random_device{}();
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; round++) {
    Opened opened({16, 8, 24});
    for (uint64_t key = 0; key < 12; key++) opened.Set(key, std::string(24, 'x'));
    for (int i = 0; i < 30; i++) {
      opened.memory.data()[random() % opened.memory.bytes()] = static_cast<uint8_t>(random());
    }
    std::vector<uint8_t> entries(4096);
    uint64_t used = 0;
    for (uint64_t key = 0; key < 20; key++) {
      opened.Get(key);
      opened.Set(key, "y");
      opened.map.Delete(Opened::KeyOf(key));
    }
    for (uint32_t i = 0; i < opened.map.buckets(); i++) {
      opened.map.Bucket(i, entries.data(), entries.size(), &used);
    }
    ASSERT_LE(opened.map.Size(), 16U);
  }
}

}  // namespace
}  // namespace moirai
