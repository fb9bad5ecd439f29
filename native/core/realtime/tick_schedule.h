// Which tick of a thread is due, and what becomes of the ones that were too late. Knows no clock:
// the times are told, in nanoseconds, and every release is a multiple of the period from the task's
// first.
//
// Ticks do not interrupt each other: the order decides among those that are released when the
// thread is free. Earliest deadline first: C. Liu and J. Layland, JACM 20 (1973); without
// preemption K. Jeffay, D. Stanat and C. Martel, RTSS 1991. Among equals the lower slot goes first.
//
// With a phase lock the grid follows an outside clock (phase_lock.h): each period is the nominal
// one and a step, which is bounded.
//
// An overrun is a release that passes while an earlier tick of the same task is not finished.
// Bounds on misses are (m,k)-firm: M. Hamdaoui and P. Ramanathan, IEEE Trans. Computers 44 (1995).
//
// Threads: one.
#pragma once

#include <cstdint>

#include "core/realtime/phase_lock.h"

namespace moirai {

class TickSchedule {
 public:
  static constexpr uint32_t kMaxTasks = 16;
  static constexpr uint32_t kMaxWindow = 64;

  enum class Order : uint32_t { kDeadline, kPeriod };
  enum class OnOverrun : uint32_t { kSkip, kCatchUp, kStop };

  struct Task {
    uint64_t period = 0;
    uint64_t deadline = 0;  // from the release to the end of the tick
    uint64_t first = 0;     // the first release
    OnOverrun on_overrun = OnOverrun::kSkip;
    uint32_t catch_up = 0;  // how many late releases are kept at most
    // Stop once more than `misses` of the last `window` releases missed; window 0: never.
    uint32_t misses = 0;
    uint32_t window = 0;
    PhaseLock::Options phase_lock;
  };

  // The first release at or after `now` on the grid of multiples of `period`, shifted by `phase`.
  static uint64_t FirstRelease(uint64_t now, uint64_t period, uint64_t phase);

  explicit TickSchedule(Order order) : order_(order) {}

  // False: no such slot, it is taken, or the numbers make no sense.
  bool Add(uint32_t slot, const Task& task);
  void Remove(uint32_t slot);
  bool Has(uint32_t slot) const { return slot < kMaxTasks && entries_[slot].active; }

  // The slot whose tick is to run now, or -1: none is released.
  int Pick(uint64_t now) const;
  // When the next one is released; UINT64_MAX: there is no task.
  uint64_t NextRelease() const;
  uint64_t release(uint32_t slot) const { return entries_[slot].release; }

  // The release of the tick that runs is late by so much against the outside clock.
  void Measure(uint32_t slot, int64_t late) { entries_[slot].lock.Measure(late); }
  const PhaseLock& phase_lock(uint32_t slot) const { return entries_[slot].lock; }

  enum class Verdict : uint32_t { kGoOn, kOverrun, kTooManyMisses };
  struct Outcome {
    bool missed = false;   // the tick ended after its deadline
    uint64_t skipped = 0;  // releases that get no tick
    bool overrun = false;  // the next release had passed before the end
    // Anything but kGoOn: the task is over and has been removed.
    Verdict verdict = Verdict::kGoOn;
  };
  // The tick of this slot's release ended at `end`.
  Outcome Finish(uint32_t slot, uint64_t end);

 private:
  struct Entry {
    Task task;
    uint64_t release = 0;
    uint64_t history = 0;  // one bit a release, the last one lowest; set: missed
    bool active = false;
    PhaseLock lock;
  };

  bool Note(Entry& entry, bool missed);

  Order order_;
  Entry entries_[kMaxTasks];
};

}  // namespace moirai
