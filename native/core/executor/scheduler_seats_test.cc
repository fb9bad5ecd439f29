// Seats that are made and moved while others run, the queue of tasks that block their thread, and
// who is woken for it.
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "core/executor/scheduler.h"
#include "core/executor/scheduler_fixture_test.h"

namespace moirai {
namespace {

constexpr uint32_t Queue(uint32_t queue) { return SearchStep::kInjector | queue; }

class SchedulerSeatsTest : public SchedulerTest {
 protected:
  bool Signalled(uint32_t seat) {
    const bool signalled = scheduler_->parker(seat)->Wait(0);
    if (signalled) scheduler_->parker(seat)->Drain();
    return signalled;
  }
  uint32_t Signals(uint32_t first, uint32_t last) {
    uint32_t count = 0;
    for (uint32_t seat = first; seat <= last; seat++) count += Signalled(seat) ? 1 : 0;
    return count;
  }
  void Sit(uint32_t first, uint32_t last) {
    for (uint32_t seat = first; seat <= last; seat++) ASSERT_TRUE(scheduler_->Sit(seat));
  }
  void ParkAll(uint32_t first, uint32_t last) {
    for (uint32_t seat = first; seat <= last; seat++) ASSERT_TRUE(scheduler_->Park(seat));
  }
  void LeaveAll(uint32_t first, uint32_t last) {
    for (uint32_t seat = first; seat <= last; seat++) scheduler_->Leave(seat);
  }
  // One node; seats 0 and 1 are its, 2 and 3 for tasks that block.
  void CreateBothKinds() {
    ASSERT_NO_FATAL_FAILURE(CreateWithoutSeats(4));
    ASSERT_EQ(scheduler_->blocking_queue(), 1U);
    ASSERT_TRUE(SetSeat(0, 0, {Queue(0), 1}));
    ASSERT_TRUE(SetSeat(1, 0, {Queue(0), 0}));
    ASSERT_TRUE(SetSeat(2, 1, {Queue(1)}));
    ASSERT_TRUE(SetSeat(3, 1, {Queue(1)}));
  }
};

TEST_F(SchedulerSeatsTest, ASeatIsMadeWhenItIsSetAndOthersPassOverThoseThatAreNot) {
  CreateWithoutSeats(8);
  EXPECT_FALSE(scheduler_->HasSeat(5));
  ASSERT_TRUE(SetSeat(5, 0, {Queue(0), 3, 7}));
  EXPECT_TRUE(scheduler_->HasSeat(5));
  EXPECT_FALSE(scheduler_->HasSeat(3));
  ASSERT_TRUE(scheduler_->Sit(5));
  EXPECT_EQ(scheduler_->Next(5), kNoSlot);
  scheduler_->Submit(0, 0);
  ASSERT_EQ(scheduler_->Next(5), 0U);
  Finish(5, 0);
  ASSERT_TRUE(SetSeat(3, 0, {Queue(0), 5}));
  ASSERT_TRUE(scheduler_->Sit(3));
  scheduler_->Submit(1, 0);
  ASSERT_TRUE(scheduler_->FindWork(3));
  EXPECT_EQ(scheduler_->Next(5), 1U);
  Finish(5, 1);
  uint32_t out[kSlots];
  EXPECT_EQ(scheduler_->Reap(out, kSlots), 2U);
  LeaveAll(3, 3);
  LeaveAll(5, 5);
}

TEST_F(SchedulerSeatsTest, AWorkerTakesANewOrderAtItsNextLook) {
  CreateWithoutSeats(2);
  ASSERT_TRUE(SetSeat(0, 0, {Queue(0)}));
  ASSERT_TRUE(SetSeat(1, 0, {Queue(0)}));
  Sit(0, 1);
  scheduler_->Submit(0, 0);
  ASSERT_TRUE(scheduler_->FindWork(1));
  EXPECT_EQ(scheduler_->Next(0), kNoSlot);
  ASSERT_TRUE(SetSeat(0, 0, {Queue(0)}));  // replaced before it was looked at
  ASSERT_TRUE(SetSeat(0, 0, {Queue(0), 1}));
  EXPECT_EQ(scheduler_->Next(0), 0U);
  LeaveAll(0, 1);
}

TEST_F(SchedulerSeatsTest, AnOrderHasAllQueuesOfItsKindAndNoOthers) {
  CreateWithoutSeats(2, 2);
  EXPECT_FALSE(SetSeat(2, 0, {Queue(0), Queue(1)}));
  EXPECT_FALSE(SetSeat(0, 3, {Queue(0), Queue(1)}));
  EXPECT_FALSE(SetSeat(0, 0, {Queue(0)}));
  EXPECT_FALSE(SetSeat(0, 0, {Queue(0), Queue(0)}));
  EXPECT_FALSE(SetSeat(0, 0, {Queue(0), Queue(1), Queue(2)}));
  EXPECT_FALSE(SetSeat(0, 0, {Queue(0), Queue(1), 2}));
  EXPECT_FALSE(SetSeat(0, 2, {Queue(2), Queue(1)}));
  EXPECT_FALSE(scheduler_->HasSeat(0));
  EXPECT_TRUE(SetSeat(0, 1, {Queue(1), 1, Queue(0)}));
  ASSERT_TRUE(scheduler_->Sit(0));
  EXPECT_TRUE(SetSeat(0, 0, {Queue(0), Queue(1)}));
  EXPECT_FALSE(SetSeat(0, 2, {Queue(2)}));
  scheduler_->Leave(0);
  EXPECT_TRUE(SetSeat(0, 2, {Queue(2)}));
}

TEST_F(SchedulerSeatsTest, WithoutStealingWhatAWorkerLeavesWaitsUntilItIsPutBack) {
  Create(2, 1, Steal::kNone);
  ASSERT_TRUE(SetSeat(0, 0, {Queue(0)}));
  ASSERT_TRUE(SetSeat(1, 0, {Queue(0)}));
  Sit(0, 1);
  scheduler_->Submit(0, 0);
  ASSERT_TRUE(scheduler_->FindWork(0));
  ASSERT_TRUE(scheduler_->Park(1));
  EXPECT_FALSE(scheduler_->WakeForBacklog());
  scheduler_->Leave(0);
  EXPECT_FALSE(Signalled(1));
  EXPECT_EQ(scheduler_->Backlog(), 1U);
  EXPECT_EQ(scheduler_->Requeue(0), 1U);
  EXPECT_TRUE(Signalled(1));
  scheduler_->Unpark(1);
  EXPECT_EQ(scheduler_->Next(1), 0U);
  scheduler_->Leave(1);
}

TEST_F(SchedulerSeatsTest, OnlyAWorkerThatServesTheQueueIsWoken) {
  CreateBothKinds();
  Sit(0, 3);
  ParkAll(0, 3);
  EXPECT_EQ(scheduler_->IdleSeats(0), 2U);
  EXPECT_EQ(scheduler_->IdleSeats(1), 2U);
  scheduler_->Submit(0, 1);
  EXPECT_EQ(Signals(2, 3), 1U);
  EXPECT_EQ(scheduler_->IdleSeats(1), 1U);
  scheduler_->Submit(1, 1);
  EXPECT_EQ(Signals(2, 3), 1U);
  scheduler_->Submit(2, 1);
  EXPECT_EQ(Signals(0, 3), 0U);
  EXPECT_EQ(scheduler_->IdleSeats(0), 2U);
  EXPECT_EQ(scheduler_->IdleSeats(1), 0U);
  scheduler_->Submit(3, 0);
  EXPECT_EQ(Signals(0, 1), 1U);
  EXPECT_EQ(scheduler_->BacklogOf(0), 1U);
  EXPECT_EQ(scheduler_->BacklogOf(1), 3U);
  EXPECT_EQ(scheduler_->Backlog(), 4U);
  LeaveAll(0, 3);
}

// Sleepers of one kind say nothing about the other: with its own two awake, a node's submission
// must not take the blocking ones for help, nor count them as asleep.
TEST_F(SchedulerSeatsTest, SleepersOfTheOtherKindAreNotCounted) {
  CreateBothKinds();
  Sit(0, 3);
  ParkAll(2, 3);
  for (uint32_t i = 0; i < 8; i++) scheduler_->Submit(i, 0);
  EXPECT_EQ(Signals(0, 3), 0U);
  EXPECT_FALSE(scheduler_->WakeForBacklog());
  EXPECT_FALSE(scheduler_->SleepersCouldHelp());
  scheduler_->Submit(8, 1);
  EXPECT_EQ(Signals(2, 3), 1U);
  LeaveAll(0, 3);
}

TEST_F(SchedulerSeatsTest, ATaskThatBlocksIsClaimedAlone) {
  CreateBothKinds();
  Sit(0, 3);
  for (uint32_t i = 0; i < 64; i++) scheduler_->Submit(i, 1);
  for (uint32_t i = 0; i < 64; i += 2) {
    ASSERT_EQ(scheduler_->Next(2), i);
    ASSERT_EQ(scheduler_->Next(3), i + 1);
    Finish(2, i);
    Finish(3, i + 1);
    EXPECT_EQ(scheduler_->TasksPerClaim(2), 1U);
  }
  EXPECT_EQ(scheduler_->Next(0), kNoSlot);
  LeaveAll(0, 3);
}

TEST_F(SchedulerSeatsTest, ASearcherStandsForOneTaskThatBlocks) {
  CreateBothKinds();
  Sit(0, 3);
  ParkAll(3, 3);
  scheduler_->BeginSearch(2);
  scheduler_->Submit(0, 1);
  EXPECT_FALSE(Signalled(3));
  scheduler_->Submit(1, 1);
  EXPECT_TRUE(Signalled(3));
  scheduler_->Unpark(3);
  EXPECT_EQ(scheduler_->Next(2), 0U);
  EXPECT_EQ(scheduler_->Next(3), 1U);
  ParkAll(3, 3);
  scheduler_->BeginSearch(2);
  scheduler_->Submit(2, 1);
  EXPECT_FALSE(Signalled(3));
  ASSERT_TRUE(scheduler_->FindWork(2));
  EXPECT_FALSE(Signalled(3));
  scheduler_->BeginSearch(2);
  scheduler_->StandAside(2);  // nothing left that it could pass on
  EXPECT_FALSE(Signalled(3));
  LeaveAll(0, 3);
}

TEST_F(SchedulerSeatsTest, WhoWasCalledAndDoesNotComeIsReplaced) {
  CreateBothKinds();
  Sit(2, 3);
  ParkAll(2, 3);
  scheduler_->Submit(0, 1);
  ASSERT_EQ(Signals(2, 3), 1U);
  uint32_t called = 0;
  while (called == 0 && scheduler_->WakeForBacklog()) {
    called = Signals(2, 3);
    std::this_thread::yield();
  }
  EXPECT_EQ(called, 1U);
  EXPECT_FALSE(scheduler_->WakeForBacklog());
  LeaveAll(2, 3);
}

// Tasks that wait for each other on their threads: each pair is finished only if both workers are
// awake for it, and nobody looks after the backlog.
class BlockingPairsTest : public SchedulerSeatsTest {
 protected:
  void Run(uint32_t index) override {
    if (index < kNodeTask) Meet(index % 2);
  }
  void Meet(uint32_t of) {
    const uint32_t round = round_.load(std::memory_order_acquire);
    arrived_[of].store(round, std::memory_order_release);
    while (arrived_[1 - of].load(std::memory_order_acquire) != round &&
           !stop_.load(std::memory_order_relaxed)) {
      std::this_thread::yield();
    }
  }

  static constexpr uint32_t kNodeTask = 2;
  std::atomic<bool> stop_{false};
  std::atomic<uint32_t> round_{0};
  std::atomic<uint32_t> arrived_[2] = {};
};

TEST_F(BlockingPairsTest, EachTaskHasAWorkerAtOnce) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  CreateBothKinds();
  constexpr uint32_t kRounds = 3'000;
  std::vector<std::atomic<uint32_t>> runs(1);
  std::vector<std::thread> workers;
  for (uint32_t seat = 0; seat < 4; seat++) {
    workers.emplace_back([&, seat] { Work(seat, stop_, UINT32_MAX, &runs); });
  }
  std::minstd_rand random(seed);
  uint32_t lost = 0;
  for (uint32_t round = 1; round <= kRounds && lost == 0; round++) {
    round_.store(round, std::memory_order_release);
    scheduler_->Submit(0, 1);
    for (uint32_t pause = random() % 64; pause > 0; pause--) CpuRelax();
    const uint32_t node_tasks = random() % 2;
    if (node_tasks > 0) scheduler_->Submit(kNodeTask, 0);
    scheduler_->Submit(1, 1);
    uint32_t out[kSlots];
    for (uint32_t back = 0; back < 2 + node_tasks && lost == 0;) {
      const uint32_t count = scheduler_->Reap(out, kSlots);
      back += count;
      if (count > 0) continue;
      owner_->Park();
      if (!scheduler_->HasCompletions() && !owner_->Wait(10'000)) lost++;
      owner_->CancelPark();
      owner_->Drain();
    }
    for (uint32_t pause = random() % 512; pause > 0; pause--) CpuRelax();
  }
  stop_.store(true, std::memory_order_release);
  for (uint32_t seat = 0; seat < 4; seat++) scheduler_->parker(seat)->Signal();
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(lost, 0U);
}

// Workers come to new seats, leave old ones and get other orders and nodes, all under load.
TEST_F(SchedulerSeatsTest, EveryTaskComesBackOnceWhileSeatsChange) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  constexpr uint32_t kSeats = 6;
  constexpr uint32_t kTasks = 30'000;
  CreateWithoutSeats(kSeats, 2);
  std::vector<std::atomic<uint32_t>> runs(kTasks);
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  std::minstd_rand random(seed);
  const auto open = [&](uint32_t seat) {
    ASSERT_TRUE(SetSeat(seat, seat % 2, FullOrder(seat, kSeats, 2)));
    workers.emplace_back([&, seat] {
      std::minstd_rand lifetime(seed + seat);
      while (!stop.load(std::memory_order_acquire)) {
        Work(seat, stop, 100 + lifetime() % 3'000, &runs);
      }
    });
  };
  open(kSeats - 1);
  std::vector<uint32_t> free;
  for (uint32_t i = 0; i < kSlots; i++) free.push_back(i);
  uint32_t submitted = 0;
  uint32_t back = 0;
  uint32_t out[kSlots];
  while (back < kTasks) {
    for (uint32_t n = 1 + random() % 64; n > 0 && submitted < kTasks && !free.empty(); n--) {
      const uint32_t index = free.back();
      free.pop_back();
      const uint32_t priority = random() % layout::kPriorities;
      scheduler_->slot(index).task = submitted | priority << layout::kPriorityBit;
      if (random() % 4 == 0) {
        scheduler_->SubmitBefore(index, random() % 2, 1 + random() % 1'000);
      } else {
        scheduler_->Submit(index, random() % 2);
      }
      submitted++;
    }
    const uint32_t made = static_cast<uint32_t>(workers.size());
    if (made < kSeats && submitted > made * (kTasks / kSeats)) open(kSeats - 1 - made);
    if (random() % 8 == 0) {
      const uint32_t seat = kSeats - 1 - random() % made;
      ASSERT_TRUE(SetSeat(seat, random() % 2, FullOrder(seat, kSeats, 2)));
    }
    const uint32_t count = scheduler_->Reap(out, kSlots);
    if (count == 0) {
      owner_->Park();
      if (!scheduler_->HasCompletions()) {
        owner_->Wait(scheduler_->WakeForBacklog() ? 1 : 10'000);
        owner_->Drain();
      }
      owner_->CancelPark();
    }
    free.insert(free.end(), out, out + count);
    back += count;
  }
  stop.store(true, std::memory_order_release);
  for (uint32_t seat = 0; seat < kSeats; seat++) {
    if (scheduler_->HasSeat(seat)) scheduler_->parker(seat)->Signal();
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(scheduler_->outstanding(), 0U);
  for (uint32_t i = 0; i < kTasks; i++) {
    ASSERT_EQ(runs[i].load(std::memory_order_relaxed), 1U) << "task " << i;
  }
}

}  // namespace
}  // namespace moirai
