// Who sleeps, who searches, and who is woken; argued in docs/architecture/parking.md.
#include <sched.h>

#include <bit>

#include "core/base/clock.h"
#include "core/executor/scheduler.h"

namespace moirai {

bool Scheduler::WakeForBacklog() {
  if (parked_count_.load(std::memory_order_seq_cst) <= 0 || !HasBacklog()) return false;
  if (Stalled() || (searching_.load(std::memory_order_seq_cst) <= 0 && HelpPays())) {
    last_progress_.store(NowNs(), std::memory_order_relaxed);  // the next one not before it is due
    WakeOne(0);
  }
  return true;
}

void Scheduler::StandAside(uint32_t seat) {
  if (!seats_[seat].searching) return;
  EndSearch(seat, false);
  PassOn(seat);
}

void Scheduler::SetAvailable(uint32_t seat, bool available) {
  if (seats_[seat].available == available) return;
  seats_[seat].available = available;
  available_.fetch_add(available ? 1 : -1, std::memory_order_seq_cst);
  if (!available) PassOn(seat);
}

void Scheduler::PassOn(uint32_t seat) {
  if (parked_count_.load(std::memory_order_seq_cst) > 0 && HasBacklog()) {
    WakeOne(seats_[seat].node);
  }
}

void Scheduler::BeginSearch(uint32_t seat) {
  if (seats_[seat].searching) return;
  seats_[seat].searching = true;
  searching_.fetch_add(1, std::memory_order_seq_cst);
}

void Scheduler::EndSearch(uint32_t seat, bool found) {
  if (!seats_[seat].searching) return;
  seats_[seat].searching = false;
  const int32_t before = searching_.fetch_sub(1, std::memory_order_seq_cst);
  // While it searched, submissions woke nobody else: the last one to stop passes that on.
  if (found && before == 1 && ShouldWake() && HasBacklog()) WakeOne(seats_[seat].node);
}

bool Scheduler::VisibleWork(const Seat& seat) const {
  if (seat.deque.Size() > 0) return true;
  for (uint32_t i = 0; i < seat.steps; i++) {
    const SearchStep step = seat.order[i];
    if (step.is_injector() ? !queues_[step.index()].Empty()
                           : seats_[step.index()].deque.Size() > 0) {
      return true;
    }
  }
  return false;
}

bool Scheduler::Park(uint32_t seat) {
  Seat& self = seats_[seat];
  self.parked = true;
  parked_count_.fetch_add(1, std::memory_order_seq_cst);
  parked_[seat / 64].fetch_or(uint64_t{1} << (seat % 64), std::memory_order_seq_cst);
  EndSearch(seat, false);
  if (!VisibleWork(self)) {
    self.stats.asleep_since.store(NowNs(), std::memory_order_relaxed);
    return true;
  }
  if (!Unpark(seat)) BeginSearch(seat);
  return false;
}

bool Scheduler::ClearParked(uint32_t seat) {
  const uint64_t bit = uint64_t{1} << (seat % 64);
  if ((parked_[seat / 64].fetch_and(~bit, std::memory_order_seq_cst) & bit) == 0) return false;
  parked_count_.fetch_sub(1, std::memory_order_seq_cst);
  return true;
}

bool Scheduler::Unpark(uint32_t seat) {
  Seat& self = seats_[seat];
  if (!self.parked) return false;
  self.parked = false;
  self.stats.asleep_since.store(0, std::memory_order_relaxed);
  if (ClearParked(seat)) return false;
  self.searching = true;  // whoever cleared the bit counted this seat as a searcher
  return true;
}

bool Scheduler::ShouldWake() const {
  if (parked_count_.load(std::memory_order_seq_cst) <= 0) return false;
  if (searching_.load(std::memory_order_seq_cst) <= 0) {
    const bool all_asleep =
        parked_count_.load(std::memory_order_seq_cst) >= available_.load(std::memory_order_seq_cst);
    if (all_asleep || (CpuShare::Process().HasIdleCpu() && HelpPays())) return true;
  }
  return Stalled() && (searching_.load(std::memory_order_seq_cst) <= 0 || Backlog() > 1);
}

// Those who are awake should have been enough, but nobody has taken anything for a long time.
bool Scheduler::Stalled() const {
  // Another thread may have stored a later time than this one reads.
  const auto since = static_cast<int64_t>(NowNs() - last_progress_.load(std::memory_order_relaxed));
  return since > kStalledNs;
}

void Scheduler::WakeOne(uint32_t near_node) {
  const int32_t own_cpu = sched_getcpu();
  // Best first: on the task's node and not on the CPU this thread is using.
  for (int pass = 0; pass < 3; pass++) {
    for (uint32_t word = 0; word * 64 < seat_count_; word++) {
      uint64_t bits = parked_[word].load(std::memory_order_seq_cst);
      for (; bits != 0; bits &= bits - 1) {
        const uint32_t seat = word * 64 + static_cast<uint32_t>(std::countr_zero(bits));
        const bool near = seats_[seat].node == near_node;
        const bool apart = seats_[seat].cpu != own_cpu;
        if ((pass == 0 && !(near && apart)) || (pass == 1 && !near)) continue;
        if (!ClearParked(seat)) continue;
        // The sleeper is a searcher from here on, so that no second one is woken for this task.
        searching_.fetch_add(1, std::memory_order_seq_cst);
        seats_[seat].parker->Signal();
        return;
      }
    }
  }
}

}  // namespace moirai
