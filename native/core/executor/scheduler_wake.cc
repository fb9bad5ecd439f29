// Who sleeps, who searches, and who is woken; argued in docs/architecture/parking.md.
#include <sched.h>

#include <bit>

#include "core/base/clock.h"
#include "core/executor/scheduler.h"

namespace moirai {

bool Scheduler::WakeForBacklog() {
  CountSpawned();
  // Before the look, seq_cst: who fills a deque after it finds this set (AskOwner).
  unasked_.store(1, std::memory_order_seq_cst);
  bool waits = false;
  for (uint32_t g = 0; g < SeatGroup::kGroups; g++) {
    SeatGroup& group = groups_[g];
    if (group.parked_count.load(std::memory_order_seq_cst) <= 0 || !HasWorkFor(g)) continue;
    waits = true;
    const bool wake = g == SeatGroup::kBlocking
                          ? ShouldWake(g)
                          : group.searching.load(std::memory_order_seq_cst) <= 0 && HelpPays();
    if (!wake && !Stalled(g)) continue;
    group.last_progress.store(NowNs(), std::memory_order_relaxed);  // the next not before it is due
    WakeOne(g == SeatGroup::kBlocking ? blocking_queue() : 0);
  }
  if (waits) unasked_.store(0, std::memory_order_seq_cst);
  return waits;
}

// Between a claim and the pushes that follow, tasks are in no queue. An owner that went to sleep
// just then, or before the others did, set no timer for them, and this worker's first one may be
// long.
void Scheduler::AskOwner(const Seat& self, int64_t left_over) {
  if (unasked_.load(std::memory_order_seq_cst) == 0 || steal_ == Steal::kNone) return;
  if (self.deque.Size() < left_over) return;
  if (groups_[SeatGroup::kNodes].parked_count.load(std::memory_order_seq_cst) <= 0) return;
  if (unasked_.exchange(0, std::memory_order_seq_cst) != 0) owner_->Unpark();
}

void Scheduler::StandAside(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  if (!self.searching) return;
  EndSearch(seat, false);
  PassOn(self.queue.load(std::memory_order_relaxed));
}

void Scheduler::SetAvailable(uint32_t seat, bool available) {
  Seat& self = *SeatAt(seat);
  if (self.available == available) return;
  self.available = available;
  Group(self).available.fetch_add(available ? 1 : -1, std::memory_order_seq_cst);
  if (!available) PassOn(self.queue.load(std::memory_order_relaxed));
}

void Scheduler::PassOn(uint32_t queue) {
  const uint32_t group = GroupOf(queue);
  if (groups_[group].parked_count.load(std::memory_order_seq_cst) > 0 && HasWorkFor(group)) {
    WakeOne(queue);
  }
}

void Scheduler::BeginSearch(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  if (self.searching) return;
  self.searching = true;
  Group(self).searching.fetch_add(1, std::memory_order_seq_cst);
}

void Scheduler::EndSearch(uint32_t seat, bool found) {
  Seat& self = *SeatAt(seat);
  if (!self.searching) return;
  self.searching = false;
  const uint32_t group = GroupOf(self);
  const int32_t before = groups_[group].searching.fetch_sub(1, std::memory_order_seq_cst);
  // While it searched, submissions woke nobody else: the last one to stop passes that on. Less than
  // one: whoever called this seat has cleared its bit and is yet to count it. Where every task
  // blocks a thread, each one does.
  if (found && (before <= 1 || group == SeatGroup::kBlocking) && ShouldWake(group) &&
      HasWorkFor(group)) {
    WakeOne(self.queue.load(std::memory_order_relaxed));
  }
}

bool Scheduler::VisibleWork(const Seat& seat) const {
  if (seat.deque.Size() > 0) return true;
  for (const SearchStep& step : seat.order) {
    if (step.is_injector()) {
      if (!queues_[step.index()].Empty()) return true;
    } else {
      const Seat* const victim = SeatAt(step.index());
      if (victim != nullptr && victim->deque.Size() > 0) return true;
    }
  }
  return false;
}

bool Scheduler::Park(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  SeatGroup& group = Group(self);
  self.order.Take();
  self.parked = true;
  group.parked_count.fetch_add(1, std::memory_order_seq_cst);
  group.parked[seat / 64].fetch_or(uint64_t{1} << (seat % 64), std::memory_order_seq_cst);
  EndSearch(seat, false);
  if (!VisibleWork(self)) {
    TellEnded(self);
    self.stats.asleep_since.store(NowNs(), std::memory_order_relaxed);
    return true;
  }
  if (!Unpark(seat)) BeginSearch(seat);
  return false;
}

bool Scheduler::ClearParked(SeatGroup& group, uint32_t seat) {
  const uint64_t bit = uint64_t{1} << (seat % 64);
  if ((group.parked[seat / 64].fetch_and(~bit, std::memory_order_seq_cst) & bit) == 0) return false;
  group.parked_count.fetch_sub(1, std::memory_order_seq_cst);
  return true;
}

bool Scheduler::Unpark(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  if (!self.parked) return false;
  self.parked = false;
  self.stats.asleep_since.store(0, std::memory_order_relaxed);
  if (ClearParked(Group(self), seat)) return false;
  self.searching = true;  // whoever cleared the bit counted this seat as a searcher
  return true;
}

bool Scheduler::ShouldWake(uint32_t group) const {
  if (groups_[group].parked_count.load(std::memory_order_seq_cst) <= 0) return false;
  if (group == SeatGroup::kNodes) return ShouldWakeNode();
  // Each task that blocks needs a worker to itself, and each searcher is one already.
  const int32_t searching = groups_[group].searching.load(std::memory_order_seq_cst);
  return searching <= 0 || WorkFor(group) > static_cast<uint64_t>(searching);
}

bool Scheduler::ShouldWakeNode() const {
  const SeatGroup& group = groups_[SeatGroup::kNodes];
  if (group.searching.load(std::memory_order_seq_cst) <= 0) {
    const bool all_asleep = group.parked_count.load(std::memory_order_seq_cst) >=
                            group.available.load(std::memory_order_seq_cst);
    if (all_asleep || (CpuShare::Process().HasIdleCpu() && HelpPays())) return true;
  }
  return Stalled(SeatGroup::kNodes) &&
         (group.searching.load(std::memory_order_seq_cst) <= 0 || WorkFor(SeatGroup::kNodes) > 1);
}

// Those who are awake should have been enough, but nobody has taken anything for a long time.
bool Scheduler::Stalled(uint32_t group) const {
  const uint64_t last = groups_[group].last_progress.load(std::memory_order_relaxed);
  // Another thread may have stored a later time than this one reads.
  return static_cast<int64_t>(NowNs() - last) > kStalledNs;
}

void Scheduler::WakeOne(uint32_t queue) {
  SeatGroup& group = groups_[GroupOf(queue)];
  const uint32_t end = seat_end_.load(std::memory_order_acquire);
  const int32_t own_cpu = sched_getcpu();
  // Best first: one of the queue and not on the CPU this thread is using.
  for (int pass = 0; pass < 3; pass++) {
    for (uint32_t word = 0; word * 64 < end; word++) {
      uint64_t bits = group.parked[word].load(std::memory_order_seq_cst);
      for (; bits != 0; bits &= bits - 1) {
        const uint32_t seat = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
        Seat& sleeper = *SeatAt(seat);
        const bool near = sleeper.queue.load(std::memory_order_relaxed) == queue;
        const bool apart = sleeper.cpu.load(std::memory_order_relaxed) != own_cpu;
        if ((pass == 0 && !(near && apart)) || (pass == 1 && !near)) continue;
        if (!ClearParked(group, seat)) continue;
        // The sleeper is a searcher from here on, so that no second one is woken for this task.
        group.searching.fetch_add(1, std::memory_order_seq_cst);
        sleeper.parker->Signal();
        // It has its time to come; only then another is called in its place.
        if (&group == &groups_[SeatGroup::kBlocking]) {
          group.last_progress.store(NowNs(), std::memory_order_relaxed);
        }
        return;
      }
    }
  }
}

}  // namespace moirai
