// Ticks against CLOCK_MONOTONIC: never further off than the clock itself says it may be.
#include "core/base/ticks.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace moirai {
namespace {

TEST(Ticks, NeverGoBackOnOneThread) {
  TickClock& clock = TickClock::Process();
  clock.Start();
  uint64_t last = clock.Now();
  for (int i = 0; i < 100'000; i++) {
    const uint64_t now = clock.Now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Ticks, MeasureWhatTheMonotonicClockMeasuresWithinTheStatedError) {
  TickClock& clock = TickClock::Process();
  clock.Start();
  for (int i = 0; i < 20; i++) {
    // CLOCK_MONOTONIC reads lie around the ticks first, between them then: a lower and an upper
    // bound of the time between the ticks, however long this thread is kept from running.
    const uint64_t ns_before = NowNs();
    const uint64_t ticks_start = clock.Now();
    const uint64_t ns_start = NowNs();
    timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
    const uint64_t ns_end = NowNs();
    const uint64_t ticks_end = clock.Now();
    const uint64_t ns_after = NowNs();
    const TickClock::Rate rate = clock.Refine();
    const double measured = clock.Between(ticks_start, ticks_end);
    // Beside the rate's own error, the kernel may slew its clock by 500 ppm.
    const double error = rate.error + 500e-6;
    EXPECT_GE(measured * (1 + error), static_cast<double>(ns_end - ns_start));
    EXPECT_LE(measured * (1 - error), static_cast<double>(ns_after - ns_before));
  }
}

TEST(Ticks, TheErrorShrinksAsTimePasses) {
  TickClock& clock = TickClock::Process();
  clock.Start();
  if (!clock.IsCounter()) GTEST_SKIP() << "this kernel does not keep time by the counter";
  // Ends by itself: what divides the error grows.
  while (clock.Refine().error > 1e-4) {
    timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  SUCCEED();
}

TEST(Ticks, ADifferenceTheOtherWayRoundIsZero) {
  TickClock& clock = TickClock::Process();
  clock.Start();
  EXPECT_EQ(clock.Between(10, 5), 0);
  EXPECT_EQ(clock.Between(5, 5), 0);
}

TEST(Ticks, StartFromManyThreadsIsOne) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; i++) {
    threads.emplace_back([] {
      TickClock::Process().Start();
      const TickClock::Rate rate = TickClock::Process().Refine();
      EXPECT_GT(rate.ns_per_tick, 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace moirai
