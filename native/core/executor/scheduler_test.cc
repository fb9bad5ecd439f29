// The scheduler without JavaScript: threads in the place of event loops. What must hold: every task
// submitted comes back exactly once, run or cancelled, however workers sleep, search, die and
// return.
#include "core/executor/scheduler.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "core/executor/scheduler_fixture_test.h"

namespace moirai {
namespace {

TEST_F(SchedulerTest, RunsTasksInTheOrderTheyCame) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  for (uint32_t i = 0; i < 100; i++) scheduler_->Submit(i, 0);
  EXPECT_EQ(scheduler_->Backlog(), 100U);
  for (uint32_t i = 0; i < 100; i++) {
    ASSERT_EQ(scheduler_->Next(0), i);
    Finish(0, i);
  }
  EXPECT_EQ(scheduler_->Next(0), kNoSlot);
  uint32_t out[kSlots];
  EXPECT_EQ(scheduler_->Reap(out, kSlots), 100U);
  EXPECT_EQ(scheduler_->outstanding(), 0U);
  scheduler_->Leave(0);
}

TEST_F(SchedulerTest, ACancelledTaskIsNotRunAndItsSlotComesBack) {
  Create(1);
  ASSERT_TRUE(scheduler_->Sit(0));
  scheduler_->Submit(0, 0);
  scheduler_->Submit(1, 0);
  EXPECT_TRUE(scheduler_->Cancel(0));
  EXPECT_FALSE(scheduler_->Cancel(0));
  EXPECT_EQ(scheduler_->Next(0), 1U);
  EXPECT_FALSE(scheduler_->Cancel(1));
  Finish(0, 1);
  uint32_t out[kSlots];
  ASSERT_EQ(scheduler_->Reap(out, kSlots), 2U);
  EXPECT_EQ(out[0], 0U);
  EXPECT_EQ(out[1], 1U);
  scheduler_->Leave(0);
}

TEST_F(SchedulerTest, WhatAWorkerLeavesBehindIsStolenAndWhatItHadBegunIsFound) {
  Create(2);
  ASSERT_TRUE(scheduler_->Sit(0));
  ASSERT_TRUE(scheduler_->Sit(1));
  for (uint32_t i = 0; i < 4; i++) scheduler_->Submit(i, 0);
  const uint32_t begun = scheduler_->Next(0);
  scheduler_->Leave(0);
  uint32_t out[kSlots];
  ASSERT_EQ(scheduler_->StartedBy(0, out, kSlots), 1U);
  EXPECT_EQ(out[0], begun);
  scheduler_->Reclaim(begun);
  uint32_t rest = 0;
  for (uint32_t index = scheduler_->Next(1); index != kNoSlot; index = scheduler_->Next(1)) {
    Finish(1, index);
    rest++;
  }
  EXPECT_EQ(rest, 3U);
  scheduler_->Leave(1);
  EXPECT_TRUE(scheduler_->Sit(0));
  EXPECT_FALSE(scheduler_->Sit(0));
  scheduler_->Leave(0);
}

TEST_F(SchedulerTest, LooksInItsOwnNodesInjectorFirst) {
  Create(2, 2);
  ASSERT_TRUE(scheduler_->Sit(0));
  ASSERT_TRUE(scheduler_->Sit(1));
  scheduler_->Submit(10, 0);
  scheduler_->Submit(20, 1);
  EXPECT_EQ(scheduler_->Next(1), 20U);
  EXPECT_EQ(scheduler_->Next(1), 10U);
  scheduler_->Leave(0);
  scheduler_->Leave(1);
}

// Bursts, single tasks, pauses long enough for everyone to park, cancels, and workers that end in
// the middle and come back: nothing is lost, nothing runs twice.
TEST_F(SchedulerTest, EveryTaskComesBackOnce) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  constexpr uint32_t kSeats = 3;
  constexpr uint32_t kTasks = 60'000;
  Create(kSeats, 2);
  std::vector<std::atomic<uint32_t>> runs(kTasks);
  std::vector<uint32_t> cancelled(kTasks);
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (uint32_t seat = 0; seat < kSeats; seat++) {
    workers.emplace_back([&, seat] {
      std::minstd_rand random(seed + seat);
      while (!stop.load(std::memory_order_acquire)) {
        Work(seat, stop, 100 + random() % 5'000, &runs);
      }
    });
  }
  CpuShare::Presence presence;
  presence.Enter(CpuShare::Process());
  std::minstd_rand random(seed);
  std::vector<uint32_t> free;
  for (uint32_t i = 0; i < kSlots; i++) free.push_back(i);
  uint32_t submitted = 0;
  uint32_t back = 0;
  uint32_t out[kSlots];
  while (back < kTasks) {
    for (uint32_t n = 1 + random() % 64; n > 0 && submitted < kTasks && !free.empty(); n--) {
      const uint32_t index = free.back();
      free.pop_back();
      scheduler_->slot(index).task = submitted;
      scheduler_->Submit(index, random() % 2);
      if (random() % 16 == 0 && scheduler_->Cancel(index)) cancelled[submitted] = 1;
      submitted++;
    }
    if (random() % 256 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
    uint32_t count = scheduler_->Reap(out, kSlots);
    if (count == 0) {
      owner_->Park();
      if (!scheduler_->HasCompletions()) {
        presence.Leave(CpuShare::Process());
        owner_->Wait(scheduler_->WakeForBacklog() ? 1 : 10'000);
        owner_->Drain();
        presence.Enter(CpuShare::Process());
      }
      owner_->CancelPark();
    }
    for (uint32_t i = 0; i < count; i++) free.push_back(out[i]);
    back += count;
  }
  presence.Leave(CpuShare::Process());
  stop.store(true, std::memory_order_release);
  for (uint32_t seat = 0; seat < kSeats; seat++) scheduler_->parker(seat)->Signal();
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(scheduler_->outstanding(), 0U);
  EXPECT_EQ(scheduler_->Backlog(), 0U);
  for (uint32_t i = 0; i < kTasks; i++) {
    ASSERT_EQ(runs[i].load(std::memory_order_relaxed) + cancelled[i], 1U) << "task " << i;
  }
}

// An owner that slept before there was a backlog has set no timer. A worker whose claim makes one
// has to see to it, or what stands behind its first task waits as long as that takes.
TEST_F(SchedulerTest, ABacklogThatComesAfterTheOwnersLookIsAskedAbout) {
  Create(2);
  CpuShare::Presence one;
  CpuShare::Presence two;
  one.Enter(CpuShare::Process());
  two.Enter(CpuShare::Process());
  ASSERT_TRUE(scheduler_->Sit(0));
  ASSERT_TRUE(scheduler_->Sit(1));
  // Tiny tasks until one claim takes several.
  while (scheduler_->TasksPerClaim(1) < 4) {
    for (uint32_t i = 0; i < 64; i++) scheduler_->Submit(i, 0);
    for (uint32_t i = scheduler_->Next(1); i != kNoSlot; i = scheduler_->Next(1)) Finish(1, i);
    uint32_t out[kSlots];
    ASSERT_EQ(scheduler_->Reap(out, kSlots), 64U);
  }
  ASSERT_TRUE(scheduler_->Park(0));
  owner_->Park();
  ASSERT_FALSE(scheduler_->WakeForBacklog());
  scheduler_->Submit(0, 0);
  scheduler_->Submit(1, 0);
  EXPECT_NE(scheduler_->Next(1), kNoSlot);
  // The throttle may have called the sleeper at once: then nobody need ask.
  const bool asked = owner_->Wait(0);
  const bool called = scheduler_->Unpark(0);
  EXPECT_TRUE(asked || called);
  one.Leave(CpuShare::Process());
  two.Leave(CpuShare::Process());
  scheduler_->Leave(0);
  scheduler_->Leave(1);
}

// The parking protocol alone: CPUs enough that every submission has to wake a sleeper, and an owner
// that never looks after the backlog. Tasks come one at a time, just when the workers fall asleep;
// a lost wake-up leaves the owner waiting.
TEST_F(SchedulerTest, NoWakeUpIsLost) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  Create(2);
  CpuShare::Process().SetCpus(64);
  constexpr uint32_t kRounds = 30'000;
  std::vector<std::atomic<uint32_t>> runs(kRounds);
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (uint32_t seat = 0; seat < 2; seat++) {
    workers.emplace_back([&, seat] { Work(seat, stop, UINT32_MAX, &runs); });
  }
  std::minstd_rand random(seed);
  uint32_t out[kSlots];
  uint32_t lost = 0;
  for (uint32_t round = 0; round < kRounds && lost == 0; round++) {
    scheduler_->slot(0).task = round;
    scheduler_->Submit(0, 0);
    while (scheduler_->Reap(out, kSlots) == 0) {
      owner_->Park();
      if (!scheduler_->HasCompletions() && !owner_->Wait(3'000)) lost++;
      if (lost > 0) break;
      owner_->CancelPark();
      owner_->Drain();
    }
    for (uint32_t pause = random() % 512; pause > 0; pause--) CpuRelax();
  }
  stop.store(true, std::memory_order_release);
  for (uint32_t seat = 0; seat < 2; seat++) scheduler_->parker(seat)->Signal();
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(lost, 0U);
}

}  // namespace
}  // namespace moirai
