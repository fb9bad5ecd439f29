// A scheduler with threads in the place of event loops, for its tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <thread>
#include <vector>

#include "core/executor/scheduler.h"

namespace moirai {

inline constexpr uint32_t kSlots = 256;
inline constexpr uint64_t kBytes = 1U << 20;

class SchedulerTest : public testing::Test {
 protected:
  void SetUp() override {
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    owner_ = Ref<Parker>(new Parker);
  }
  void TearDown() override {
    scheduler_ = {};
    munmap(memory_, kBytes);
  }

  void CreateWithoutSeats(uint32_t seats, uint32_t nodes = 1, Steal steal = Steal::kAdaptive) {
    CpuShare::Process().SetCpus(2);
    scheduler_ = Scheduler::Create({memory_, kBytes, kBytes, kSlots, seats, nodes, steal}, owner_);
    ASSERT_TRUE(scheduler_);
  }

  bool SetSeat(uint32_t seat, uint32_t queue, const std::vector<uint32_t>& order) {
    return scheduler_->SetSeat(seat, queue, -1, order.data(), static_cast<uint32_t>(order.size()));
  }

  // The own node's queue, all other seats below `seats`, the other nodes' queues.
  static std::vector<uint32_t> FullOrder(uint32_t seat, uint32_t seats, uint32_t nodes) {
    const uint32_t node = seat % nodes;
    std::vector<uint32_t> order{SearchStep::kInjector | node};
    for (uint32_t i = 1; i < seats; i++) order.push_back((seat + i) % seats);
    for (uint32_t i = 1; i < nodes; i++) {
      order.push_back(SearchStep::kInjector | ((node + i) % nodes));
    }
    return order;
  }

  void Create(uint32_t seats, uint32_t nodes = 1, Steal steal = Steal::kAdaptive) {
    ASSERT_NO_FATAL_FAILURE(CreateWithoutSeats(seats, nodes, steal));
    for (uint32_t seat = 0; seat < seats; seat++) {
      ASSERT_TRUE(SetSeat(seat, seat % nodes, FullOrder(seat, seats, nodes)));
    }
  }

  // What a task does, on its worker's thread.
  virtual void Run(uint32_t /*index*/) {}

  void Finish(uint32_t seat, uint32_t index) {
    std::atomic<uint32_t>& state = scheduler_->slot(index).state;
    state.store(Slot::With(state.load(std::memory_order_relaxed), Phase::kDone),
                std::memory_order_relaxed);
    scheduler_->Complete(seat, index);
  }

  // A worker's life as its event loop leads it; leaves when `stop`, or after `lifetime` tasks.
  void Work(uint32_t seat, const std::atomic<bool>& stop, uint32_t lifetime,
            std::vector<std::atomic<uint32_t>>* runs) {
    ASSERT_TRUE(scheduler_->Sit(seat));
    CpuShare::Presence presence;
    presence.Enter(CpuShare::Process());
    const Ref<Parker> parker = scheduler_->parker(seat);
    uint32_t done = 0;
    while (!stop.load(std::memory_order_acquire) && done < lifetime) {
      const uint32_t index = scheduler_->Next(seat);
      if (index != kNoSlot) {
        (*runs)[scheduler_->slot(index).task & 0xffff].fetch_add(1, std::memory_order_relaxed);
        Run(index);
        Finish(seat, index);
        done++;
        continue;
      }
      scheduler_->BeginSearch(seat);
      if (scheduler_->FindWork(seat) || !scheduler_->Park(seat)) continue;
      presence.Leave(CpuShare::Process());
      // Long enough that a lost wake-up shows as a test that takes minutes, not as a retry.
      parker->Wait(10'000);
      parker->Drain();
      presence.Enter(CpuShare::Process());
      scheduler_->Unpark(seat);
    }
    presence.Leave(CpuShare::Process());
    scheduler_->Leave(seat);
  }

  uint8_t* memory_ = nullptr;
  Ref<Parker> owner_;
  Ref<Scheduler> scheduler_;
};

}  // namespace moirai
