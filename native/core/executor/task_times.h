// How long tasks wait and run: read at the crossings from one task to the next, kept in the slot
// and in histograms of each seat.
//
// A crossing reads the clock once: the end of one task is the start of the next. A task waits from
// when it was queued until a worker begins it (until its arguments are there, if they come by
// message), and runs until it is finished, while others take turns with it if it is asynchronous.
// Both are recorded when it is finished; a task that is cancelled or lost is in no histogram.
//
// Threads: the owner's are marked; all else is the worker's that sits in the seat. What a worker
// writes about a slot (`started_`, `measured_`, the slot's `times`) the owner reads once the slot
// has come back through the completion ring, which orders it. `queued_` is written by whoever
// queues the slot.
//
// With statistics off nothing is read or written, but of tasks with a time limit, whose slots say
// how long they waited.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/cpu.h"
#include "core/base/histogram.h"
#include "core/base/ticks.h"
#include "core/executor/slot.h"

namespace moirai {

// What a task used of its worker's thread: its synchronous part, if it asked to be measured.
struct TaskUse {
  uint64_t cpu_ns;
  uint64_t preemptions;
};

class TaskTimes {
 public:
  TaskTimes() = default;
  TaskTimes(const TaskTimes&) = delete;
  TaskTimes& operator=(const TaskTimes&) = delete;
  ~TaskTimes();

  // False: memory is short.
  bool Init(Slot* slots, uint32_t slot_count, uint32_t seats, bool on);
  bool on() const { return on_; }

  // The owner, or the worker that spawns: the slot is about to be queued.
  void Queued(uint32_t index) {
    if (!on_ && !IsTimed(index)) return;
    const uint64_t now = clock_.Now();
    Times(index).store(now, std::memory_order_relaxed);
    if (on_) queued_[index] = now;
  }
  // Owner: when the slot's task was queued, in ticks.
  uint64_t queued(uint32_t index) const { return on_ ? queued_[index] : 0; }
  // Owner: how long the task has waited and run so far, in ns, whatever its phase.
  struct Took {
    float waited;
    float ran;
  };
  Took TookSoFar(uint32_t index);
  // Owner: what a measured task that has come back used.
  TaskUse use(uint32_t index) const { return on_ ? measured_[index] : TaskUse{}; }
  // How long ago something was, in ns.
  double Since(uint64_t ticks) const { return clock_.Between(ticks, clock_.Now()); }

  // A worker has sat down.
  void Sat(uint32_t seat);
  // The clock is read; what follows until the next crossing happens now.
  void Cross(uint32_t seat) {
    if (on_) seats_[seat].now = clock_.Now();
  }
  // Before the compare-exchange that makes the slot run, so that whoever sees it running reads how
  // long it waited.
  void Started(uint32_t seat, uint32_t index) {
    if (on_) {
      Start(seats_[seat], index);
    } else if (IsTimed(index)) {
      StartUncounted(index);
    }
  }
  // The task that runs has given the thread back and goes on asynchronously.
  void WentOn(uint32_t seat) {
    if (on_ && seats_[seat].running != kNoSlot) SetAside(seats_[seat]);
  }
  // The arguments that the task waited for are there.
  void Resumed(uint32_t seat, uint32_t index);
  // Before the slot's phase says so.
  void Finished(uint32_t seat, uint32_t index) {
    if (on_) Finish(seat, index);
  }

  // The slot is the worker's no longer from here on, finished or not.
  void HandedBack(uint32_t seat, uint32_t index) {
    if (on_ && seats_[seat].running == index) seats_[seat].running = kNoSlot;
  }

  // Any thread.
  const Histogram& waiting(uint32_t seat, uint32_t priority) const {
    return histograms_[seat * kHistograms + priority];
  }
  const Histogram& running(uint32_t seat) const {
    return histograms_[seat * kHistograms + layout::kPriorities];
  }

 private:
  static constexpr uint32_t kHistograms = layout::kPriorities + 1;

  struct alignas(kFalseSharingBytes) Seat {
    uint64_t now = 0;
    uint32_t running = kNoSlot;  // the task that has the thread
    uint64_t started = 0;
    TaskUse before = {};  // of the thread, when a measured task began
  };

  // The slot's `times`; one word, since the owner may look while a worker writes.
  std::atomic_ref<uint64_t> Times(uint32_t index) const {
    return std::atomic_ref<uint64_t>(slots_[index].times);
  }
  Took LoadTook(uint32_t index) const;
  void StoreTook(uint32_t index, Took took);
  // Somebody wants to know how long it runs, whether statistics are on or not.
  bool IsTimed(uint32_t index) const { return (slots_[index].task >> layout::kTimedBit & 1U) != 0; }
  void StartUncounted(uint32_t index);
  void Start(Seat& self, uint32_t index);
  void Measure(Seat& self, uint32_t index);
  void SetAside(Seat& self);
  void Finish(uint32_t seat, uint32_t index);

  TickClock& clock_ = TickClock::Process();
  bool on_ = false;
  Slot* slots_ = nullptr;
  Seat* seats_ = nullptr;
  Histogram* histograms_ = nullptr;
  uint64_t* queued_ = nullptr;
  uint64_t* started_ = nullptr;  // of tasks that were set aside
  TaskUse* measured_ = nullptr;
};

}  // namespace moirai
