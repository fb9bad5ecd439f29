// Several nodes: whose work it is that waits on one of them, who is called for it, and what becomes
// of hints.
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/executor/scheduler.h"
#include "core/executor/scheduler_fixture_test.h"

namespace moirai {

namespace {
constexpr uint32_t Queue(uint32_t queue) { return SearchStep::kInjector | queue; }
}  // namespace

class SchedulerNodesTest : public SchedulerTest {
 protected:
  // Seats in turn to each node. Each looks on its own node first, then in the order of the ring.
  void CreateNodes(uint32_t seats, uint32_t nodes, Steal steal = Steal::kAdaptive) {
    ASSERT_NO_FATAL_FAILURE(CreateWithoutSeats(seats, nodes, steal));
    for (uint32_t seat = 0; seat < seats; seat++) {
      const uint32_t node = seat % nodes;
      ASSERT_TRUE(SetSeat(seat, node, Order(seat, seats, nodes)));
    }
  }
  static std::vector<uint32_t> Order(uint32_t seat, uint32_t seats, uint32_t nodes) {
    std::vector<uint32_t> order;
    for (uint32_t k = 0; k < nodes; k++) {
      const uint32_t node = (seat + k) % nodes;
      order.push_back(Queue(node));
      for (uint32_t other = node; other < seats; other += nodes) {
        const uint32_t distance = k == 0 ? 2 : 3;
        if (other != seat) order.push_back(other | distance << SearchStep::kDistanceShift);
      }
    }
    return order;
  }
  // However slow this machine is, tasks are being taken.
  void Progress() {
    scheduler_->groups_[SeatGroup::kNodes].last_progress.store(NowNs() + 60'000'000'000,
                                                               std::memory_order_relaxed);
  }
  bool Signalled(uint32_t seat) {
    const bool signalled = scheduler_->parker(seat)->Wait(0);
    if (signalled) scheduler_->parker(seat)->Drain();
    return signalled;
  }
  // As if so much time had passed that nobody relies on those who are idle on a node any more.
  void LosePatience(uint32_t seat, uint32_t node) {
    constexpr uint64_t kLong = Scheduler::kMaxLeaveNs + 1'000'000;
    scheduler_->SeatAt(seat)->left_at -= kLong;
    scheduler_->nodes_[node].last_progress.fetch_sub(kLong, std::memory_order_relaxed);
    scheduler_->nodes_[node].filled_at.fetch_sub(kLong, std::memory_order_relaxed);
  }
  void Sit(uint32_t seats) {
    for (uint32_t seat = 0; seat < seats; seat++) ASSERT_TRUE(scheduler_->Sit(seat));
  }
  void LeaveAll(uint32_t seats) {
    for (uint32_t seat = 0; seat < seats; seat++) scheduler_->Leave(seat);
  }
};

namespace {

TEST_F(SchedulerNodesTest, ATaskIsLeftToTheWorkerOfItsNodeThatWasCalled) {
  CreateNodes(4, 2);
  Sit(4);
  ASSERT_TRUE(scheduler_->Park(1));
  ASSERT_TRUE(scheduler_->Park(3));
  scheduler_->BeginSearch(0);
  scheduler_->Submit(7, 1);
  // A searcher of another node is not the help that it waits for.
  EXPECT_TRUE(Signalled(1));
  EXPECT_FALSE(scheduler_->FindWork(0));
  EXPECT_EQ(scheduler_->BacklogOf(1), 1U);
  scheduler_->Unpark(1);
  EXPECT_EQ(scheduler_->Next(1), 7U);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, WhoComesByCallsASleeperOfTheNode) {
  CreateNodes(4, 2);
  CpuShare::Process().SetCpus(0);  // no CPU is free: the owner calls nobody
  Sit(4);
  Progress();
  ASSERT_TRUE(scheduler_->Park(3));
  scheduler_->BeginSearch(0);
  scheduler_->Submit(7, 1);
  EXPECT_FALSE(Signalled(3));
  EXPECT_FALSE(scheduler_->FindWork(0));
  EXPECT_TRUE(Signalled(3));
  EXPECT_FALSE(scheduler_->FindWork(0));
  EXPECT_FALSE(Signalled(3));
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, ANodeWhoseWorkersAreAllBusyIsHelped) {
  CreateNodes(4, 2);
  Sit(4);
  scheduler_->Submit(7, 1);
  ASSERT_TRUE(scheduler_->FindWork(0));
  EXPECT_EQ(scheduler_->Next(0), 7U);
  // What one of them has claimed, too.
  scheduler_->Submit(8, 1);
  ASSERT_TRUE(scheduler_->FindWork(1));
  ASSERT_TRUE(scheduler_->FindWork(2));
  EXPECT_EQ(scheduler_->stats(2).stolen_from[3].load(std::memory_order_relaxed), 1U);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, AThiefTakesFromTheLongestDequeOfItsNodeThenOfAllOthers) {
  CreateNodes(6, 3, Steal::kOne);
  Sit(6);
  const auto spawn = [&](uint32_t seat, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) ASSERT_TRUE(scheduler_->Spawn(seat, first + i));
  };
  spawn(3, 10, 1);  // of the thief's own node
  spawn(1, 20, 2);  // of the next one
  spawn(4, 30, 3);
  spawn(2, 40, 3);  // as long, and farther
  spawn(5, 50, 1);
  EXPECT_EQ(scheduler_->Next(0), 10U) << "shorter, but near";
  EXPECT_EQ(scheduler_->Next(0), 30U) << "the oldest of the longest";
  EXPECT_EQ(scheduler_->Next(0), 40U) << "the longest now";
  spawn(3, 60, 1);
  EXPECT_EQ(scheduler_->Next(0), 60U);
  EXPECT_EQ(scheduler_->stats(0).stolen_from[2].load(std::memory_order_relaxed), 2U);
  EXPECT_EQ(scheduler_->stats(0).stolen_from[3].load(std::memory_order_relaxed), 2U);
  LeaveAll(6);
}

TEST_F(SchedulerNodesTest, AClaimedTaskIsLeftToIdleNeighbours) {
  CreateNodes(4, 2);
  Sit(4);
  scheduler_->Submit(8, 1);
  ASSERT_TRUE(scheduler_->FindWork(1));
  scheduler_->BeginSearch(3);
  EXPECT_FALSE(scheduler_->FindWork(0));
  ASSERT_TRUE(scheduler_->FindWork(3));
  EXPECT_EQ(scheduler_->stats(3).stolen_from[2].load(std::memory_order_relaxed), 1U);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, ACalledWorkerThatDoesNotComeIsNotWaitedForLong) {
  CreateNodes(4, 2);
  Sit(4);
  ASSERT_TRUE(scheduler_->Park(1));
  scheduler_->BeginSearch(0);
  scheduler_->Submit(7, 1);
  EXPECT_FALSE(Signalled(1)) << "the searcher sees it";
  EXPECT_FALSE(scheduler_->FindWork(0));
  ASSERT_TRUE(Signalled(1));
  while (!scheduler_->FindWork(0)) std::this_thread::yield();
  EXPECT_EQ(scheduler_->Next(0), 7U);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, WhatABusyWorkerTakesIsNoSignOfTheCalledOne) {
  constexpr uint32_t kTasks = 64;
  CreateNodes(4, 2);
  Sit(4);
  ASSERT_TRUE(scheduler_->Park(3));
  scheduler_->BeginSearch(0);
  for (uint32_t index = 0; index < kTasks; index++) scheduler_->Submit(index, 1);
  ASSERT_TRUE(Signalled(3));
  EXPECT_FALSE(scheduler_->FindWork(0));
  LosePatience(0, 1);
  ASSERT_NE(scheduler_->Next(1), kNoSlot);
  ASSERT_TRUE(scheduler_->FindWork(0));
  // And goes on without being patient again.
  for (uint32_t n = 0; n < 4; n++) {
    ASSERT_NE(scheduler_->Next(1), kNoSlot);
    ASSERT_NE(scheduler_->Next(0), kNoSlot);
  }
  // Until the called one is here.
  scheduler_->Unpark(3);
  for (uint32_t n = 0; scheduler_->Next(0) != kNoSlot; n++) ASSERT_LT(n, kTasks);
  EXPECT_GT(scheduler_->BacklogOf(1), 0U);
  EXPECT_NE(scheduler_->Next(3), kNoSlot);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, SignsOfOneNodeAreNoneOfAnother) {
  CreateNodes(6, 3);
  Sit(6);
  ASSERT_TRUE(scheduler_->Park(4));
  ASSERT_TRUE(scheduler_->Park(5));
  scheduler_->BeginSearch(0);
  scheduler_->Submit(7, 1);
  scheduler_->Submit(8, 2);
  EXPECT_FALSE(scheduler_->FindWork(0));
  LosePatience(0, 2);
  scheduler_->Unpark(4);
  ASSERT_EQ(scheduler_->Next(0), 8U);
  ASSERT_EQ(scheduler_->Next(4), 7U);
  LeaveAll(6);
}

TEST_F(SchedulerNodesTest, ImpatienceIsNotForWhatHasOnlyJustCome) {
  CreateNodes(6, 3);
  Sit(6);
  scheduler_->BeginSearch(4);
  scheduler_->BeginSearch(5);
  scheduler_->Submit(7, 1);
  EXPECT_FALSE(scheduler_->FindWork(0));
  LosePatience(0, 1);
  LosePatience(0, 2);
  scheduler_->Submit(8, 2);
  ASSERT_EQ(scheduler_->Next(0), 7U);
  EXPECT_EQ(scheduler_->Next(0), kNoSlot);
  ASSERT_EQ(scheduler_->Next(5), 8U);
  LeaveAll(6);
}

TEST_F(SchedulerNodesTest, WhoFallsAsleepWithWorkOfOthersInSightCallsOneOfThem) {
  CreateNodes(4, 2);
  CpuShare::Process().SetCpus(0);  // no CPU is free: the owner calls nobody
  Sit(4);
  Progress();
  ASSERT_TRUE(scheduler_->Park(3));
  scheduler_->BeginSearch(0);
  EXPECT_FALSE(scheduler_->FindWork(0));
  // Between its last look and its sleep.
  scheduler_->Submit(7, 1);
  EXPECT_FALSE(Signalled(3));
  EXPECT_TRUE(scheduler_->Park(0));
  EXPECT_TRUE(Signalled(3));
  scheduler_->Unpark(3);
  EXPECT_EQ(scheduler_->Next(3), 7U);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, WhoFallsAsleepWithAClaimOfOthersInSightCallsOneOfThem) {
  CreateNodes(4, 2);
  CpuShare::Process().SetCpus(0);
  Sit(4);
  Progress();
  ASSERT_TRUE(scheduler_->Park(3));
  scheduler_->Submit(7, 1);
  // One runs what it has claimed; the first may take long.
  ASSERT_TRUE(scheduler_->FindWork(1));
  scheduler_->BeginSearch(0);
  EXPECT_TRUE(scheduler_->Park(0));
  EXPECT_TRUE(Signalled(3));
  scheduler_->Unpark(3);
  EXPECT_EQ(scheduler_->Next(3), 7U);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, WhoFallsAsleepWithWorkOfOthersInSightAsksTheOwner) {
  CreateNodes(4, 2);
  Sit(4);
  scheduler_->BeginSearch(0);
  scheduler_->BeginSearch(3);
  scheduler_->Submit(7, 1);
  owner_->Park();
  EXPECT_FALSE(scheduler_->WakeForBacklog());  // nobody sleeps yet
  EXPECT_TRUE(scheduler_->Park(0));
  EXPECT_TRUE(owner_->Wait(0));
  owner_->Drain();
  EXPECT_TRUE(scheduler_->WakeForBacklog());
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, TheNearestIsCalledWhereTheNodeHasNoSleeper) {
  CreateNodes(3, 3);
  // From node 0, node 2 is nearer than node 1.
  ASSERT_TRUE(SetSeat(0, 0, {Queue(0), Queue(2), 2, Queue(1), 1}));
  Sit(3);
  ASSERT_TRUE(scheduler_->Park(1));
  ASSERT_TRUE(scheduler_->Park(2));
  scheduler_->Submit(7, 0);
  EXPECT_TRUE(Signalled(2));
  EXPECT_FALSE(Signalled(1));
  LeaveAll(3);
}

TEST_F(SchedulerNodesTest, WhatTheLastSearcherOfANodeLeavesIsSeenByTheOthers) {
  CreateNodes(4, 2);
  Sit(4);
  ASSERT_TRUE(scheduler_->Park(3));
  Progress();
  scheduler_->BeginSearch(0);
  scheduler_->BeginSearch(1);
  scheduler_->Submit(7, 1);
  scheduler_->Submit(8, 1);
  EXPECT_FALSE(Signalled(3));
  ASSERT_TRUE(scheduler_->FindWork(1));
  EXPECT_FALSE(Signalled(3)) << "the searcher of the other node sees it";
  EXPECT_FALSE(scheduler_->FindWork(0));
  EXPECT_TRUE(Signalled(3));
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, AWorkerThatIsMovedIsCountedWhereItIs) {
  CreateNodes(4, 2);
  Sit(4);
  ASSERT_TRUE(scheduler_->Park(2));
  // Moved in its sleep: it is woken to go there.
  ASSERT_TRUE(SetSeat(2, 1, Order(1, 4, 2)));
  EXPECT_TRUE(Signalled(2));
  scheduler_->Unpark(2);
  EXPECT_FALSE(scheduler_->FindWork(2));
  ASSERT_TRUE(scheduler_->Park(2));
  scheduler_->Submit(7, 1);
  EXPECT_TRUE(Signalled(2));
  // Node 0 has but one worker, and that is busy.
  scheduler_->Submit(8, 0);
  scheduler_->Unpark(2);
  EXPECT_EQ(scheduler_->Next(2), 7U);
  EXPECT_EQ(scheduler_->Next(2), 8U);
  LeaveAll(4);
}

TEST_F(SchedulerNodesTest, AHintIsHonouredByAWorkerOfItsNode) {
  CreateNodes(4, 2);
  Sit(4);
  for (uint32_t index = 0; index < 3; index++) {
    scheduler_->slot(index).task = index < 2 ? 1U << layout::kHintedBit : 0;
    scheduler_->Submit(index, 1);
  }
  ASSERT_EQ(scheduler_->Next(1), 0U);
  ASSERT_EQ(scheduler_->Next(2), 1U);
  ASSERT_EQ(scheduler_->Next(0), 2U);
  const auto hints = [&](uint32_t seat) {
    const SeatStats& stats = scheduler_->stats(seat);
    return std::pair(stats.hints_honoured.load(std::memory_order_relaxed),
                     stats.hints_missed.load(std::memory_order_relaxed));
  };
  EXPECT_EQ(hints(1), std::pair(uint64_t{1}, uint64_t{0}));
  EXPECT_EQ(hints(2), std::pair(uint64_t{0}, uint64_t{1}));
  EXPECT_EQ(hints(0), std::pair(uint64_t{0}, uint64_t{0}));
  LeaveAll(4);
}

// Bursts and single tasks to any node, with workers that leave and return: nothing is lost, and the
// owner is never left without a wake-up.
TEST_F(SchedulerNodesTest, EveryTaskComesBackOnce) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RecordProperty("seed", static_cast<int>(seed));
  constexpr uint32_t kSeats = 6;
  constexpr uint32_t kNodes = 3;
  constexpr uint32_t kTasks = 20'000;
  CreateNodes(kSeats, kNodes);
  std::vector<std::atomic<uint32_t>> runs(kTasks);
  std::atomic<bool> stop{false};
  std::vector<std::thread> workers;
  for (uint32_t seat = 0; seat < kSeats; seat++) {
    workers.emplace_back([&, seat] {
      std::minstd_rand lifetime(seed + seat);
      while (!stop.load(std::memory_order_acquire)) {
        Work(seat, stop, 50 + lifetime() % 2'000, &runs);
      }
    });
  }
  std::minstd_rand random(seed);
  std::vector<uint32_t> free;
  for (uint32_t i = 0; i < kSlots; i++) free.push_back(i);
  uint32_t submitted = 0;
  uint32_t lost = 0;
  uint32_t out[kSlots];
  for (uint32_t back = 0; back < kTasks && lost == 0;) {
    const uint32_t node = random() % kNodes;
    for (uint32_t n = random() % 3 == 0 ? 1 + random() % 32 : 1; n > 0; n--) {
      if (submitted == kTasks || free.empty()) break;
      const uint32_t index = free.back();
      free.pop_back();
      scheduler_->slot(index).task = submitted++;
      scheduler_->Submit(index, random() % 4 == 0 ? random() % kNodes : node);
    }
    const uint32_t count = scheduler_->Reap(out, kSlots);
    if (count == 0) {
      owner_->Park();
      if (!scheduler_->HasCompletions()) {
        const bool again = scheduler_->WakeForBacklog();
        if (!owner_->Wait(again ? 1 : 10'000) && !again) lost++;
        owner_->Drain();
      }
      owner_->CancelPark();
    }
    free.insert(free.end(), out, out + count);
    back += count;
    for (uint32_t pause = random() % 256; pause > 0; pause--) CpuRelax();
  }
  stop.store(true, std::memory_order_release);
  for (uint32_t seat = 0; seat < kSeats; seat++) scheduler_->parker(seat)->Signal();
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(lost, 0U);
  for (uint32_t i = 0; i < kTasks; i++) {
    ASSERT_EQ(runs[i].load(std::memory_order_relaxed), 1U) << "task " << i;
  }
}

}  // namespace
}  // namespace moirai
