#include "core/base/ticks.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>

namespace moirai {

namespace {

#if defined(__x86_64__)
constexpr char kCounterSource[] = "tsc\n";
#elif defined(__aarch64__)
constexpr char kCounterSource[] = "arch_sys_counter\n";
#else
constexpr char kCounterSource[] = "none";
#endif

bool KernelUsesCounter() {
  const int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                        O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char name[64] = {};
  const ssize_t length = read(file, name, sizeof name - 1);
  close(file);
  return length > 0 && std::strcmp(name, kCounterSource) == 0;
}

}  // namespace

// The best of a few readings: one that an interrupt came between is known to be bad by its width.
TickClock::Point TickClock::Take() const {
  Point best{0, 0, 0};
  uint64_t best_width = UINT64_MAX;
  for (int i = 0; i < 5; i++) {
    const uint64_t before = Now();
    const uint64_t ns = NowNs();
    const uint64_t after = Now();
    if (after < before || after - before >= best_width) continue;
    best_width = after - before;
    best = {before + best_width / 2, ns, static_cast<double>(best_width)};
  }
  return best;
}

void TickClock::Start() {
  uint32_t seen = kNew;
  if (state_.compare_exchange_strong(seen, kStarting, std::memory_order_acquire)) {
    counts_.store(KernelUsesCounter(), std::memory_order_relaxed);
    first_ = Take();
    // Release pairs with the acquires below and in Refine.
    state_.store(kStarted, std::memory_order_release);
    Refine();
    return;
  }
  while (state_.load(std::memory_order_acquire) != kStarted) sched_yield();
}

TickClock::Rate TickClock::Refine() {
  if (state_.load(std::memory_order_acquire) != kStarted) return {1, 1};
  if (!IsCounter()) return {1, 0};
  for (;;) {
    const Point second = Take();
    // No two clocks give a rate before either has moved on.
    if (second.ticks <= first_.ticks || second.ns <= first_.ns) continue;
    const auto ns = static_cast<double>(second.ns - first_.ns);
    const auto ticks = static_cast<double>(second.ticks - first_.ticks);
    const double rate = ns / ticks;
    ns_per_tick_.store(rate, std::memory_order_relaxed);
    // Half of each width is the point's own; 1 ns is the clock's resolution.
    const double uncertainty = (first_.width_ticks + second.width_ticks) * rate / 2 + 2;
    return {rate, uncertainty / ns};
  }
}

}  // namespace moirai
