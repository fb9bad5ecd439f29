// Times and ends of tasks through a scheduler: everything that finished is counted once, where it
// belongs, and what is remembered stays as small as it was told to.
#include "core/executor/task_times.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <thread>
#include <vector>

#include "core/executor/scheduler.h"
#include "core/executor/worker_samples.h"

namespace moirai {
namespace {

constexpr uint32_t kSlots = 64;
constexpr uint64_t kBytes = 1U << 20;

class TaskTimesTest : public testing::Test {
 protected:
  void SetUp() override {
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  void TearDown() override {
    scheduler_ = {};
    munmap(memory_, kBytes);
  }

  void Create(bool statistics, uint32_t retain, uint32_t seats = 1) {
    scheduler_ = Scheduler::Create(
        {memory_, kBytes, kBytes, kSlots, seats, 1, Steal::kAdaptive, statistics, retain},
        Ref<Parker>(new Parker));
    ASSERT_TRUE(scheduler_);
    for (uint32_t seat = 0; seat < seats; seat++) {
      std::vector<uint32_t> order{SearchStep::kInjector};
      for (uint32_t i = 1; i < seats; i++) {
        order.push_back((seat + i) % seats | (i % SearchStep::kDistances)
                                                 << SearchStep::kDistanceShift);
      }
      ASSERT_TRUE(
          scheduler_->SetSeat(seat, 0, -1, order.data(), static_cast<uint32_t>(order.size())));
    }
  }

  void Submit(uint32_t index, uint32_t priority = layout::kPriorityNormal, uint32_t flags = 0) {
    Slot& slot = scheduler_->slot(index);
    slot.task = 7 | priority << layout::kPriorityBit | flags;
    slot.generation = ++last_id_;
    scheduler_->Submit(index, 0);
  }
  // What a worker's border does at a crossing.
  uint32_t Next(uint32_t seat = 0) {
    scheduler_->times().Cross(seat);
    scheduler_->times().WentOn(seat);
    return scheduler_->Next(seat);
  }
  void Finish(uint32_t index, Phase phase = Phase::kDone, uint32_t seat = 0) {
    scheduler_->times().Cross(seat);
    scheduler_->times().Finished(seat, index);
    std::atomic<uint32_t>& state = scheduler_->slot(index).state;
    state.store(Slot::With(state.load(std::memory_order_relaxed), phase),
                std::memory_order_relaxed);
    scheduler_->Complete(seat, index);
  }
  uint32_t Reap() {
    uint32_t out[kSlots];
    return scheduler_->Reap(out, kSlots);
  }
  static void Pause() {
    timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  static uint64_t CountOf(const Histogram& histogram) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < Histogram::kBuckets; i++) count += histogram.count(i);
    return count;
  }

  uint32_t last_id_ = 0;
  uint8_t* memory_ = nullptr;
  Ref<Scheduler> scheduler_;
};

TEST_F(TaskTimesTest, AFinishedTaskIsInTheHistogramOfItsPriorityAndInRunning) {
  Create(true, 4);
  ASSERT_TRUE(scheduler_->Sit(0));
  for (uint32_t priority = 0; priority < layout::kPriorities; priority++) {
    for (uint32_t i = 0; i <= priority; i++) {
      Submit(0, priority);
      const uint32_t index = Next();
      ASSERT_EQ(index, 0U);
      Finish(index);
      ASSERT_EQ(Reap(), 1U);
    }
  }
  TaskTimes& times = scheduler_->times();
  for (uint32_t priority = 0; priority < layout::kPriorities; priority++) {
    EXPECT_EQ(CountOf(times.waiting(0, priority)), priority + 1);
  }
  EXPECT_EQ(CountOf(times.running(0)), 15U);
  EXPECT_EQ(scheduler_->history().count(Outcome::kDone), 15U);
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, WaitingAndRunningAddUpToTheTimeBetweenQueuedAndFinished) {
  Create(true, 4);
  ASSERT_TRUE(scheduler_->Sit(0));
  TaskTimes& times = scheduler_->times();
  const uint64_t before = NowNs();
  Submit(3);
  Pause();
  const uint32_t index = Next();
  ASSERT_EQ(index, 3U);
  EXPECT_GE(times.TookSoFar(3).waited, 0.99e6F);
  Pause();
  EXPECT_GE(times.TookSoFar(3).ran, 0.99e6F);
  Finish(index);
  const auto whole = static_cast<float>(NowNs() - before);
  ASSERT_EQ(Reap(), 1U);
  const TaskTimes::Took took = times.TookSoFar(3);
  EXPECT_GE(took.waited, 0.99e6F);
  EXPECT_GE(took.ran, 0.99e6F);
  EXPECT_LE(took.waited + took.ran, whole * 1.01F);
  const FinishedTask& kept = scheduler_->history().At(true, 0);
  EXPECT_EQ(kept.id, 1U);
  EXPECT_EQ(kept.waited, took.waited);
  EXPECT_EQ(kept.ran, took.ran);
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, ATaskThatGoesOnKeepsItsOwnStartWhileOthersRun) {
  Create(true, 4);
  ASSERT_TRUE(scheduler_->Sit(0));
  Submit(0);
  ASSERT_EQ(Next(), 0U);
  Pause();
  Submit(1);
  ASSERT_EQ(Next(), 1U);  // task 0 goes on
  Finish(1);
  Finish(0);
  ASSERT_EQ(Reap(), 2U);
  const float quick = scheduler_->times().TookSoFar(1).ran;
  const float slow = scheduler_->times().TookSoFar(0).ran;
  EXPECT_GE(slow, 0.99e6F);
  EXPECT_GE(slow - quick, 0.99e6F);
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, WhatIsCancelledBeforeItBeganIsInNoHistogramAndCountedOnce) {
  Create(true, 4);
  ASSERT_TRUE(scheduler_->Sit(0));
  Submit(0);
  ASSERT_TRUE(scheduler_->Cancel(0));
  History& history = scheduler_->history();
  EXPECT_EQ(history.Ended(0, Outcome::kCancelled, scheduler_->times()), 0U);
  EXPECT_EQ(history.Ended(0, Outcome::kFailed, scheduler_->times()), History::kNone);
  ASSERT_EQ(Next(), kNoSlot);  // hands the tombstone back
  ASSERT_EQ(Reap(), 1U);
  EXPECT_EQ(history.count(Outcome::kCancelled), 1U);
  EXPECT_EQ(history.count(Outcome::kDone) + history.count(Outcome::kFailed), 0U);
  EXPECT_EQ(CountOf(scheduler_->times().running(0)), 0U);
  EXPECT_FALSE(history.At(false, 0).started);
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, ATaskThatWasGivenUpWhileItRanIsNotDoneAsWellWhenItComesBack) {
  Create(true, 4);
  ASSERT_TRUE(scheduler_->Sit(0));
  History& history = scheduler_->history();
  Submit(0);
  ASSERT_EQ(Next(), 0U);
  EXPECT_NE(history.Ended(0, Outcome::kCancelled, scheduler_->times()), History::kNone);
  Finish(0);
  ASSERT_EQ(Reap(), 1U);
  EXPECT_EQ(history.count(Outcome::kDone), 0U);
  // The slot's next task is another one.
  Submit(0);
  ASSERT_EQ(Next(), 0U);
  Finish(0);
  ASSERT_EQ(Reap(), 1U);
  EXPECT_EQ(history.count(Outcome::kDone), 1U);
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, TheLastOnesAreRememberedAndFoundByTheirGeneration) {
  Create(true, 3);
  ASSERT_TRUE(scheduler_->Sit(0));
  for (uint32_t i = 0; i < 8; i++) {
    Submit(i % 2);
    ASSERT_EQ(Next(), i % 2);
    Finish(i % 2);
    ASSERT_EQ(Reap(), 1U);
  }
  const History& history = scheduler_->history();
  ASSERT_EQ(history.Kept(true), 3U);
  EXPECT_EQ(history.Kept(false), 0U);
  EXPECT_EQ(history.At(true, 0).id, 6U);
  EXPECT_EQ(history.At(true, 2).id, 8U);
  EXPECT_EQ(history.Find(7), &history.At(true, 1));
  EXPECT_EQ(history.Find(5), nullptr);
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, AMeasuredTaskTellsWhatItUsedOfItsThread) {
  Create(true, 0);
  ASSERT_TRUE(scheduler_->Sit(0));
  Submit(0, layout::kPriorityNormal, 1U << layout::kMeasuredBit);
  ASSERT_EQ(Next(), 0U);
  timespec before;
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  int64_t used = 0;
  while (used < 2'000'000) {
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    used = (now.tv_sec - before.tv_sec) * 1'000'000'000 + (now.tv_nsec - before.tv_nsec);
  }
  Finish(0);
  ASSERT_EQ(Reap(), 1U);
  EXPECT_GE(scheduler_->times().use(0).cpu_ns, static_cast<uint64_t>(used));
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, WithoutStatisticsEndsAreCountedAndNothingElse) {
  Create(false, 0);
  ASSERT_TRUE(scheduler_->Sit(0));
  Submit(0);
  EXPECT_EQ(scheduler_->slot(0).times, 0U);
  ASSERT_EQ(Next(), 0U);
  Finish(0);
  ASSERT_EQ(Reap(), 1U);
  EXPECT_EQ(scheduler_->slot(0).times, 0U);
  EXPECT_EQ(scheduler_->history().count(Outcome::kDone), 1U);
  EXPECT_EQ(scheduler_->history().Kept(true), 0U);
  scheduler_->Leave(0);
}

TEST_F(TaskTimesTest, StealsAreCountedByTheDistanceOfTheStep) {
  Create(true, 0, 3);
  for (uint32_t seat = 0; seat < 3; seat++) ASSERT_TRUE(scheduler_->Sit(seat));
  for (uint32_t i = 0; i < 16; i++) Submit(i);
  // Seat 0 gets all of the injector, as much as a claim takes at a time.
  std::vector<uint32_t> mine;
  uint64_t stolen = 0;
  while (scheduler_->Backlog() > 0) {
    ASSERT_NE(Next(0), kNoSlot);
    if (Next(2) != kNoSlot) stolen++;
  }
  const SeatStats& stats = scheduler_->stats(2);
  uint64_t by_distance = 0;
  for (const std::atomic<uint64_t>& from : stats.stolen_from) by_distance += from.load();
  EXPECT_EQ(by_distance, stats.stolen.load());
  EXPECT_EQ(stats.stolen_from[0].load(), 0U);  // no step of this order is that near
  EXPECT_GT(stolen, 0U);
  for (uint32_t seat = 0; seat < 3; seat++) scheduler_->Leave(seat);
}

TEST_F(TaskTimesTest, TheOwnerMayLookAtTimesWhileWorkersWriteThem) {
  Create(true, 16);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    ASSERT_TRUE(scheduler_->Sit(0));
    while (!stop.load(std::memory_order_relaxed)) {
      const uint32_t index = Next();
      if (index != kNoSlot) Finish(index);
    }
    scheduler_->Leave(0);
  });
  uint64_t back = 0;
  for (uint32_t round = 0; round < 200; round++) {
    for (uint32_t i = 0; i < kSlots; i++) Submit(i);
    for (uint32_t left = kSlots; left > 0;) {
      for (uint32_t i = 0; i < kSlots; i += 9) {
        EXPECT_GE(scheduler_->times().TookSoFar(i).waited, 0);
      }
      const uint32_t count = Reap();
      left -= count;
      back += count;
    }
  }
  stop.store(true, std::memory_order_relaxed);
  worker.join();
  EXPECT_EQ(back, 200U * kSlots);
  EXPECT_EQ(CountOf(scheduler_->times().running(0)), back);
  EXPECT_EQ(scheduler_->history().count(Outcome::kDone), back);
}

TEST_F(TaskTimesTest, WhatAThreadUsedIsTheSeatsWhenItHasLeft) {
  Create(true, 0);
  std::thread worker([&] {
    ASSERT_TRUE(scheduler_->Sit(0));
    for (int i = 0; i < 5; i++) Pause();
    scheduler_->Leave(0);
  });
  worker.join();
  const ThreadUse past = UseOf(scheduler_->stats(0));
  EXPECT_GT(past.cpu_ns, 0U);
  ASSERT_TRUE(scheduler_->Sit(0));
  EXPECT_GT(UseOf(scheduler_->stats(0)).cpu_ns, past.cpu_ns);
  scheduler_->Leave(0);
}

}  // namespace
}  // namespace moirai
