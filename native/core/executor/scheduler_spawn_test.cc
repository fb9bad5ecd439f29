// Tasks that workers spawn: they run once, others are called to help, and the owner knows when none
// is left.
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "core/executor/scheduler.h"
#include "core/executor/scheduler_fixture_test.h"

namespace moirai {
namespace {

class SchedulerSpawnTest : public SchedulerTest {
 protected:
  void End(uint32_t seat, uint32_t index) {
    std::atomic<uint32_t>& state = scheduler_->slot(index).state;
    state.store(Slot::With(state.load(std::memory_order_relaxed), Phase::kDone),
                std::memory_order_relaxed);
    scheduler_->EndSpawned(seat, index);
  }
  uint32_t Reap() {
    uint32_t out[kSlots];
    return scheduler_->Reap(out, kSlots);
  }
};

TEST_F(SchedulerSpawnTest, TheNewestRunsFirstAndThievesTakeTheOldest) {
  Create(2);
  ASSERT_TRUE(scheduler_->Sit(0));
  ASSERT_TRUE(scheduler_->Sit(1));
  scheduler_->Submit(0, 0);
  ASSERT_EQ(scheduler_->Next(0), 0U);
  for (uint32_t index = 1; index <= 3; index++) ASSERT_TRUE(scheduler_->Spawn(0, index));
  EXPECT_EQ(scheduler_->Next(1), 1U);
  EXPECT_EQ(scheduler_->Next(0), 3U);
  EXPECT_EQ(scheduler_->Next(0), 2U);
  scheduler_->Leave(0);
  scheduler_->Leave(1);
}

TEST_F(SchedulerSpawnTest, OutstandingUntilTheLastHasEndedWhoeverRanIt) {
  Create(2);
  ASSERT_TRUE(scheduler_->Sit(0));
  ASSERT_TRUE(scheduler_->Sit(1));
  scheduler_->Submit(0, 0);
  ASSERT_EQ(scheduler_->Next(0), 0U);
  ASSERT_TRUE(scheduler_->Spawn(0, 1));
  ASSERT_TRUE(scheduler_->Spawn(0, 2));
  Finish(0, 0);
  EXPECT_EQ(Reap(), 1U);
  EXPECT_EQ(scheduler_->outstanding(), 2U);
  ASSERT_EQ(scheduler_->Next(1), 1U);
  End(1, 1);
  scheduler_->CountSpawned();
  EXPECT_EQ(scheduler_->outstanding(), 1U);
  // One that goes back to the owner after all counts once.
  ASSERT_EQ(scheduler_->Next(0), 2U);
  Finish(0, 2);
  EXPECT_EQ(Reap(), 1U);
  EXPECT_EQ(scheduler_->outstanding(), 0U);
  scheduler_->Leave(0);
  scheduler_->Leave(1);
}

TEST_F(SchedulerSpawnTest, ALostWorkersSpawnedTasksArePutBackAndItsOwnIsReclaimed) {
  Create(2);
  ASSERT_TRUE(scheduler_->Sit(0));
  scheduler_->Submit(0, 0);
  ASSERT_EQ(scheduler_->Next(0), 0U);
  for (uint32_t index = 1; index <= 3; index++) ASSERT_TRUE(scheduler_->Spawn(0, index));
  Finish(0, 0);
  ASSERT_EQ(scheduler_->Next(0), 3U);
  scheduler_->Leave(0);
  EXPECT_EQ(Reap(), 1U);
  EXPECT_EQ(scheduler_->outstanding(), 3U);
  scheduler_->Reclaim(3);
  EXPECT_EQ(scheduler_->Requeue(0), 2U);
  ASSERT_TRUE(scheduler_->Sit(1));
  for (uint32_t n = 0; n < 2; n++) {
    const uint32_t index = scheduler_->Next(1);
    ASSERT_NE(index, kNoSlot);
    End(1, index);
  }
  scheduler_->CountSpawned();
  EXPECT_EQ(scheduler_->outstanding(), 0U);
  scheduler_->Leave(1);
}

TEST_F(SchedulerSpawnTest, AFullDequeRefusesAndSoDoesABlockingSeat) {
  constexpr uint32_t kMany = Deque::kCapacity + 1;
  const uint64_t bytes = uint64_t{kMany} * sizeof(Slot);
  std::vector<Slot> slots(kMany);
  scheduler_ = Scheduler::Create(
      {reinterpret_cast<uint8_t*>(slots.data()), bytes, bytes, kMany, 2, 1}, owner_);
  ASSERT_TRUE(scheduler_);
  ASSERT_TRUE(SetSeat(0, 0, {SearchStep::kInjector}));
  ASSERT_TRUE(SetSeat(1, 1, {SearchStep::kInjector | 1}));
  ASSERT_TRUE(scheduler_->Sit(0));
  ASSERT_TRUE(scheduler_->Sit(1));
  EXPECT_FALSE(scheduler_->Spawn(1, 0));
  for (uint32_t index = 0; index < Deque::kCapacity; index++) {
    ASSERT_TRUE(scheduler_->Spawn(0, index));
  }
  EXPECT_FALSE(scheduler_->Spawn(0, kMany - 1));
  scheduler_->CountSpawned();
  EXPECT_EQ(scheduler_->outstanding(), uint32_t{Deque::kCapacity});
  EXPECT_EQ(scheduler_->Next(0), uint32_t{Deque::kCapacity} - 1);
  EXPECT_TRUE(scheduler_->Spawn(0, kMany - 1));
  scheduler_->Leave(0);
  scheduler_->Leave(1);
  scheduler_ = {};
}

// An owner that slept before anything was spawned has set no timer; the spawner may be long in its
// task.
TEST_F(SchedulerSpawnTest, AnOwnerThatWouldNotAskIsToldOfASpawnedTask) {
  Create(2);
  CpuShare::Presence one;
  CpuShare::Presence two;
  one.Enter(CpuShare::Process());
  two.Enter(CpuShare::Process());
  CpuShare::Process().SetCpus(0);  // no CPU is idle: the throttle says no
  ASSERT_TRUE(scheduler_->Sit(0));
  ASSERT_TRUE(scheduler_->Sit(1));
  scheduler_->Submit(0, 0);
  ASSERT_EQ(scheduler_->Next(1), 0U);
  ASSERT_TRUE(scheduler_->Park(0));
  owner_->Park();
  ASSERT_FALSE(scheduler_->WakeForBacklog());
  ASSERT_TRUE(scheduler_->Spawn(1, 1));
  // Unless this thread was away so long that the sleeper was called at once.
  const bool asked = owner_->Wait(0);
  EXPECT_TRUE(asked || scheduler_->parker(0)->Wait(0));
  one.Leave(CpuShare::Process());
  two.Leave(CpuShare::Process());
  scheduler_->Leave(0);
  scheduler_->Leave(1);
}

// Trees of spawned tasks under thieves, sleepers and workers that leave: each task runs once, the
// owner is told when the last is over, and never counts none before that.
class SpawnedTreesTest : public SchedulerSpawnTest {
 protected:
  static constexpr uint32_t kSeats = 3;
  static constexpr uint32_t kLent = kSlots - 1;

  uint32_t Take() {
    const uint32_t turn = next_.fetch_add(1, std::memory_order_relaxed) % kLent;
    for (uint32_t i = 0; i < kLent; i++) {
      const uint32_t index = 1 + (turn + i) % kLent;
      if (!lent_[index].exchange(true, std::memory_order_acquire)) return index;
    }
    return kNoSlot;
  }

  void RunTree(uint32_t seat, uint32_t depth) {
    ran_.fetch_add(1, std::memory_order_relaxed);
    for (uint32_t child = 0; child < 2 && depth > 0; child++) {
      const uint32_t index = Take();
      if (index == kNoSlot) {
        RunTree(seat, depth - 1);
        continue;
      }
      scheduler_->slot(index).task = depth - 1;
      if (scheduler_->Spawn(seat, index)) continue;
      lent_[index].store(false, std::memory_order_release);
      RunTree(seat, depth - 1);
    }
  }

  void Live(uint32_t seat, uint32_t lifetime) {
    ASSERT_TRUE(scheduler_->Sit(seat));
    CpuShare::Presence presence;
    presence.Enter(CpuShare::Process());
    const Ref<Parker> parker = scheduler_->parker(seat);
    for (uint32_t done = 0; !stop_.load(std::memory_order_acquire) && done < lifetime;) {
      const uint32_t index = scheduler_->Next(seat);
      if (index != kNoSlot) {
        RunTree(seat, scheduler_->slot(index).task & 0xff);
        done++;
        if (index == 0) {
          Finish(seat, 0);
        } else {
          End(seat, index);
          lent_[index].store(false, std::memory_order_release);
        }
        continue;
      }
      scheduler_->BeginSearch(seat);
      if (scheduler_->FindWork(seat) || !scheduler_->Park(seat)) continue;
      presence.Leave(CpuShare::Process());
      parker->Wait(10'000);
      parker->Drain();
      presence.Enter(CpuShare::Process());
      scheduler_->Unpark(seat);
    }
    presence.Leave(CpuShare::Process());
    scheduler_->Leave(seat);
  }

  std::atomic<bool> stop_{false};
  std::atomic<uint32_t> next_{0};
  std::atomic<uint64_t> ran_{0};
  std::atomic<bool> lent_[kSlots] = {};
};

TEST_F(SpawnedTreesTest, EachTaskRunsOnceAndTheOwnerLearnsOfTheEnd) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  Create(kSeats, 2);
  std::vector<std::thread> workers;
  for (uint32_t seat = 0; seat < kSeats; seat++) {
    workers.emplace_back([&, seat] {
      std::minstd_rand random(seed + seat);
      while (!stop_.load(std::memory_order_acquire)) Live(seat, 50 + random() % 2'000);
    });
  }
  CpuShare::Presence presence;
  presence.Enter(CpuShare::Process());
  std::minstd_rand random(seed);
  uint64_t expected = 0;
  for (uint32_t round = 0; round < 300; round++) {
    const uint32_t depth = random() % 10;
    expected += (uint64_t{2} << depth) - 1;
    scheduler_->slot(0).task = depth;
    scheduler_->Submit(0, random() % 2);
    bool back = false;
    while (!back || scheduler_->outstanding() > 0) {
      if (Reap() > 0) {
        back = true;
        continue;
      }
      owner_->Park();
      if (!scheduler_->HasCompletions()) {
        const bool again = scheduler_->WakeForBacklog();
        if (!back || scheduler_->outstanding() > 0) {
          presence.Leave(CpuShare::Process());
          // Not again: somebody who ends the last task has to tell, or this takes very long.
          owner_->Wait(again ? 1 : 10'000);
          presence.Enter(CpuShare::Process());
        }
        owner_->Drain();
      }
      owner_->CancelPark();
    }
    ASSERT_EQ(ran_.load(std::memory_order_relaxed), expected) << "round " << round;
  }
  presence.Leave(CpuShare::Process());
  stop_.store(true, std::memory_order_release);
  for (uint32_t seat = 0; seat < kSeats; seat++) scheduler_->parker(seat)->Signal();
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(scheduler_->Backlog(), 0U);
}

}  // namespace
}  // namespace moirai
