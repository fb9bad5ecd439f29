// Where order is restored: claims that took longer than they should, and those of workers that are
// gone.
#include "core/executor/scheduler.h"

namespace moirai {

void Scheduler::NoteTime(uint32_t seat, uint64_t now) {
  Seat& self = *SeatAt(seat);
  // `now` may be from before the claim.
  if (self.claimed_at != 0 && static_cast<int64_t>(now - self.claimed_at) > kOverdueNs) {
    self.overdue = true;
  }
}

// A claim should be run in about kClaimNs. If it is not, what waits in the seat's own queue and is
// more urgent than the task just popped comes first: it is claimed on top of it. But not every
// time, so that what was claimed comes to its end under a steady load of something more urgent.
bool Scheduler::GiveWay(Seat& self, uint32_t index) {
  BandQueue& queue = queues_[self.queue.load(std::memory_order_relaxed)];
  const uint32_t own = ClassOf(index);
  if (queue.First() >= own || ++self.gave_way % BandQueue::kAgeing == 0) return false;
  if (self.deque.Size() > Deque::kCapacity - kMaxClaim - 1) return false;
  AdaptClaim(self);
  uint32_t batch[kMaxClaim];
  const uint32_t count = queue.ClaimAbove(own, batch, self.claim);
  if (count == 0) return false;
  self.deque.Push(index);
  PushClaimed(self, batch, count);
  self.deque.Publish();
  CallNext(self, false);
  AskOwner(self, 2);
  return true;
}

uint32_t Scheduler::Requeue(uint32_t seat) {
  Seat& left = *SeatAt(seat);
  const uint32_t queue = left.queue.load(std::memory_order_relaxed);
  uint32_t taken[Deque::kCapacity];
  uint32_t count = 0;
  while (count < Deque::kCapacity) {
    const Deque::StealResult result = left.deque.Steal(&taken[count]);
    if (result == Deque::StealResult::kEmpty) break;
    if (result == Deque::StealResult::kTaken) count++;
  }
  // A deque's oldest entry is the one that would have run last.
  for (uint32_t i = count; i > 0; i--) Publish(taken[i - 1], queue);
  return count;
}

}  // namespace moirai
