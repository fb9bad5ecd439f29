#include "core/realtime/tick_schedule.h"

namespace moirai {

uint64_t TickSchedule::FirstRelease(uint64_t now, uint64_t period, uint64_t phase) {
  const uint64_t offset = phase % period;
  if (now <= offset) return offset;
  const uint64_t periods = (now - offset + period - 1) / period;
  return offset + periods * period;
}

bool TickSchedule::Add(uint32_t slot, const Task& task) {
  if (slot >= kMaxTasks || entries_[slot].active || task.period == 0 || task.deadline == 0 ||
      task.window > kMaxWindow || !PhaseLock::IsPossible(task.phase_lock, task.period)) {
    return false;
  }
  Entry& entry = entries_[slot];
  entry = {};
  entry.task = task;
  entry.release = task.first;
  entry.active = true;
  entry.lock = PhaseLock(task.phase_lock, task.period);
  return true;
}

void TickSchedule::Remove(uint32_t slot) {
  if (slot < kMaxTasks) entries_[slot].active = false;
}

int TickSchedule::Pick(uint64_t now) const {
  int best = -1;
  uint64_t best_key = 0;
  for (uint32_t slot = 0; slot < kMaxTasks; slot++) {
    const Entry& entry = entries_[slot];
    if (!entry.active || entry.release > now) continue;
    const uint64_t key =
        order_ == Order::kDeadline ? entry.release + entry.task.deadline : entry.task.period;
    if (best < 0 || key < best_key) {
      best = static_cast<int>(slot);
      best_key = key;
    }
  }
  return best;
}

uint64_t TickSchedule::NextRelease() const {
  uint64_t next = UINT64_MAX;
  for (const Entry& entry : entries_) {
    if (entry.active && entry.release < next) next = entry.release;
  }
  return next;
}

// True: the bound is broken.
bool TickSchedule::Note(Entry& entry, bool missed) {
  entry.history = entry.history << 1 | (missed ? 1U : 0U);
  const uint32_t window = entry.task.window;
  if (window == 0) return false;
  const uint64_t seen = entry.history & (UINT64_MAX >> (kMaxWindow - window));
  // Counted by hand: the library's popcount is a function of libgcc on older CPUs.
  uint32_t misses = 0;
  for (uint64_t rest = seen; rest != 0; rest &= rest - 1) misses++;
  return misses > entry.task.misses;
}

TickSchedule::Outcome TickSchedule::Finish(uint32_t slot, uint64_t end) {
  Outcome outcome;
  if (!Has(slot)) return outcome;
  Entry& entry = entries_[slot];
  const Task& task = entry.task;
  outcome.missed = end > entry.release + task.deadline;
  bool broken = Note(entry, outcome.missed);
  // Releases that passed before the end; one at that very instant is in time.
  const uint64_t behind = end > entry.release ? (end - entry.release - 1) / task.period : 0;
  if (behind > 0) {
    outcome.overrun = true;
    switch (task.on_overrun) {
      case OnOverrun::kSkip:
        outcome.skipped = behind;
        break;
      case OnOverrun::kCatchUp:
        outcome.skipped = behind > task.catch_up ? behind - task.catch_up : 0;
        break;
      case OnOverrun::kStop:
        outcome.verdict = Verdict::kOverrun;
        break;
    }
    for (uint64_t i = 0; i < outcome.skipped && i < kMaxWindow && !broken; i++) {
      broken = Note(entry, true);
    }
  }
  entry.release += (outcome.skipped + 1) * task.period;
  // Less than half a period each: it stays after the release before.
  entry.release += static_cast<uint64_t>(entry.lock.Advance(outcome.skipped + 1));
  if (broken && outcome.verdict == Verdict::kGoOn) outcome.verdict = Verdict::kTooManyMisses;
  if (outcome.verdict != Verdict::kGoOn) entry.active = false;
  return outcome;
}

}  // namespace moirai
