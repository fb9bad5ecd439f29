#include "core/executor/scheduler.h"

#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <new>

#include "core/base/clock.h"

namespace moirai {

Ref<Scheduler> Scheduler::Create(const SchedulerConfig& config, Ref<Parker> owner) {
  Ref<Scheduler> scheduler(new (std::nothrow) Scheduler(config, static_cast<Ref<Parker>&&>(owner)));
  if (scheduler && !scheduler->Init(config)) return {};
  return scheduler;
}

Scheduler::Scheduler(const SchedulerConfig& config, Ref<Parker> owner)
    : memory_(config.memory),
      slots_(config.slots),
      seat_count_(config.seats),
      node_count_(config.nodes),
      owner_(static_cast<Ref<Parker>&&>(owner)) {}

bool Scheduler::Init(const SchedulerConfig& config) {
  arena_.Init(memory_, uint64_t{slots_} * sizeof(Slot), config.memory_bytes, config.max_bytes);
  seats_ = new (std::nothrow) Seat[seat_count_];
  queues_ = new (std::nothrow) BandQueue[node_count_];
  deadlines_ = static_cast<uint64_t*>(std::calloc(slots_, sizeof(*deadlines_)));
  if (seats_ == nullptr || queues_ == nullptr || deadlines_ == nullptr) return false;
  for (uint32_t i = 0; i < node_count_; i++) {
    if (!queues_[i].Init(slots_)) return false;
  }
  for (uint32_t i = 0; i < seat_count_; i++) {
    seats_[i].parker = Ref<Parker>(new (std::nothrow) Parker);
    if (!seats_[i].parker || !seats_[i].parker->ok()) return false;
    if (!seats_[i].completions.Init(std::bit_ceil(slots_))) return false;
  }
  return true;
}

Scheduler::~Scheduler() {
  for (uint32_t i = 0; seats_ != nullptr && i < seat_count_; i++) delete[] seats_[i].order;
  delete[] seats_;
  delete[] queues_;
  std::free(deadlines_);
}

bool Scheduler::SetSeat(uint32_t seat, uint32_t node, int32_t cpu, const uint32_t* order,
                        uint32_t steps) {
  auto* const copy = new (std::nothrow) SearchStep[steps];
  if (copy == nullptr) return false;
  for (uint32_t i = 0; i < steps; i++) copy[i] = SearchStep{order[i]};
  delete[] seats_[seat].order;
  seats_[seat].order = copy;
  seats_[seat].steps = steps;
  seats_[seat].node = node;
  seats_[seat].cpu = cpu;
  return true;
}

// ---------------------------------------------------------------------------------------- owner

void Scheduler::Submit(uint32_t index, uint32_t node) {
  if (any_deadlines_) deadlines_[index] = 0;
  slot(index).state.store(static_cast<uint32_t>(Phase::kQueued), std::memory_order_relaxed);
  outstanding_++;
  queues_[node].Push(index, slot(index).priority());
  if (ShouldWake()) WakeOne(node);
}

void Scheduler::SubmitBefore(uint32_t index, uint32_t node, uint64_t deadline) {
  any_deadlines_ = true;
  deadlines_[index] = deadline;
  slot(index).state.store(static_cast<uint32_t>(Phase::kQueued), std::memory_order_relaxed);
  outstanding_++;
  Publish(index, node);
}

void Scheduler::Publish(uint32_t index, uint32_t node) {
  const uint64_t deadline = deadlines_[index];
  if (deadline == 0) {
    queues_[node].Push(index, slot(index).priority());
  } else {
    queues_[node].PushBefore(index, slot(index).priority(), deadline);
  }
  if (ShouldWake()) WakeOne(node);
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

uint32_t Scheduler::Sweep(uint32_t* out, uint32_t max) {
  uint32_t swept = 0;
  const auto cancelled = [this](uint32_t index) {
    return Slot::PhaseOf(slot(index).state.load(std::memory_order_relaxed)) == Phase::kCancelled;
  };
  for (uint32_t node = 0; node < node_count_; node++) {
    swept += queues_[node].Sweep(cancelled, out + swept, max - swept);
    // A worker may have found the queue empty meanwhile.
    if (!queues_[node].Empty() && ShouldWake()) WakeOne(node);
  }
  outstanding_ -= swept;
  return swept;
}

uint32_t Scheduler::Reap(uint32_t* out, uint32_t max) {
  uint32_t count = 0;
  uint32_t finished = 0;
  for (uint32_t i = 0; i < seat_count_ && count < max; i++) {
    const uint32_t seat =
        reap_from_ + i < seat_count_ ? reap_from_ + i : reap_from_ + i - seat_count_;
    count += seats_[seat].completions.Pop(out + count, max - count);
  }
  if (++reap_from_ >= seat_count_) reap_from_ = 0;
  // The owner will write these slots soon: fetch them all at once, and in a state to be written.
  for (uint32_t i = 0; i < count; i++) __builtin_prefetch(&slot(out[i]), 1);
  for (uint32_t i = 0; i < count; i++) {
    const Phase phase = Slot::PhaseOf(slot(out[i]).state.load(std::memory_order_relaxed));
    finished += phase != Phase::kAwaitingPort && phase != Phase::kRunning ? 1 : 0;
  }
  outstanding_ -= finished;
  return count;
}

bool Scheduler::HasCompletions() const {
  for (uint32_t i = 0; i < seat_count_; i++) {
    if (!seats_[i].completions.Empty()) return true;
  }
  return false;
}

bool Scheduler::HasBacklog() const {
  for (uint32_t i = 0; i < node_count_; i++) {
    if (!queues_[i].Empty()) return true;
  }
  for (uint32_t i = 0; i < seat_count_; i++) {
    if (seats_[i].deque.Size() > 0) return true;
  }
  return false;
}

uint64_t Scheduler::Backlog() const {
  uint64_t tasks = 0;
  for (uint32_t i = 0; i < node_count_; i++) tasks += queues_[i].Size();
  for (uint32_t i = 0; i < seat_count_; i++) tasks += static_cast<uint64_t>(seats_[i].deque.Size());
  return tasks;
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
  if (seats_[seat].taken.exchange(1, std::memory_order_acquire) != 0) return false;
  Seat& self = seats_[seat];
  self.searching = false;
  self.parked = false;
  self.available = true;
  available_.fetch_add(1, std::memory_order_seq_cst);
  self.claimed_at = 0;
  self.run_since_claim = 0;
  self.overdue = false;
  self.stats.thread.store(static_cast<int32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  return true;
}

void Scheduler::Leave(uint32_t seat) {
  Seat& self = seats_[seat];
  Unpark(seat);
  EndSearch(seat, false);
  if (self.available) available_.fetch_sub(1, std::memory_order_seq_cst);
  self.available = false;
  timespec used;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0) {
    const uint64_t ns =
        static_cast<uint64_t>(used.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(used.tv_nsec);
    self.stats.past_cpu_ns.store(self.stats.past_cpu_ns.load(std::memory_order_relaxed) + ns,
                                 std::memory_order_relaxed);
  }
  // Release: an owner that sees nobody here also sees all that this worker has finished.
  self.stats.thread.store(0, std::memory_order_release);
  self.taken.store(0, std::memory_order_release);
  // A wake-up meant for this worker, or the tasks in its deque, need another one.
  PassOn(seat);
  owner_->Signal();
}

uint32_t Scheduler::Next(uint32_t seat) {
  Seat& self = seats_[seat];
  for (;;) {
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
    task.worker = static_cast<uint16_t>(seat);
    if (Slot::PhaseOf(state) == Phase::kQueued &&
        task.state.compare_exchange_strong(state, Slot::With(state, Phase::kRunning),
                                           std::memory_order_release, std::memory_order_relaxed)) {
      self.run_since_claim++;
      self.stats.started.store(self.stats.started.load(std::memory_order_relaxed) + 1,
                               std::memory_order_relaxed);
      return index;
    }
    Complete(seat, index);  // a tombstone: cancelled while it was queued
  }
}

void Scheduler::Complete(uint32_t seat, uint32_t index) {
  seats_[seat].completions.Push(index);
  owner_->Unpark();
}

bool Scheduler::FindWork(uint32_t seat) {
  Seat& self = seats_[seat];
  if (self.deque.Size() > 0) return true;
  self.overdue = false;
  for (uint32_t i = 0; i < self.steps; i++) {
    const SearchStep step = self.order[i];
    const bool found =
        step.is_injector() ? ClaimFrom(self, step.index()) : StealFrom(self, seats_[step.index()]);
    if (!found) continue;
    if (self.searching) {
      EndSearch(seat, true);
    } else if (ShouldWake() && HasBacklog()) {
      WakeOne(self.node);
    }
    return true;
  }
  self.claimed_at = 0;
  return false;
}

// Tasks that cross to this worker in one claim should take about kClaimNs: so few that what is out
// of the injector's order is soon done, so many that a claim costs nothing per task. The estimate
// follows what the last claim took; after idleness there is nothing to learn from.
void Scheduler::AdaptClaim(Seat& self) {
  const uint64_t now = NowNs();
  if (self.claimed_at != 0 && self.run_since_claim > 0) {
    const uint64_t each = (now - self.claimed_at) / self.run_since_claim + 1;
    const uint64_t fits = kClaimNs / each;
    const uint32_t target = fits < 1           ? 1
                            : fits > kMaxClaim ? kMaxClaim
                                               : static_cast<uint32_t>(fits);
    self.claim = target < self.claim * 2 ? target : self.claim * 2;
    tasks_per_claim_.store(self.claim, std::memory_order_relaxed);
  }
  self.claimed_at = now;
  self.run_since_claim = 0;
  self.stats.cpu.store(sched_getcpu(), std::memory_order_relaxed);
  last_progress_.store(now, std::memory_order_relaxed);
}

bool Scheduler::ClaimFrom(Seat& self, uint32_t node) {
  if (queues_[node].Empty()) return false;
  AdaptClaim(self);
  uint32_t batch[kMaxClaim];
  const uint32_t count = queues_[node].Claim(batch, self.claim);
  PushClaimed(self, batch, count);
  return count > 0;
}

void Scheduler::PushClaimed(Seat& self, const uint32_t* claimed, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) __builtin_prefetch(&slot(claimed[i]), 1);
  // Last first, so that popping the newest runs them in the order they came.
  for (uint32_t i = count; i > 0; i--) self.deque.Push(claimed[i - 1]);
  if (count > 1) self.deque.Publish();
}

// Half of what is there, one by one: taking several with one compare-exchange from this deque has
// no published proof.
bool Scheduler::StealFrom(Seat& self, Seat& victim) {
  const int64_t size = victim.deque.Size();
  if (size == 0) return false;
  AdaptClaim(self);
  uint32_t batch[kMaxClaim];
  const int64_t half = (size + 1) / 2;
  const uint32_t wanted = half < int64_t{self.claim} ? static_cast<uint32_t>(half) : self.claim;
  uint32_t count = 0;
  while (count < wanted) {
    const Deque::StealResult result = victim.deque.Steal(&batch[count]);
    if (result == Deque::StealResult::kEmpty) break;
    if (result == Deque::StealResult::kTaken) count++;
  }
  // A victim's oldest entry is the one it would have run last.
  for (uint32_t i = 0; i < count; i++) self.deque.Push(batch[i]);
  if (count > 1) self.deque.Publish();
  self.stats.stolen.store(self.stats.stolen.load(std::memory_order_relaxed) + count,
                          std::memory_order_relaxed);
  return count > 0;
}

}  // namespace moirai
