// How long one thread spins before it parks: as long as spinning has lately paid, and not longer.
//
// A wait that ended while spinning keeps the budget at its maximum; one that did not halves it, down
// to nothing; a park that ended so soon that a full spin would have met the wake-up restores it. A
// gap in the spin itself means that the kernel gave the CPU to another thread: that one needs it
// more, so the spin ends and the budget is halved (karlin, li, manasse & owicki 1991 bound such a
// spin-then-block at twice the best strategy when the limit is the cost of blocking).
#pragma once

#include <cstdint>

namespace moirai {

class SpinBudget {
 public:
  static constexpr uint32_t kDefaultMaxNs = 50'000;  // about what waking an idle CPU costs

  void SetMax(uint32_t nanoseconds) { max_ = budget_ = nanoseconds; }
  uint32_t nanoseconds() const { return budget_; }

  void Hit() { budget_ = max_; }
  void Miss() { budget_ = budget_ / 2 < kLeastNs ? 0 : budget_ / 2; }

  // Parked for this long before work arrived, the latency of the wake-up included.
  void ParkedFor(uint64_t nanoseconds) {
    if (nanoseconds < uint64_t{3} * max_) budget_ = max_;
  }

  // Two looks at the clock in a spin are this far apart only if the thread did not run in between.
  static constexpr uint64_t kPreemptedNs = 20'000;

 private:
  static constexpr uint32_t kLeastNs = 1'000;

  uint32_t max_ = kDefaultMaxNs;
  uint32_t budget_ = kDefaultMaxNs;
};

}  // namespace moirai
