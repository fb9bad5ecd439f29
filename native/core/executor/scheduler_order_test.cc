// Which task is next: classes through a whole worker, claims that take too long, tasks that come
// back from a worker that is gone.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/executor/scheduler.h"
#include "core/executor/scheduler_fixture_test.h"

namespace moirai {

class SchedulerOrderTest : public SchedulerTest {
 protected:
  void Submit(uint32_t index, uint32_t priority) {
    scheduler_->slot(index).task = priority << layout::kPriorityBit;
    scheduler_->Submit(index, 0);
  }
  void SubmitBefore(uint32_t index, uint32_t priority, uint64_t deadline) {
    scheduler_->slot(index).task = priority << layout::kPriorityBit;
    scheduler_->SubmitBefore(index, 0, deadline);
  }
  uint32_t RunOne(uint32_t seat) {
    const uint32_t index = scheduler_->Next(seat);
    if (index != kNoSlot) Finish(seat, index);
    return index;
  }
  void RunAll(uint32_t seat) {
    while (RunOne(seat) != kNoSlot) continue;
    uint32_t out[kSlots];
    while (scheduler_->Reap(out, kSlots) > 0) continue;
  }

  // Seat 0 begins the first of slots 0 to `count` - 1, submitted by `submit`, and has claimed the
  // others: as after tiny tasks, whatever the machine's pace is now. An idle seat learns nothing.
  template <typename Function>
  void ClaimAll(uint32_t count, Function submit) {
    RunAll(0);
    scheduler_->SeatAt(0)->claim = Scheduler::kMaxClaim;
    for (uint32_t i = 0; i < count; i++) submit(i);
    ASSERT_EQ(scheduler_->Next(0), 0U);
    ASSERT_GE(scheduler_->TasksPerClaim(0), count);
  }
  void NoteThatTheClaimIsOld() { scheduler_->NoteTime(0, NowNs() + 1'000'000'000); }
};

namespace {

TEST_F(SchedulerOrderTest, RunsByPriorityThenDeadlineThenArrival) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  Submit(0, layout::kPriorityLow);
  Submit(1, layout::kPriorityNormal);
  SubmitBefore(2, layout::kPriorityNormal, 200);
  SubmitBefore(3, layout::kPriorityNormal, 100);
  Submit(4, layout::kPriorityHigh);
  EXPECT_EQ(scheduler_->Backlog(), 5U);
  for (const uint32_t expected : {4U, 3U, 2U, 1U, 0U}) EXPECT_EQ(RunOne(0), expected);
  EXPECT_EQ(scheduler_->Backlog(), 0U);
  EXPECT_EQ(scheduler_->DeadlineOf(3), 100U);
  Submit(3, layout::kPriorityNormal);
  EXPECT_EQ(scheduler_->DeadlineOf(3), 0U);
  RunAll(0);
  scheduler_->Leave(0);
}

TEST_F(SchedulerOrderTest, CancelledTasksWithADeadlineAreSweptOrComeBack) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  for (uint32_t i = 0; i < 4; i++) SubmitBefore(i, layout::kPriorityNormal, 100 + i);
  EXPECT_TRUE(scheduler_->Cancel(0));
  EXPECT_TRUE(scheduler_->Cancel(2));
  uint32_t out[kSlots];
  ASSERT_EQ(scheduler_->Sweep(out, kSlots), 2U);
  EXPECT_EQ(scheduler_->Backlog(), 2U);
  EXPECT_TRUE(scheduler_->Cancel(1));
  EXPECT_EQ(RunOne(0), 3U);
  EXPECT_EQ(scheduler_->Reap(out, kSlots), 2U);
  EXPECT_EQ(scheduler_->outstanding(), 0U);
  scheduler_->Leave(0);
}

TEST_F(SchedulerOrderTest, ARequestToCancelReachesARunningTaskOnly) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  Submit(0, layout::kPriorityNormal);
  EXPECT_FALSE(scheduler_->RequestCancel(0));
  ASSERT_EQ(scheduler_->Next(0), 0U);
  EXPECT_TRUE(scheduler_->RequestCancel(0));
  const uint32_t state = scheduler_->slot(0).state.load(std::memory_order_relaxed);
  EXPECT_EQ(Slot::PhaseOf(state), Phase::kRunning);
  EXPECT_NE(state & Slot::kCancelRequested, 0U);
  Finish(0, 0);
  EXPECT_FALSE(scheduler_->RequestCancel(0));
  RunAll(0);
  scheduler_->Leave(0);
}

TEST_F(SchedulerOrderTest, ABarredWorkerBeginsNoOther) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  for (uint32_t i = 0; i < 3; i++) Submit(i, layout::kPriorityNormal);
  EXPECT_FALSE(scheduler_->BarSeatOf(0));  // nobody has begun it
  ASSERT_EQ(scheduler_->Next(0), 0U);
  EXPECT_TRUE(scheduler_->BarSeatOf(0));
  Finish(0, 0);
  EXPECT_FALSE(scheduler_->BarSeatOf(0));  // it has ended: nothing changes
  Submit(3, layout::kPriorityNormal);
  EXPECT_EQ(scheduler_->Next(0), kNoSlot);
  scheduler_->Leave(0);
  scheduler_->Requeue(0);
  ASSERT_TRUE(scheduler_->Sit(0));
  for (uint32_t i = 1; i < 4; i++) EXPECT_EQ(RunOne(0), i);
  RunAll(0);
  scheduler_->Leave(0);
}

// The owner bars a worker that is about to end a task. Either it has ended it, and goes on, or it
// begins nothing after it.
TEST_F(SchedulerOrderTest, AWorkerThatIsBarredWhileItEndsATaskBeginsNoOther) {
  constexpr uint32_t kTask = 8;
  uint32_t bars = 0;
  constexpr uint32_t kRounds = 300;
  for (uint32_t round = 0; round < kRounds; round++) {
    Create(1);
    for (uint32_t i = 0; i < 2 * kTask; i++) Submit(i, layout::kPriorityNormal);
    std::atomic<bool> begun{false};
    std::atomic<bool> go{false};
    std::atomic<bool> done{false};
    std::thread worker([&] {
      ASSERT_TRUE(scheduler_->Sit(0));
      for (;;) {
        // Read first: what is found after that is found unbarred.
        const bool last = done.load();
        const uint32_t index = scheduler_->Next(0);
        if (index == kNoSlot && last) break;
        if (index == kNoSlot) continue;
        if (index == kTask) {
          begun.store(true);
          while (!go.load()) continue;
          const uint64_t end = NowNs() + uint64_t{round % 100} * 200;
          while (NowNs() < end) continue;
        }
        Finish(0, index);
      }
    });
    while (!begun.load()) std::this_thread::yield();
    go.store(true);
    const bool barred = scheduler_->BarSeatOf(kTask);
    bars += barred ? 1 : 0;
    done.store(true);
    worker.join();
    for (uint32_t i = 0; i < 2 * kTask; i++) {
      const uint32_t state = scheduler_->slot(i).state.load(std::memory_order_relaxed);
      ASSERT_EQ(Slot::PhaseOf(state), i > kTask && barred ? Phase::kQueued : Phase::kDone)
          << "slot " << i << ", round " << round;
    }
    scheduler_->Leave(0);
  }
  EXPECT_GT(bars, 0U);
  EXPECT_LT(bars, kRounds);
}

TEST_F(SchedulerOrderTest, AClaimIsRunToItsEndUnlessItTakesTooLong) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  ClaimAll(4, [this](uint32_t i) { Submit(i, layout::kPriorityNormal); });
  Finish(0, 0);
  Submit(100, layout::kPriorityHigh);
  Submit(101, layout::kPriorityNormal);
  EXPECT_EQ(RunOne(0), 1U);
  NoteThatTheClaimIsOld();
  EXPECT_EQ(RunOne(0), 100U);
  for (const uint32_t expected : {2U, 3U, 101U}) EXPECT_EQ(RunOne(0), expected);
  RunAll(0);
  scheduler_->Leave(0);
}

TEST_F(SchedulerOrderTest, AnOldClaimComesToItsEndUnderASteadyLoadAboveIt) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  ClaimAll(4, [this](uint32_t i) { Submit(i, layout::kPriorityIdle); });
  Finish(0, 0);
  NoteThatTheClaimIsOld();
  uint32_t idle = 0;
  bool waits = false;
  for (uint32_t i = 0; i < 48; i++) {
    if (!waits) Submit(100 + i, layout::kPriorityCritical);
    waits = RunOne(0) < 100;
    idle += waits ? 1 : 0;
  }
  EXPECT_EQ(idle, 3U);
  RunAll(0);
  scheduler_->Leave(0);
}

TEST_F(SchedulerOrderTest, WhatAWorkerHadClaimedWaitsAgainInItsOrder) {
  Create(2);
  ASSERT_TRUE(scheduler_->Sit(0));
  ClaimAll(8, [this](uint32_t i) { SubmitBefore(i, layout::kPriorityNormal, 1000 + i); });
  EXPECT_TRUE(scheduler_->Cancel(5));
  scheduler_->Leave(0);
  EXPECT_EQ(scheduler_->Requeue(0), 7U);
  EXPECT_EQ(scheduler_->Requeue(0), 0U);
  EXPECT_EQ(scheduler_->outstanding(), 8U);
  SubmitBefore(100, layout::kPriorityNormal, 1003);
  Submit(101, layout::kPriorityHigh);
  ASSERT_TRUE(scheduler_->Sit(1));
  for (const uint32_t expected : {101U, 1U, 2U, 3U, 100U, 4U, 6U, 7U}) {
    EXPECT_EQ(RunOne(1), expected);
  }
  EXPECT_EQ(scheduler_->Next(1), kNoSlot);
  scheduler_->Leave(1);
}

}  // namespace
}  // namespace moirai
