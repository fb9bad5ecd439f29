// Seats come into being one by one and may be moved while their workers run; what waits, summed
// over queues and seats.
#include <bit>
#include <new>

#include "core/executor/scheduler.h"

namespace moirai {

Scheduler::Seat* Scheduler::MakeSeat() {
  auto* const seat = new (std::nothrow) Seat;
  if (seat == nullptr) return nullptr;
  seat->steal = StealPolicy(steal_);
  seat->parker = Ref<Parker>(new (std::nothrow) Parker);
  if (seat->parker && seat->parker->ok() && seat->completions.Init(std::bit_ceil(slots_))) {
    return seat;
  }
  delete seat;
  return nullptr;
}

// All queues of the group, none of the other, and only seats that can exist.
bool Scheduler::IsOrderOf(uint32_t group, const uint32_t* order, uint32_t steps) const {
  uint32_t found = 0;
  for (uint32_t i = 0; i < steps; i++) {
    const SearchStep step{order[i]};
    if (step.index() >= (step.is_injector() ? queues() : seat_capacity_)) return false;
    if (!step.is_injector()) continue;
    if (GroupOf(step.index()) != group) return false;
    // Each once: a queue that stands here twice counts where it stands first.
    bool again = false;
    for (uint32_t j = 0; j < i; j++) again = again || order[j] == order[i];
    found += again ? 0 : 1;
  }
  return found == (group == SeatGroup::kBlocking ? 1 : node_count_);
}

bool Scheduler::SetSeat(uint32_t seat, uint32_t queue, int32_t cpu, const uint32_t* order,
                        uint32_t steps) {
  if (seat >= seat_capacity_ || queue >= queues()) return false;
  if (!IsOrderOf(GroupOf(queue), order, steps)) return false;
  Seat* self = SeatAt(seat);
  const bool exists = self != nullptr;
  if (!exists) {
    self = MakeSeat();
    if (self == nullptr) return false;
  } else if (GroupOf(*self) != GroupOf(queue) && self->taken.load(std::memory_order_acquire) != 0) {
    return false;
  }
  if (!self->order.Give(order, steps)) {
    if (!exists) delete self;
    return false;
  }
  const bool moved = exists && self->queue.load(std::memory_order_relaxed) != queue;
  self->queue.store(queue, std::memory_order_relaxed);
  self->cpu.store(cpu, std::memory_order_relaxed);
  if (NodeOf(queue) != nullptr) SetNear(queue, order, steps);
  // Asleep, it would go on being counted where it was.
  if (moved) self->parker->Signal();
  if (!exists) {
    seats_[seat].store(self, std::memory_order_release);
    const uint32_t end = seat_end_.load(std::memory_order_relaxed);
    if (seat >= end) seat_end_.store(seat + 1, std::memory_order_release);
  }
  return true;
}

uint64_t Scheduler::Backlog() const {
  uint64_t tasks = 0;
  for (uint32_t queue = 0; queue < queues(); queue++) tasks += queues_[queue].Size();
  ForEachSeat([&](const Seat& seat) {
    tasks += static_cast<uint64_t>(seat.deque.Size());
    return true;
  });
  return tasks;
}

uint32_t Scheduler::IdleSeats(uint32_t queue) const {
  const int32_t parked = groups_[GroupOf(queue)].parked_count.load(std::memory_order_relaxed);
  return parked > 0 ? static_cast<uint32_t>(parked) : 0;
}

// What others have claimed is out of a sleeper's reach where nobody steals; a blocking seat's deque
// holds one task at most, and that one is about to run.
bool Scheduler::HasWorkFor(uint32_t group) const {
  if (group == SeatGroup::kBlocking) return !queues_[blocking_queue()].Empty();
  for (uint32_t node = 0; node < node_count_; node++) {
    if (!queues_[node].Empty()) return true;
  }
  if (steal_ == Steal::kNone) return false;
  bool found = false;
  ForEachSeat([&](const Seat& seat) {
    return !(found = seat.deque.Size() > 0 && GroupOf(seat) == SeatGroup::kNodes);
  });
  return found;
}

uint64_t Scheduler::WorkFor(uint32_t group, uint64_t enough) const {
  if (group == SeatGroup::kBlocking) return queues_[blocking_queue()].Size();
  uint64_t tasks = 0;
  for (uint32_t node = 0; node < node_count_; node++) tasks += queues_[node].Size();
  if (steal_ == Steal::kNone) return tasks;
  ForEachSeat([&](const Seat& seat) {
    if (tasks >= enough) return false;
    if (GroupOf(seat) == SeatGroup::kNodes) tasks += static_cast<uint64_t>(seat.deque.Size());
    return true;
  });
  return tasks;
}

}  // namespace moirai
