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
    const uint32_t queue = g == SeatGroup::kBlocking ? blocking_queue() : WaitingQueue(0);
    const bool wake =
        g == SeatGroup::kBlocking ? ShouldWake(queue) : NeedsSearcher(queue) && HelpPays();
    if (!wake && !Stalled(g)) continue;
    group.last_progress.store(NowNs(), std::memory_order_relaxed);  // the next not before it is due
    WakeOne(queue);
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
  const int32_t change = available ? 1 : -1;
  if (NodeSeats* const node = NodeOf(self)) {
    node->available.fetch_add(change, std::memory_order_seq_cst);
  }
  Group(self).available.fetch_add(change, std::memory_order_seq_cst);
  if (!available) PassOn(self.queue.load(std::memory_order_relaxed));
}

void Scheduler::PassOn(uint32_t queue) {
  const uint32_t group = GroupOf(queue);
  if (groups_[group].parked_count.load(std::memory_order_seq_cst) > 0 && HasWorkFor(group)) {
    WakeOne(WaitingQueue(queue));
  }
}

// After it has found something: another is called for what else waits, where that pays. With
// several nodes, for what waits on the own one; for other nodes, and for what others have claimed,
// only by the last searcher of all: what is submitted elsewhere calls a sleeper there, unless
// somebody searched. With every finder looking at every node, tasks submitted to all of them in
// turn had the workers woken up for each other's.
void Scheduler::CallNext(const Seat& self, bool last_of_all) {
  const uint32_t group = GroupOf(self);
  const uint32_t queue = self.queue.load(std::memory_order_relaxed);
  if (groups_[group].parked_count.load(std::memory_order_seq_cst) <= 0) return;
  if (NodeOf(queue) != nullptr && !last_of_all) {
    if (!queues_[queue].Empty() && ShouldWake(queue)) WakeOne(queue);
    return;
  }
  for (uint32_t k = 1; NodeOf(queue) != nullptr && k < node_count_; k++) {
    const uint32_t other = Near(queue, k);
    if (!queues_[other].Empty() && ShouldWake(other)) return WakeOne(other);
  }
  if (ShouldWake(queue) && HasWorkFor(group)) WakeOne(queue);
}

void Scheduler::BeginSearch(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  if (self.searching) return;
  self.searching = true;
  if (NodeSeats* const node = NodeOf(self)) {
    node->last_progress.store(NowNs(), std::memory_order_relaxed);
    node->searching.fetch_add(1, std::memory_order_seq_cst);
  }
  Group(self).searching.fetch_add(1, std::memory_order_seq_cst);
}

void Scheduler::EndSearch(uint32_t seat, bool found) {
  Seat& self = *SeatAt(seat);
  if (!self.searching) return;
  self.searching = false;
  const uint32_t group = GroupOf(self);
  NodeSeats* const node = NodeOf(self);
  int32_t before = node == nullptr ? 2 : node->searching.fetch_sub(1, std::memory_order_seq_cst);
  const int32_t before_all = groups_[group].searching.fetch_sub(1, std::memory_order_seq_cst);
  if (before_all < before) before = before_all;
  // While it searched, submissions woke nobody else: the last one to stop, of its node or of all,
  // passes that on. Less than one: whoever called this seat has cleared its bit and is yet to count
  // it. Where every task blocks a thread, each one does.
  if (found && (before <= 1 || group == SeatGroup::kBlocking)) CallNext(self, before_all <= 1);
}

// What it leaves to the workers of another node is none of its own (`leaves`). It is perhaps the
// last that is awake to see it, so one of them is called, also for what was claimed.
bool Scheduler::VisibleWork(Seat& seat) {
  seat.leaves = false;
  if (seat.deque.Size() > 0) return true;
  const uint32_t own = seat.home.load(std::memory_order_relaxed);
  for (const SearchStep& step : seat.order) {
    const Seat* const victim = step.is_injector() ? nullptr : SeatAt(step.index());
    if (step.is_injector() ? queues_[step.index()].Empty()
                           : victim == nullptr || victim->deque.Size() == 0) {
      continue;
    }
    const uint32_t node =
        step.is_injector() ? step.index() : victim->home.load(std::memory_order_relaxed);
    if (node == own || !HasRoom(node)) return true;
    CallSleeperOf(node);
    seat.leaves = true;
  }
  return false;
}

bool Scheduler::Park(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  SeatGroup& group = Group(self);
  NodeSeats* const node = NodeOf(self);
  self.order.Take();
  self.parked = true;
  if (node != nullptr) node->parked_count.fetch_add(1, std::memory_order_seq_cst);
  group.parked_count.fetch_add(1, std::memory_order_seq_cst);
  ParkedIn(group, node)[seat / 64].fetch_or(uint64_t{1} << (seat % 64), std::memory_order_seq_cst);
  EndSearch(seat, false);
  if (!VisibleWork(self)) {
    TellEnded(self);
    self.stats.asleep_since.store(NowNs(), std::memory_order_relaxed);
    // Who saw no sleeper when it looked has to look again.
    if (self.leaves && unasked_.exchange(0, std::memory_order_seq_cst) != 0) owner_->Unpark();
    return true;
  }
  if (!Unpark(seat)) BeginSearch(seat);
  return false;
}

bool Scheduler::ClearParked(SeatGroup& group, NodeSeats* node, uint32_t seat) {
  const uint64_t bit = uint64_t{1} << (seat % 64);
  std::atomic<uint64_t>& word = ParkedIn(group, node)[seat / 64];
  if ((word.fetch_and(~bit, std::memory_order_seq_cst) & bit) == 0) return false;
  if (node != nullptr) node->parked_count.fetch_sub(1, std::memory_order_seq_cst);
  group.parked_count.fetch_sub(1, std::memory_order_seq_cst);
  return true;
}

bool Scheduler::Unpark(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  if (!self.parked) return false;
  self.parked = false;
  if (self.left_at != 0) {
    // After a long sleep, what it sees is not what it left.
    const uint64_t since = self.stats.asleep_since.load(std::memory_order_relaxed);
    if (since != 0 && static_cast<int64_t>(NowNs() - since) > 4 * LeaveNs()) self.left_at = 0;
  }
  self.stats.asleep_since.store(0, std::memory_order_relaxed);
  if (ClearParked(Group(self), NodeOf(self), seat)) return false;
  self.searching = true;  // whoever cleared the bit counted this seat as a searcher
  if (Spread()) NoteArrival(self);
  return true;
}

bool Scheduler::ShouldWake(uint32_t queue, uint64_t now) const {
  if (NodeOf(queue) != nullptr && !NodeNeedsMore(queue, now)) return false;
  const SeatGroup& group = groups_[GroupOf(queue)];
  if (group.parked_count.load(std::memory_order_seq_cst) <= 0) return false;
  if (queue != blocking_queue()) return ShouldWakeNode(queue);
  // Each task that blocks needs a worker to itself, and each searcher is one already.
  const int32_t searching = group.searching.load(std::memory_order_seq_cst);
  return searching <= 0 ||
         WorkFor(SeatGroup::kBlocking, kMaxSeats) > static_cast<uint64_t>(searching);
}

bool Scheduler::ShouldWakeNode(uint32_t queue) const {
  const bool needed = NeedsSearcher(queue);
  if (needed) {
    if (AllAsleep(queue) || (HelpPaysOn(queue) && CpuShare::Process().HasIdleCpu())) return true;
  }
  return Stalled(SeatGroup::kNodes) && (needed || WorkFor(SeatGroup::kNodes, 2) > 1);
}

// Those who are awake should have been enough, but nobody has taken anything for a long time.
bool Scheduler::Stalled(uint32_t group) const {
  const uint64_t last = groups_[group].last_progress.load(std::memory_order_relaxed);
  // Another thread may have stored a later time than this one reads.
  return static_cast<int64_t>(NowNs() - last) > kStalledNs;
}

void Scheduler::WakeOne(uint32_t queue) {
  SeatGroup& group = groups_[GroupOf(queue)];
  const int32_t own_cpu = sched_getcpu();
  if (NodeOf(queue) == nullptr) {
    if (!WakeOneOf(group, nullptr, own_cpu)) WakeOneOf(group, nullptr, kAnyCpu);
    return;
  }
  // The queue's own node first, then the nearest.
  for (uint32_t k = 0; k < node_count_; k++) {
    NodeSeats& node = nodes_[Near(queue, k)];
    if (node.parked_count.load(std::memory_order_seq_cst) <= 0) continue;
    if (WakeOneOf(group, &node, own_cpu) || WakeOneOf(group, &node, kAnyCpu)) return;
  }
}

// One that was not last seen on the CPU that this thread is using, or any.
bool Scheduler::WakeOneOf(SeatGroup& group, NodeSeats* node, int32_t not_on_cpu) {
  const uint32_t end = seat_end_.load(std::memory_order_acquire);
  for (uint32_t word = 0; word * 64 < end; word++) {
    uint64_t bits = ParkedIn(group, node)[word].load(std::memory_order_seq_cst);
    for (; bits != 0; bits &= bits - 1) {
      const uint32_t seat = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
      Seat& sleeper = *SeatAt(seat);
      if (sleeper.cpu.load(std::memory_order_relaxed) == not_on_cpu) continue;
      const uint64_t now = node == nullptr ? 0 : NowNs();
      if (node != nullptr) sleeper.called_at.store(now, std::memory_order_relaxed);
      if (!ClearParked(group, node, seat)) continue;
      // The sleeper is a searcher from here on, so that no second one is woken for this task, and
      // thieves of other nodes give it the time to come.
      if (node != nullptr) {
        node->last_progress.store(now, std::memory_order_relaxed);
        node->searching.fetch_add(1, std::memory_order_seq_cst);
      }
      group.searching.fetch_add(1, std::memory_order_seq_cst);
      sleeper.parker->Signal();
      // It has its time to come; only then another is called in its place.
      if (&group == &groups_[SeatGroup::kBlocking]) {
        group.last_progress.store(NowNs(), std::memory_order_relaxed);
      }
      return true;
    }
  }
  return false;
}

}  // namespace moirai
