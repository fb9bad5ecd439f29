#include "core/executor/scheduler.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <new>

#include "core/base/clock.h"
#include "core/base/fence.h"
#include "core/executor/worker_samples.h"

namespace moirai {

Ref<Scheduler> Scheduler::Create(const SchedulerConfig& config, Ref<Parker> owner) {
  Ref<Scheduler> scheduler(new (std::nothrow) Scheduler(config, static_cast<Ref<Parker>&&>(owner)));
  if (scheduler && !scheduler->Init(config)) return {};
  return scheduler;
}

Scheduler::Scheduler(const SchedulerConfig& config, Ref<Parker> owner)
    : memory_(config.memory),
      slots_(config.slots),
      seat_capacity_(config.seats),
      node_count_(config.nodes),
      owner_node_(config.owner_node),
      steal_(config.steal),
      owner_(static_cast<Ref<Parker>&&>(owner)) {}

bool Scheduler::Init(const SchedulerConfig& config) {
  arena_.Init(memory_, uint64_t{slots_} * sizeof(Slot), config.memory_bytes, config.max_bytes);
  if (!arena_.SpreadOver(config.payload_nodes, config.payload_node_count)) return false;
  seats_ = new (std::nothrow) std::atomic<Seat*>[seat_capacity_]();
  queues_ = new (std::nothrow) BandQueue[queues()];
  deadlines_ = static_cast<uint64_t*>(std::calloc(slots_, sizeof(*deadlines_)));
  if (seats_ == nullptr || queues_ == nullptr || deadlines_ == nullptr) return false;
  if (Spread()) {
    nodes_ = new (std::nothrow) NodeSeats[node_count_];
    near_ = new (std::nothrow) std::atomic<uint32_t>[uint64_t{node_count_} * node_count_]();
    if (nodes_ == nullptr || near_ == nullptr) return false;
    for (uint32_t i = 0; i < node_count_ * node_count_; i++) {
      near_[i].store((i / node_count_ + i) % node_count_, std::memory_order_relaxed);
    }
  }
  if (!times_.Init(&slot(0), slots_, seat_capacity_, config.statistics)) return false;
  if (!history_.Init(&slot(0), slots_, config.retain)) return false;
  for (uint32_t i = 0; i < queues(); i++) {
    if (!queues_[i].Init(slots_)) return false;
  }
  return true;
}

Scheduler::~Scheduler() {
  for (uint32_t i = 0; seats_ != nullptr && i < seat_capacity_; i++) delete SeatAt(i);
  delete[] seats_;
  delete[] queues_;
  delete[] nodes_;
  delete[] near_;
  std::free(deadlines_);
}

// ---------------------------------------------------------------------------------------- owner

void Scheduler::Submit(uint32_t index, uint32_t queue) {
  FetchFor(queue);
  if (any_deadlines_) deadlines_[index] = 0;
  slot(index).state.store(static_cast<uint32_t>(Phase::kQueued), std::memory_order_relaxed);
  outstanding_++;
  times_.Queued(index);
  slot(index).worker = static_cast<uint16_t>(queue);
  queues_[queue].Push(index, slot(index).priority());
  const uint64_t now = NoteFirst(queue);
  if (ShouldWake(queue, now)) WakeOne(queue);
}

void Scheduler::SubmitBefore(uint32_t index, uint32_t queue, uint64_t deadline) {
  any_deadlines_ = true;
  deadlines_[index] = deadline;
  slot(index).state.store(static_cast<uint32_t>(Phase::kQueued), std::memory_order_relaxed);
  outstanding_++;
  times_.Queued(index);
  slot(index).worker = static_cast<uint16_t>(queue);
  Publish(index, queue);
}

void Scheduler::Publish(uint32_t index, uint32_t queue) {
  const uint64_t deadline = deadlines_[index];
  if (deadline == 0) {
    queues_[queue].Push(index, slot(index).priority());
  } else {
    queues_[queue].PushBefore(index, slot(index).priority(), deadline);
  }
  const uint64_t now = NoteFirst(queue);
  if (ShouldWake(queue, now)) WakeOne(queue);
}

bool Scheduler::Cancel(uint32_t index) {
  std::atomic<uint32_t>& state = slot(index).state;
  uint32_t seen = state.load(std::memory_order_relaxed);
  while (Slot::PhaseOf(seen) == Phase::kQueued) {
    if (state.compare_exchange_weak(seen, Slot::With(seen, Phase::kCancelled),
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

bool Scheduler::RequestCancel(uint32_t index) {
  std::atomic<uint32_t>& state = slot(index).state;
  uint32_t seen = state.load(std::memory_order_relaxed);
  while (Slot::PhaseOf(seen) == Phase::kRunning || Slot::PhaseOf(seen) == Phase::kAwaitingPort) {
    if (state.compare_exchange_weak(seen, seen | Slot::kCancelRequested,
                                    std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// The worker ends a task, then looks whether it is barred, then begins the next; the owner bars it,
// then looks whether the task has ended. The barrier orders both pairs: the owner sees that the
// task has ended, or the worker sees that it is barred.
bool Scheduler::BarSeatOf(uint32_t index) {
  Slot& task = slot(index);
  const auto has_begun = [&task] {
    // Acquire: `worker` was written before the slot was made running.
    const Phase phase = Slot::PhaseOf(task.state.load(std::memory_order_acquire));
    return phase == Phase::kRunning || phase == Phase::kAwaitingPort;
  };
  if (!has_begun()) return false;
  std::atomic<bool>& barred = SeatAt(task.worker)->barred;
  const bool before = barred.exchange(true, std::memory_order_relaxed);
  FenceAllThreads();
  if (has_begun()) return true;
  barred.store(before, std::memory_order_relaxed);
  return false;
}

uint32_t Scheduler::Sweep(uint32_t* out, uint32_t max) {
  uint32_t swept = 0;
  const auto cancelled = [this](uint32_t index) {
    return Slot::PhaseOf(slot(index).state.load(std::memory_order_relaxed)) == Phase::kCancelled;
  };
  for (uint32_t queue = 0; queue < queues(); queue++) {
    swept += queues_[queue].Sweep(cancelled, out + swept, max - swept);
    // A worker may have found the queue empty meanwhile.
    if (!queues_[queue].Empty() && ShouldWake(queue)) WakeOne(queue);
  }
  outstanding_ -= swept;
  return swept;
}

uint32_t Scheduler::Reap(uint32_t* out, uint32_t max) {
  uint32_t count = 0;
  uint32_t finished = 0;
  const uint32_t end = seat_end_.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < end && count < max; i++) {
    Seat* const seat = SeatAt(reap_from_ + i < end ? reap_from_ + i : reap_from_ + i - end);
    if (seat != nullptr) count += seat->completions.Pop(out + count, max - count);
  }
  if (++reap_from_ >= end) reap_from_ = 0;
  // The owner will write these slots soon: fetch them all at once, and in a state to be written.
  for (uint32_t i = 0; i < count; i++) __builtin_prefetch(&slot(out[i]), 1);
  for (uint32_t i = 0; i < count; i++) {
    const Phase phase = Slot::PhaseOf(slot(out[i]).state.load(std::memory_order_relaxed));
    finished += phase != Phase::kAwaitingPort && phase != Phase::kRunning ? 1 : 0;
    if (phase == Phase::kDone) history_.Done(out[i], times_);
    if (any_deadlines_) CountDeadline(out[i], phase);
  }
  outstanding_ -= finished;
  CountSpawned();
  return count;
}

// Whether the task was finished in time; without statistics, whether it is here in time.
void Scheduler::CountDeadline(uint32_t index, Phase phase) {
  if (deadlines_[index] == 0 || (phase != Phase::kDone && phase != Phase::kFailed)) return;
  uint64_t finished = NowNs();
  if (times_.on()) {
    const TaskTimes::Took took = times_.TookSoFar(index);
    const double since = times_.Since(times_.queued(index)) - took.waited - took.ran;
    if (since > 0) finished -= static_cast<uint64_t>(since);
  }
  (finished <= deadlines_[index] ? deadlines_met_ : deadlines_missed_)++;
}

bool Scheduler::HasCompletions() const {
  bool found = false;
  ForEachSeat([&](const Seat& seat) { return !(found = !seat.completions.Empty()); });
  return found;
}

uint32_t Scheduler::StartedBy(uint32_t seat, uint32_t* out, uint32_t max) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < slots_ && count < max; i++) {
    const Phase phase = Slot::PhaseOf(slot(i).state.load(std::memory_order_acquire));
    if ((phase == Phase::kRunning || phase == Phase::kAwaitingPort) && slot(i).worker == seat) {
      out[count++] = i;
    }
  }
  return count;
}

void Scheduler::Reclaim(uint32_t index) {
  std::atomic<uint32_t>& state = slot(index).state;
  state.store(Slot::With(state.load(std::memory_order_relaxed), Phase::kFree),
              std::memory_order_relaxed);
  outstanding_--;
}

// --------------------------------------------------------------------------------------- worker

bool Scheduler::Sit(uint32_t seat) {
  // Acquire pairs with the release in Leave: the successor goes on where the last worker stopped.
  Seat& self = *SeatAt(seat);
  if (self.taken.exchange(1, std::memory_order_acquire) != 0) return false;
  self.searching = false;
  self.parked = false;
  self.available = true;
  self.left_at = 0;
  self.home.store(self.queue.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (NodeSeats* const node = NodeOf(self)) {
    node->available.fetch_add(1, std::memory_order_seq_cst);
  }
  Group(self).available.fetch_add(1, std::memory_order_seq_cst);
  self.claimed_at = 0;
  self.run_since_claim = 0;
  self.overdue = false;
  self.barred.store(false, std::memory_order_relaxed);
  if (GroupOf(self) == SeatGroup::kBlocking) self.claim = 1;
  self.stats.thread.store(static_cast<int32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  times_.Sat(seat);
  return true;
}

void Scheduler::Leave(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  const uint32_t queue = self.queue.load(std::memory_order_relaxed);
  Unpark(seat);
  EndSearch(seat, false);
  if (self.available) {
    if (NodeSeats* const node = NodeOf(self)) {
      node->available.fetch_sub(1, std::memory_order_seq_cst);
    }
    Group(self).available.fetch_sub(1, std::memory_order_seq_cst);
  }
  self.available = false;
  // Release: an owner that sees nobody here also sees all that this worker has finished.
  self.stats.thread.store(0, std::memory_order_release);
  AddUseOfThisThread(&self.stats);
  self.taken.store(0, std::memory_order_release);
  // A wake-up meant for this worker, or the tasks in its deque, need another one.
  PassOn(queue);
  owner_->Signal();
}

uint32_t Scheduler::Next(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  for (;;) {
    // After the store by which the last task ended, for BarSeatOf.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (self.barred.load(std::memory_order_relaxed)) return kNoSlot;
    uint32_t index;
    if (!self.deque.Pop(&index)) {
      if (!FindWork(seat)) return kNoSlot;
      continue;
    }
    if (self.overdue && GiveWay(self, index)) continue;
    Slot& task = slot(index);
    uint32_t state = task.state.load(std::memory_order_relaxed);
    // The popper owns the slot but for a cancel. Before the exchange, and released by it: whoever
    // sees a slot running must not read whose it was last time (StartedBy).
    const uint32_t asked_for = task.worker;
    task.worker = static_cast<uint16_t>(seat);
    const bool queued = Slot::PhaseOf(state) == Phase::kQueued;
    if (queued) times_.Started(seat, index);
    if (queued &&
        task.state.compare_exchange_strong(state, Slot::With(state, Phase::kRunning),
                                           std::memory_order_release, std::memory_order_relaxed)) {
      self.run_since_claim++;
      if ((task.task >> layout::kHintedBit & 1) != 0) CountHint(self, asked_for);
      self.stats.started.store(self.stats.started.load(std::memory_order_relaxed) + 1,
                               std::memory_order_relaxed);
      return index;
    }
    Complete(seat, index);  // a tombstone: cancelled while it was queued
  }
}

void Scheduler::Complete(uint32_t seat, uint32_t index) {
  times_.HandedBack(seat, index);
  SeatAt(seat)->completions.Push(index);
  owner_->Unpark();
}

void Scheduler::TellHeap(uint32_t seat, uint64_t bytes) {
  SeatAt(seat)->stats.heap_bytes.store(bytes, std::memory_order_relaxed);
  SeatAt(seat)->stats.heap_at_ns.store(NowNs(), std::memory_order_relaxed);
}

bool Scheduler::FindWork(uint32_t seat) {
  Seat& self = *SeatAt(seat);
  if (self.deque.Size() > 0) return true;
  self.overdue = false;
  self.order.Take();
  if (Spread() ? !SearchNodes(self) : !Search(self)) {
    self.claimed_at = 0;
    self.steal.Idle();
    return false;
  }
  if (self.searching) {
    EndSearch(seat, true);
  } else {
    CallNext(self, false);
  }
  AskOwner(self, 2);
  return true;
}

// Tasks that cross to this worker in one claim should take about kClaimNs: so few that what is out
// of the injector's order is soon done, so many that a claim costs nothing per task. The estimate
// follows what the last claim took; after idleness there is nothing to learn from. A task that
// blocks its thread is claimed alone.
void Scheduler::AdaptClaim(Seat& self) {
  const uint64_t now = NowNs();
  SeatGroup& group = Group(self);
  if (self.claimed_at != 0) self.steal.Returned(self.run_since_claim, now - self.claimed_at);
  if (self.claimed_at != 0 && self.run_since_claim > 0 &&
      &group != &groups_[SeatGroup::kBlocking]) {
    const uint64_t each = (now - self.claimed_at) / self.run_since_claim + 1;
    const uint64_t fits = kClaimNs / each;
    const uint32_t target = fits < 1           ? 1
                            : fits > kMaxClaim ? kMaxClaim
                                               : static_cast<uint32_t>(fits);
    self.claim = target < self.claim * 2 ? target : self.claim * 2;
    if (group.tasks_per_claim.load(std::memory_order_relaxed) != self.claim) {
      group.tasks_per_claim.store(self.claim, std::memory_order_relaxed);
    }
  }
  self.claimed_at = now;
  self.run_since_claim = 0;
  self.stats.cpu.store(sched_getcpu(), std::memory_order_relaxed);
  Note(group.last_progress, now);
  // What a busy worker takes says nothing of a searcher that does not come (IsLeftTo).
  NodeSeats* const node = NodeOf(self);
  if (node != nullptr && (self.searching || node->searching.load(std::memory_order_relaxed) <= 0)) {
    Note(node->last_progress, now);
  }
}

bool Scheduler::ClaimFrom(Seat& self, uint32_t queue) {
  if (queues_[queue].Empty()) return false;
  AdaptClaim(self);
  uint32_t batch[kMaxClaim];
  const uint32_t count = queues_[queue].Claim(batch, self.claim);
  PushClaimed(self, batch, count);
  return count > 0;
}

void Scheduler::PushClaimed(Seat& self, const uint32_t* claimed, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) __builtin_prefetch(&slot(claimed[i]), 1);
  // Last first, so that popping the newest runs them in the order they came.
  for (uint32_t i = count; i > 0; i--) self.deque.Push(claimed[i - 1]);
  if (count > 1) self.deque.Publish();
}

// One by one: taking several with one compare-exchange from this deque has no published proof.
bool Scheduler::StealFrom(Seat& self, Seat& victim) {
  const int64_t size = victim.deque.Size();
  if (size == 0) return false;
  AdaptClaim(self);
  uint32_t batch[kMaxClaim];
  const uint32_t wanted = self.steal.Wanted(size, self.claim);
  uint32_t count = 0;
  while (count < wanted) {
    const Deque::StealResult result = victim.deque.Steal(&batch[count]);
    if (result == Deque::StealResult::kEmpty) break;
    if (result == Deque::StealResult::kTaken) count++;
  }
  self.steal.Took(count);
  // A victim's oldest entry is the one it would have run last.
  for (uint32_t i = 0; i < count; i++) self.deque.Push(batch[i]);
  if (count > 1) self.deque.Publish();
  self.stats.stolen.store(self.stats.stolen.load(std::memory_order_relaxed) + count,
                          std::memory_order_relaxed);
  std::atomic<uint64_t>& from = self.stats.stolen_from[self.distance];
  from.store(from.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  return count > 0;
}

}  // namespace moirai
