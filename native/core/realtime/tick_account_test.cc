#include "core/realtime/tick_account.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "core/base/clock.h"

namespace moirai {
namespace {

struct Books {
  Books() { std::memset(static_cast<void*>(record.get()), 0, sizeof(TickRecord)); }
  const std::unique_ptr<TickRecord> record{new TickRecord};
  TickAccount account{*record};
};

TEST(TickAccount, NumbersTicksAndSaysWhenTheThreadWasFree) {
  Books books;
  books.account.Open(3, 900);
  const TickCounters& counters = books.record->tasks[3];
  EXPECT_EQ(counters.state.load(), static_cast<uint32_t>(TickState::kRunning));
  EXPECT_EQ(counters.ended.load(), 900U);

  EXPECT_EQ(books.account.Begin(3, 1010), 1U);
  books.account.End(3, 1000, 2500);
  TickSchedule::Outcome late;
  late.missed = late.overrun = true;
  late.skipped = 1;
  books.account.Note(3, 1000, late);

  EXPECT_EQ(books.account.Begin(3, 3020), 2U);
  books.account.End(3, 2000, 3100);
  late.skipped = 0;
  books.account.Note(3, 2000, late);

  EXPECT_EQ(counters.ticks.load(), 2U);
  EXPECT_EQ(counters.misses.load(), 2U);
  EXPECT_EQ(counters.overruns.load(), 2U);
  EXPECT_EQ(counters.skipped.load(), 1U);
  uint64_t miss[MissRecord::kNumbers];
  ASSERT_TRUE(books.record->misses.Read(0, miss));
  EXPECT_EQ(miss[MissRecord::kFree], 1000U);  // nothing ran before its release
  ASSERT_TRUE(books.record->misses.Read(1, miss));
  EXPECT_EQ(miss[MissRecord::kTick], 2U);
  EXPECT_EQ(miss[MissRecord::kRelease], 2000U);
  EXPECT_EQ(miss[MissRecord::kBegin], 3020U);
  EXPECT_EQ(miss[MissRecord::kEnd], 3100U);
  EXPECT_EQ(miss[MissRecord::kFree], 2500U);  // the end of the tick before

  books.account.Close(3, TickState::kStopped);
  EXPECT_EQ(counters.state.load(), static_cast<uint32_t>(TickState::kStopped));
}

TEST(TickAccount, AMissHasWhatTheThreadDidSinceItBegan) {
  Books books;
  books.account.Open(0, 0);
  const uint64_t now = NowNs();
  books.account.SetCpuWindow(1'000'000'000, now);
  books.account.EventLoopEnds(77);
  const uint64_t before = UseOfThisThread().cpu_ns;
  books.account.Begin(0, now);
  volatile uint64_t sum = 0;
  for (uint64_t i = 0; i < 100'000; i++) sum = sum + i;
  books.account.End(0, now, NowNs());
  TickSchedule::Outcome late;
  late.missed = true;
  books.account.Note(0, now, late);
  const uint64_t used = UseOfThisThread().cpu_ns - before;
  uint64_t miss[MissRecord::kNumbers];
  ASSERT_TRUE(books.record->misses.Read(0, miss));
  EXPECT_EQ(miss[MissRecord::kLoopEnd], 77U);
  EXPECT_GT(miss[MissRecord::kCpuNs], 0U);
  EXPECT_LE(miss[MissRecord::kCpuNs], used);
  EXPECT_GE(miss[MissRecord::kWindowCpuNs], miss[MissRecord::kCpuNs]);
}

TEST(TickAccount, ATickThatEndsItsTaskIsCounted) {
  Books books;
  books.account.Open(0, 0);
  EXPECT_EQ(books.account.Begin(0, 10), 1U);
  books.account.End(0, 5, 20);
  EXPECT_EQ(books.record->tasks[0].ticks.load(), 1U);
  EXPECT_EQ(books.account.last_end(), 20U);
  EXPECT_FALSE(books.account.IsStopAsked(0));
  books.record->tasks[0].stop.store(1);
  EXPECT_TRUE(books.account.IsStopAsked(0));
}

}  // namespace
}  // namespace moirai
