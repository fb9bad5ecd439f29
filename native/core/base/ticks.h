// The cheapest monotonic clock there is, in units of its own, and how long such a unit is.
//
// Where the kernel itself keeps time by the processor's counter (clocksource `tsc`, on arm64
// `arch_sys_counter`), it has checked that the counter runs evenly and alike on all CPUs, and ticks
// are that counter, read without a system call or the vDSO's arithmetic. Elsewhere ticks are
// CLOCK_MONOTONIC's nanoseconds.
//
// A tick's length comes from two points, each a tick and the CLOCK_MONOTONIC time that belongs to
// it: the first is taken by Start, the second by every Refine, so that nobody waits at the start
// and the error shrinks as time passes. Error: a point is known to within half of the time between
// the two ticks around its reading (some 20 ns), the rate to within both points' errors over the
// time between them: 40 ns after 10 ms are 4 ppm. Rate::error is this bound. It holds against
// CLOCK_MONOTONIC as it ran since Start; the kernel may slew that by up to 500 ppm.
//
// Threads: all functions from any thread. Now's readings of different CPUs may be out of step by
// what their counters are: clamp differences at zero.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/clock.h"

namespace moirai {

class TickClock {
 public:
  struct Rate {
    double ns_per_tick;
    double error;  // relative: the true rate is within ns_per_tick * (1 +- error)
  };

  static TickClock& Process() { return process_; }

  // Before the first Now; again: nothing.
  void Start();

  uint64_t Now() const { return counts_.load(std::memory_order_relaxed) ? Counter() : NowNs(); }

  double NsPerTick() const { return ns_per_tick_.load(std::memory_order_relaxed); }

  // From `since` to `until`, in ns; 0 when they are the other way round.
  double Between(uint64_t since, uint64_t until) const {
    const auto ticks = static_cast<int64_t>(until - since);
    return ticks > 0 ? static_cast<double>(ticks) * NsPerTick() : 0;
  }

  // Measures the rate anew, over all the time since Start.
  Rate Refine();

  // Ticks are the processor's counter and not CLOCK_MONOTONIC.
  bool IsCounter() const { return counts_.load(std::memory_order_relaxed); }

 private:
  struct Point {
    uint64_t ticks;
    uint64_t ns;
    double width_ticks;  // of the reading: the point is in its middle, to within half of it
  };

  static uint64_t Counter() {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t value;
    asm volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#else
    return NowNs();
#endif
  }
  Point Take() const;

  static TickClock process_;

  enum : uint32_t { kNew, kStarting, kStarted };
  std::atomic<uint32_t> state_{kNew};
  std::atomic<bool> counts_{false};
  std::atomic<double> ns_per_tick_{1};
  Point first_{};  // written before state_ is kStarted, which publishes it
};

inline constinit TickClock TickClock::process_;

}  // namespace moirai
