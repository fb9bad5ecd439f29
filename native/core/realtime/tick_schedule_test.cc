#include "core/realtime/tick_schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace moirai {
namespace {

using Order = TickSchedule::Order;
using OnOverrun = TickSchedule::OnOverrun;
using Verdict = TickSchedule::Verdict;

TickSchedule::Task Every(uint64_t period, OnOverrun on_overrun = OnOverrun::kSkip) {
  TickSchedule::Task task;
  task.period = period;
  task.deadline = period;
  task.first = period;
  task.on_overrun = on_overrun;
  return task;
}

TEST(TickSchedule, TheGridIsAbsolute) {
  EXPECT_EQ(TickSchedule::FirstRelease(0, 100, 0), 0U);
  EXPECT_EQ(TickSchedule::FirstRelease(1, 100, 0), 100U);
  EXPECT_EQ(TickSchedule::FirstRelease(100, 100, 0), 100U);
  EXPECT_EQ(TickSchedule::FirstRelease(101, 100, 30), 130U);
  EXPECT_EQ(TickSchedule::FirstRelease(5, 100, 30), 30U);
  // A phase of more than a period is one of the rest.
  EXPECT_EQ(TickSchedule::FirstRelease(131, 100, 230), 230U);
}

TEST(TickSchedule, ReleasesDoNotDriftHoweverLateTicksRun) {
  TickSchedule schedule(Order::kDeadline);
  ASSERT_TRUE(schedule.Add(0, Every(1000)));
  for (uint64_t i = 1; i <= 60'000; i++) {
    ASSERT_EQ(schedule.NextRelease(), i * 1000);
    ASSERT_EQ(schedule.Pick(i * 1000 + 7), 0);
    const TickSchedule::Outcome outcome = schedule.Finish(0, i * 1000 + 1 + i % 999);
    ASSERT_FALSE(outcome.missed || outcome.overrun);
  }
}

TEST(TickSchedule, NothingBeforeItsRelease) {
  TickSchedule schedule(Order::kDeadline);
  EXPECT_EQ(schedule.NextRelease(), UINT64_MAX);
  ASSERT_TRUE(schedule.Add(3, Every(100)));
  EXPECT_EQ(schedule.Pick(99), -1);
  EXPECT_EQ(schedule.Pick(100), 3);
}

TEST(TickSchedule, TheEarliestDeadlineGoesFirst) {
  TickSchedule schedule(Order::kDeadline);
  TickSchedule::Task slow = Every(1000);
  slow.first = 0;
  slow.deadline = 150;
  TickSchedule::Task fast = Every(100);
  ASSERT_TRUE(schedule.Add(0, fast));
  ASSERT_TRUE(schedule.Add(1, slow));
  EXPECT_EQ(schedule.Pick(50), 1);   // the other is not released
  EXPECT_EQ(schedule.Pick(100), 1);  // 150 before 200
  schedule.Finish(1, 120);
  EXPECT_EQ(schedule.Pick(120), 0);
}

TEST(TickSchedule, TheShortestPeriodGoesFirst) {
  TickSchedule schedule(Order::kPeriod);
  TickSchedule::Task slow = Every(1000);
  slow.first = 0;
  slow.deadline = 150;
  ASSERT_TRUE(schedule.Add(0, slow));
  ASSERT_TRUE(schedule.Add(1, Every(100)));
  ASSERT_TRUE(schedule.Add(2, Every(100)));
  EXPECT_EQ(schedule.Pick(50), 0);
  EXPECT_EQ(schedule.Pick(100), 1);  // and of equals the lower slot
  schedule.Finish(1, 110);
  EXPECT_EQ(schedule.Pick(110), 2);
}

TEST(TickSchedule, SkipGoesToTheNextAlignedTick) {
  TickSchedule schedule(Order::kDeadline);
  ASSERT_TRUE(schedule.Add(0, Every(100)));
  const TickSchedule::Outcome outcome = schedule.Finish(0, 430);
  EXPECT_TRUE(outcome.missed);
  EXPECT_TRUE(outcome.overrun);
  EXPECT_EQ(outcome.skipped, 3U);  // 200, 300, 400
  EXPECT_EQ(schedule.NextRelease(), 500U);
}

TEST(TickSchedule, AnEndAtTheNextReleaseIsNoOverrun) {
  TickSchedule schedule(Order::kDeadline);
  ASSERT_TRUE(schedule.Add(0, Every(100)));
  const TickSchedule::Outcome outcome = schedule.Finish(0, 200);
  EXPECT_FALSE(outcome.missed || outcome.overrun);
  EXPECT_EQ(schedule.Pick(200), 0);
}

TEST(TickSchedule, CatchUpRunsEveryTickUpToItsBound) {
  TickSchedule schedule(Order::kDeadline);
  TickSchedule::Task task = Every(100, OnOverrun::kCatchUp);
  task.catch_up = 2;
  ASSERT_TRUE(schedule.Add(0, task));
  EXPECT_EQ(schedule.Finish(0, 350).skipped, 0U);  // 200 and 300 wait
  EXPECT_EQ(schedule.release(0), 200U);
  EXPECT_EQ(schedule.Finish(0, 360).skipped, 0U);
  EXPECT_EQ(schedule.release(0), 300U);
  const TickSchedule::Outcome late = schedule.Finish(0, 850);  // 400 to 800 passed
  EXPECT_EQ(late.skipped, 3U);
  EXPECT_EQ(schedule.release(0), 700U);
}

TEST(TickSchedule, StopEndsTheTaskAtItsFirstOverrun) {
  TickSchedule schedule(Order::kDeadline);
  ASSERT_TRUE(schedule.Add(0, Every(100, OnOverrun::kStop)));
  EXPECT_EQ(schedule.Finish(0, 199).verdict, Verdict::kGoOn);
  EXPECT_EQ(schedule.Finish(0, 301).verdict, Verdict::kOverrun);
  EXPECT_FALSE(schedule.Has(0));
  EXPECT_EQ(schedule.NextRelease(), UINT64_MAX);
}

TEST(TickSchedule, MoreThanMMissesInKEndIt) {
  TickSchedule schedule(Order::kDeadline);
  TickSchedule::Task task = Every(100);
  task.deadline = 50;
  task.misses = 2;
  task.window = 5;
  ASSERT_TRUE(schedule.Add(0, task));
  const std::vector<bool> late = {true, true, false, false, false, true, false, true, true};
  for (size_t i = 0; i < late.size(); i++) {
    const TickSchedule::Outcome outcome =
        schedule.Finish(0, schedule.release(0) + (late[i] ? 60 : 40));
    EXPECT_EQ(outcome.missed, late[i]);
    const bool last = i + 1 == late.size();
    EXPECT_EQ(outcome.verdict, last ? Verdict::kTooManyMisses : Verdict::kGoOn) << i;
  }
  EXPECT_FALSE(schedule.Has(0));
}

TEST(TickSchedule, SkippedReleasesAreMissesOfTheBound) {
  TickSchedule schedule(Order::kDeadline);
  TickSchedule::Task task = Every(100);
  task.misses = 3;
  task.window = 64;
  ASSERT_TRUE(schedule.Add(0, task));
  EXPECT_EQ(schedule.Finish(0, 350).verdict, Verdict::kGoOn);  // one late, two skipped
  EXPECT_EQ(schedule.Finish(0, 1'000'000).verdict, Verdict::kTooManyMisses);
}

TEST(TickSchedule, WhatMakesNoSenseIsRefused) {
  TickSchedule schedule(Order::kDeadline);
  EXPECT_FALSE(schedule.Add(TickSchedule::kMaxTasks, Every(100)));
  EXPECT_FALSE(schedule.Add(0, Every(0)));
  TickSchedule::Task wide = Every(100);
  wide.window = 65;
  EXPECT_FALSE(schedule.Add(0, wide));
  ASSERT_TRUE(schedule.Add(0, Every(100)));
  EXPECT_FALSE(schedule.Add(0, Every(100)));
  schedule.Remove(0);
  EXPECT_TRUE(schedule.Add(0, Every(200)));
  EXPECT_EQ(schedule.release(0), 200U);
}

}  // namespace
}  // namespace moirai
