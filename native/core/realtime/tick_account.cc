#include "core/realtime/tick_account.h"

#include "core/affinity/affinity.h"

namespace moirai {
namespace {

void Raise(std::atomic<uint64_t>& counter, uint64_t by) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

}  // namespace

void TickAccount::Open(uint32_t slot, uint64_t now) {
  TickCounters& counters = record_.tasks[slot];
  counters.ended.store(now, std::memory_order_relaxed);  // the watchdog counts from here
  counters.state.store(static_cast<uint32_t>(TickState::kRunning), std::memory_order_release);
  last_cpu_ = CurrentCpu();
}

void TickAccount::SetCpuWindow(uint64_t ns, uint64_t now) {
  window_.SetLength(ns);
  window_.Note(now, UseOfThisThread().cpu_ns);
}

void TickAccount::Close(uint32_t slot, TickState why) {
  record_.tasks[slot].state.store(static_cast<uint32_t>(why), std::memory_order_release);
}

bool TickAccount::TakeMeasurement(uint32_t slot, int64_t* late) {
  std::atomic<uint64_t>& adjust = record_.tasks[slot].adjust;
  if (adjust.load(std::memory_order_relaxed) == 0) return false;
  *late = static_cast<int64_t>(adjust.exchange(0, std::memory_order_relaxed)) >> 1;
  return true;
}

void TickAccount::NotePhase(uint32_t slot, const PhaseLock& lock) {
  TickCounters& counters = record_.tasks[slot];
  counters.phase_measured.store(lock.measured(), std::memory_order_relaxed);
  counters.phase_error.store(lock.error(), std::memory_order_relaxed);
  counters.phase_rate.store(static_cast<int64_t>(lock.rate() * 1000), std::memory_order_relaxed);
  counters.phase_locked.store(lock.locked() ? 1 : 0, std::memory_order_relaxed);
}

uint64_t TickAccount::Begin(uint32_t slot, uint64_t begin) {
  TickCounters& counters = record_.tasks[slot];
  begun_before_ = counters.begun.load(std::memory_order_relaxed);
  begun_ = begin;
  counters.begun.store(begin, std::memory_order_relaxed);
  before_ = UseOfThisThread();
  return counters.ticks.load(std::memory_order_relaxed) + 1;
}

void TickAccount::End(uint32_t slot, uint64_t release, uint64_t end) {
  TickCounters& counters = record_.tasks[slot];
  const uint64_t number = counters.ticks.load(std::memory_order_relaxed) + 1;
  counters.wakeup.Record(begun_ - release);
  if (number > 1) counters.period.Record(begun_ - begun_before_);
  counters.ticks.store(number, std::memory_order_relaxed);
  counters.ended.store(end, std::memory_order_relaxed);
  free_ = last_end_;
  last_end_ = end;
}

void TickAccount::Note(uint32_t slot, uint64_t release, const TickSchedule::Outcome& outcome) {
  TickCounters& counters = record_.tasks[slot];
  counters.execution.Record(last_end_ - begun_);
  counters.response.Record(last_end_ - release);
  if (outcome.overrun) Raise(counters.overruns, 1);
  if (outcome.skipped > 0) Raise(counters.skipped, outcome.skipped);
  const RealtimeUse after = UseOfThisThread();
  const uint32_t cpu = CurrentCpu();
  if (outcome.missed) NoteMiss(slot, release, outcome, after, cpu);
  window_.Note(last_end_, after.cpu_ns);
  last_cpu_ = cpu;
}

void TickAccount::NoteMiss(uint32_t slot, uint64_t release, const TickSchedule::Outcome& outcome,
                           const RealtimeUse& after, uint32_t cpu) {
  TickCounters& counters = record_.tasks[slot];
  Raise(counters.misses, 1);
  uint64_t miss[MissRecord::kNumbers];
  miss[MissRecord::kSlot] = slot;
  miss[MissRecord::kTick] = counters.ticks.load(std::memory_order_relaxed);
  miss[MissRecord::kRelease] = release;
  miss[MissRecord::kBegin] = begun_;
  miss[MissRecord::kEnd] = last_end_;
  miss[MissRecord::kFree] = free_ > release ? free_ : release;
  miss[MissRecord::kCpuNs] = after.cpu_ns - before_.cpu_ns;
  miss[MissRecord::kMinorFaults] = after.minor_faults - before_.minor_faults;
  miss[MissRecord::kMajorFaults] = after.major_faults - before_.major_faults;
  miss[MissRecord::kPreemptions] = after.preemptions - before_.preemptions;
  miss[MissRecord::kWaits] = after.waits - before_.waits;
  miss[MissRecord::kLoopEnd] = loop_end_;
  miss[MissRecord::kWindowCpuNs] = window_.Used(last_end_, after.cpu_ns);
  miss[MissRecord::kCpuBefore] = last_cpu_;
  miss[MissRecord::kCpuEnd] = cpu;
  miss[MissRecord::kSkipped] = outcome.skipped;
  record_.misses.Write(miss);
}

}  // namespace moirai
