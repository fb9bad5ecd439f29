#include "core/realtime/tick_record.h"

#include <gtest/gtest.h>

#include <thread>

namespace moirai {
namespace {

TEST(RecordRing, KeepsTheLastOnes) {
  static RecordRing<4, 2> ring;
  uint64_t read[2];
  EXPECT_FALSE(ring.Read(0, read));
  for (uint64_t i = 0; i < 6; i++) ring.Write({i, 10 * i});
  EXPECT_EQ(ring.written(), 6U);
  EXPECT_FALSE(ring.Read(1, read));
  EXPECT_FALSE(ring.Read(6, read));
  for (uint64_t i = 2; i < 6; i++) {
    ASSERT_TRUE(ring.Read(i, read));
    EXPECT_EQ(read[1], 10 * i);
  }
}

// Every number of an entry is its index: an entry that is read is whole.
TEST(RecordRing, AReaderNeverSeesHalfAnEntry) {
  static RecordRing<2, 8> ring;
  constexpr uint64_t kWrites = 200'000;
  std::thread writer([] {
    for (uint64_t i = 0; i < kWrites; i++) ring.Write({i, i, i, i, i, i, i, i});
  });
  uint64_t numbers[8];
  for (uint64_t written = 0; written < kWrites; written = ring.written()) {
    if (written == 0 || !ring.Read(written - 1, numbers)) continue;
    for (const uint64_t number : numbers) ASSERT_EQ(number, written - 1);
  }
  writer.join();
  ASSERT_TRUE(ring.Read(kWrites - 1, numbers));
}

}  // namespace
}  // namespace moirai
