// Tasks that workers make themselves, without the owner.
//
// A spawned task goes into the deque of the worker that spawned it, and its slot stays with the
// worker that ends it. Neither passes through the owner: a single thread that took back every task
// would be the limit of the whole machine. The owner only needs to know whether any is left, while
// it decides how to sleep, so each seat counts what it has spawned and what it has ended, and the
// owner adds up.
//
// Memory ordering. A worker counts a task as spawned before the push that makes it visible, and as
// ended (release) when it is; the owner adds up the ended first, the spawned after it. Whoever
// spawned a task did so before its own end, so an end that the owner has seen brings all that this
// task had spawned: as long as one task is left, of a submitted one and all that came of it, the
// owner counts at least one. A task that came back through Complete is taken off `outstanding_`
// instead; both wrap, and their sum is right.
#include "core/executor/scheduler.h"

namespace moirai {

bool Scheduler::Spawn(uint32_t seat, uint32_t index) {
  Seat& self = *SeatAt(seat);
  const uint32_t queue = self.queue.load(std::memory_order_relaxed);
  if (queue == blocking_queue()) return false;
  // Only thieves change it meanwhile, and they make room.
  if (self.deque.Size() >= Deque::kCapacity) return false;
  slot(index).state.store(static_cast<uint32_t>(Phase::kQueued), std::memory_order_relaxed);
  times_.Queued(index);
  // Before the count, so that an owner that sees the end of the task that runs here looks at the
  // count.
  if (!spawns_.load(std::memory_order_relaxed)) spawns_.store(true, std::memory_order_release);
  self.spawned.store(self.spawned.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  self.deque.Push(index);
  self.deque.Publish();
  if (steal_ != Steal::kNone && ShouldWake(queue)) WakeOne(queue);
  // One is left over: this worker is in a task.
  AskOwner(self, 1);
  return true;
}

void Scheduler::EndSpawned(uint32_t seat, uint32_t index) {
  Seat& self = *SeatAt(seat);
  times_.HandedBack(seat, index);
  self.ended.store(self.ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

// An owner that sleeps keeps its timer, and its process, for what may be left; who falls asleep
// tells it that there is less. The store again, seq_cst, before the look at the owner's flag; the
// owner sets its flag before it counts: one of the two sees the other.
void Scheduler::TellEnded(Seat& self) {
  const uint32_t ended = self.ended.load(std::memory_order_relaxed);
  if (ended == self.told) return;
  self.told = ended;
  self.ended.store(ended, std::memory_order_seq_cst);
  owner_->Unpark();
}

void Scheduler::CountSpawned() {
  if (!spawns_.load(std::memory_order_acquire)) return;
  uint32_t tasks = 0;
  ForEachSeat([&](const Seat& seat) {
    tasks -= seat.ended.load(std::memory_order_seq_cst);
    return true;
  });
  ForEachSeat([&](const Seat& seat) {
    tasks += seat.spawned.load(std::memory_order_relaxed);
    return true;
  });
  spawned_ = tasks;
}

}  // namespace moirai
